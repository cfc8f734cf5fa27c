import * as device from "./device-shapes.ts";
import {
  attr,
  buildShape,
  content,
  flag,
  foreign,
  group,
  list,
  number,
  onOff,
  parseShape,
  required,
  type ShapeValue,
  sizeKiB,
  string,
  text,
  word,
  yesNo,
} from "./xml-shape.ts";
import { element, formatXml, parseXml, type XmlElement, XmlError, type XmlNode } from "./xml-tree.ts";

const lifecycleAction = word<
  "destroy" | "restart" | "preserve" | "rename-restart" | "coredump-destroy" | "coredump-restart"
>();
const state = { state: attr("state", onOff) };

const cpu = {
  mode: attr("mode", word<"host-passthrough" | "host-model" | "custom" | "maximum">()),
  match: attr("match", word<"minimum" | "exact" | "strict">()),
  check: attr("check", word<"none" | "partial" | "full">()),
  migratable: attr("migratable", onOff),
  model: group("model", { fallback: attr("fallback", word<"allow" | "forbid">()), name: content(string) }),
  vendor: text("vendor"),
  topology: group("topology", {
    sockets: required(attr("sockets", number)),
    dies: attr("dies", number),
    cores: required(attr("cores", number)),
    threads: required(attr("threads", number)),
  }),
  cache: group("cache", { mode: attr("mode"), level: attr("level", number) }),
  features: list("feature", {
    name: required(attr("name")),
    policy: attr("policy", word<"force" | "require" | "optional" | "disable" | "forbid">()),
  }),
  numa: group("numa", {
    cells: list("cell", {
      id: attr("id", number),
      cpus: attr("cpus"),
      memory: attr("memory", number),
      unit: attr("unit"),
      memAccess: attr("memAccess", word<"shared" | "private">()),
    }),
  }),
};

const os = {
  /** "efi" lets libvirt choose loader and NVRAM; without it, and without a loader, the BIOS boots. */
  firmware: attr("firmware", word<"efi" | "bios">()),
  type: required(
    group("type", { arch: attr("arch"), machine: attr("machine"), value: required(content(word<"hvm">())) }),
  ),
  firmwareFeatures: group("firmware", {
    features: list("feature", {
      enabled: attr("enabled", yesNo),
      name: attr("name", word<"secure-boot" | "enrolled-keys">()),
    }),
  }),
  loader: group("loader", {
    readonly: attr("readonly", yesNo),
    secure: attr("secure", yesNo),
    type: attr("type", word<"rom" | "pflash">()),
    path: content(string),
  }),
  nvram: group("nvram", { template: attr("template"), path: content(string) }),
  kernel: text("kernel"),
  initrd: text("initrd"),
  cmdline: text("cmdline"),
  /** Classes of devices in order; not together with <boot> in devices. */
  boot: list("boot", { dev: required(attr("dev", word<"hd" | "cdrom" | "network" | "fd">())) }),
  bootMenu: group("bootmenu", { enable: attr("enable", yesNo), timeoutMs: attr("timeout", number) }),
  bios: group("bios", {
    useSerial: attr("useserial", yesNo),
    rebootTimeoutMs: attr("rebootTimeout", number),
  }),
  smbios: group("smbios", { mode: attr("mode", word<"sysinfo" | "emulate" | "host">()) }),
};

const features = {
  acpi: flag("acpi"),
  apic: flag("apic"),
  pae: flag("pae"),
  smm: group("smm", state),
  vmport: group("vmport", state),
  kvm: group("kvm", { hidden: group("hidden", state) }),
  hyperv: group("hyperv", {
    mode: attr("mode", word<"custom" | "passthrough">()),
    relaxed: group("relaxed", state),
    vapic: group("vapic", state),
    spinlocks: group("spinlocks", { ...state, retries: attr("retries", number) }),
    vpindex: group("vpindex", state),
    runtime: group("runtime", state),
    synic: group("synic", state),
    stimer: group("stimer", state),
    reset: group("reset", state),
    frequencies: group("frequencies", state),
    reenlightenment: group("reenlightenment", state),
    tlbflush: group("tlbflush", state),
    ipi: group("ipi", state),
  }),
  /** Emulation only: how much translated code is kept. */
  tcg: group("tcg", { tbCache: group("tb-cache", { unit: attr("unit"), value: content(number) }) }),
};

const clock = {
  offset: required(attr("offset", word<"utc" | "localtime" | "timezone" | "variable" | "absolute">())),
  timezone: attr("timezone"),
  adjustmentS: attr("adjustment"),
  basis: attr("basis", word<"utc" | "localtime">()),
  startS: attr("start", number),
  timers: list("timer", {
    name: required(attr("name", word<"rtc" | "pit" | "hpet" | "tsc" | "kvmclock" | "hypervclock">())),
    present: attr("present", yesNo),
    tickPolicy: attr("tickpolicy", word<"delay" | "catchup" | "merge" | "discard">()),
    track: attr("track"),
  }),
};

const cpuTune = {
  shares: text("shares", number),
  /** µs, of each vCPU. */
  periodUs: text("period", number),
  /** µs in each period and for each vCPU; negative is without limit. */
  quotaUs: text("quota", number),
  globalPeriodUs: text("global_period", number),
  globalQuotaUs: text("global_quota", number),
  emulatorPeriodUs: text("emulator_period", number),
  emulatorQuotaUs: text("emulator_quota", number),
  vcpuPins: list("vcpupin", { vcpu: required(attr("vcpu", number)), cpuset: required(attr("cpuset")) }),
  emulatorPin: group("emulatorpin", { cpuset: required(attr("cpuset")) }),
};

const devices = {
  emulator: text("emulator"),
  disks: list("disk", device.disk),
  controllers: list("controller", device.controller),
  interfaces: list("interface", device.networkInterface),
  serials: list("serial", device.serial),
  consoles: list("console", device.consoleDevice),
  channels: list("channel", device.channel),
  inputs: list("input", device.input),
  graphics: list("graphics", device.graphics),
  videos: list("video", device.video),
  hostDevices: list("hostdev", device.hostDevice),
  memoryBalloon: group("memballoon", device.memoryBalloon),
  rngs: list("rng", device.rng),
  panics: list("panic", device.panic),
  watchdogs: list("watchdog", device.watchdog),
  tpms: list("tpm", device.tpm),
  memoryDevices: list("memory", device.memoryDevice),
  leases: list("lease", device.lease),
};

const domain = {
  type: required(attr("type", word<"kvm" | "qemu" | "test">())),
  /** Only in what libvirt writes about a running domain. */
  id: attr("id", number),
  name: required(text("name")),
  uuid: text("uuid"),
  title: text("title"),
  description: text("description"),
  /** Elements of your own, each in a namespace of its own; see metadataElement. */
  metadata: foreign("metadata"),
  /** Room for memory plugged in later. */
  maxMemory: group("maxMemory", { slots: attr("slots", number), unit: attr("unit"), value: content(number) }),
  memoryKiB: required(sizeKiB("memory")),
  currentMemoryKiB: sizeKiB("currentMemory"),
  memoryBacking: group("memoryBacking", {
    hugepages: group("hugepages", {
      pages: list("page", { size: attr("size", number), unit: attr("unit"), nodeset: attr("nodeset") }),
    }),
    locked: flag("locked"),
    source: group("source", { type: attr("type", word<"anonymous" | "file" | "memfd">()) }),
    access: group("access", { mode: attr("mode", word<"shared" | "private">()) }),
  }),
  vcpu: group("vcpu", {
    placement: attr("placement", word<"static" | "auto">()),
    cpuset: attr("cpuset"),
    current: attr("current", number),
    count: required(content(number)),
  }),
  ioThreads: text("iothreads", number),
  cpuTune: group("cputune", cpuTune),
  memoryTune: group("memtune", {
    hardLimitKiB: sizeKiB("hard_limit"),
    softLimitKiB: sizeKiB("soft_limit"),
    minGuaranteeKiB: sizeKiB("min_guarantee"),
  }),
  numaTune: group("numatune", {
    memory: group("memory", {
      mode: attr("mode", word<"strict" | "preferred" | "interleave" | "restrictive">()),
      nodeset: attr("nodeset"),
      placement: attr("placement"),
    }),
  }),
  blockTune: group("blkiotune", { weight: text("weight", number) }),
  sysinfo: group("sysinfo", {
    type: attr("type", word<"smbios">()),
    system: group("system", {
      entries: list("entry", { name: required(attr("name")), value: content(string) }),
    }),
  }),
  os: required(group("os", os)),
  features: group("features", features),
  cpu: group("cpu", cpu),
  clock: group("clock", clock),
  onPoweroff: text("on_poweroff", lifecycleAction),
  onReboot: text("on_reboot", lifecycleAction),
  onCrash: text("on_crash", lifecycleAction),
  pm: group("pm", {
    suspendToMem: group("suspend-to-mem", { enabled: attr("enabled", yesNo) }),
    suspendToDisk: group("suspend-to-disk", { enabled: attr("enabled", yesNo) }),
  }),
  devices: group("devices", devices),
};

/**
 * A domain as libvirt's XML describes it. What the tables above do not know is in `extra` (elements) and
 * `extraAttributes` of the element it was found in, so parsing and building again keeps it.
 */
export type DomainXml = ShapeValue<typeof domain>;

/** The XML for defineDomain and createDomain. Throws XmlError for what XML cannot carry. */
export function buildDomainXml(spec: DomainXml): string {
  return formatXml(buildShape("domain", domain, spec));
}

/** Reads what libvirt writes, of any state of a domain. Throws XmlError when it is not a domain. */
export function parseDomainXml(xml: string): DomainXml {
  const root = parseXml(xml);
  if (root.name !== "domain") throw new XmlError(`<${root.name}> is not a domain.`);
  return parseShape(domain, root);
}

export type DeviceKind = keyof typeof device.DEVICE_SHAPES;
export type DeviceXml<K extends DeviceKind> = ShapeValue<(typeof device.DEVICE_SHAPES)[K]>;

/** The XML of one device, for attachDevice and its like: `buildDeviceXml("disk", { … })`. */
export function buildDeviceXml<K extends DeviceKind>(kind: K, spec: DeviceXml<K>): string {
  return formatXml(buildShape(kind, device.DEVICE_SHAPES[kind], spec as never)); // spec is of this very shape
}

export function parseDeviceXml<K extends DeviceKind>(kind: K, xml: string): DeviceXml<K> {
  const root = parseXml(xml);
  if (root.name !== kind) throw new XmlError(`<${root.name}> is not a ${kind}.`);
  return parseShape(device.DEVICE_SHAPES[kind], root);
}

/** An element for DomainXml.metadata, in your namespace: `<prefix:name xmlns:prefix="namespace">`. */
export function metadataElement(
  namespace: string,
  prefix: string,
  name: string,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly XmlNode[]
): XmlElement {
  return element(`${prefix}:${name}`, { [`xmlns:${prefix}`]: namespace, ...attributes }, ...children);
}

/** The metadata of one namespace, whatever prefix it was given. */
export function findMetadata(spec: Pick<DomainXml, "metadata">, namespace: string): XmlElement | undefined {
  return spec.metadata?.find(({ name, attributes }) => {
    const [prefix, local] = name.split(":");
    return (local === undefined ? attributes["xmlns"] : attributes[`xmlns:${prefix}`]) === namespace;
  });
}
