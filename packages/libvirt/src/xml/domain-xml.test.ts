import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Connection } from "../connection.ts";
import { XML } from "../protocol/flags.ts";
import { type PrivateLibvirtd, startPrivateLibvirtd, tinyGuest } from "../testing/index.ts";
import {
  buildDeviceXml,
  buildDomainXml,
  type DomainXml,
  findMetadata,
  metadataElement,
  parseDeviceXml,
  parseDomainXml,
} from "./domain-xml.ts";
import { element, parseXml, type XmlElement, XmlError } from "./xml-tree.ts";

/** Every part of the model at once, and markup wherever text may be. */
const EVERYTHING: DomainXml = {
  type: "qemu",
  name: `all "of" it's <b>&amp;<b>`,
  uuid: "11111111-2222-4333-8444-555555555555",
  title: "A title with <markup> & more",
  description: "Two\nlines\tand ]]> an end",
  metadata: [
    metadataElement("urn:example:vm", "ex", "vm", { urn: "a&b<c>" }, element("ex:note", {}, "text <here>")),
    metadataElement("urn:example:other", "o", "empty"),
  ],
  maxMemory: { slots: 4, unit: "KiB", value: 1048576 },
  memoryKiB: 262144,
  currentMemoryKiB: 131072,
  memoryBacking: { source: { type: "memfd" }, access: { mode: "shared" } },
  vcpu: { placement: "static", cpuset: "0-1", current: 2, count: 4 },
  ioThreads: 1,
  cpuTune: {
    shares: 2048,
    periodUs: 100000,
    quotaUs: -1,
    vcpuPins: [
      { vcpu: 0, cpuset: "0" },
      { vcpu: 1, cpuset: "0-1" },
    ],
    emulatorPin: { cpuset: "1" },
  },
  os: {
    type: { arch: "x86_64", machine: "q35", value: "hvm" },
    bootMenu: { enable: true, timeoutMs: 3000 },
    smbios: { mode: "sysinfo" },
  },
  sysinfo: { type: "smbios", system: { entries: [{ name: "manufacturer", value: "Example & <Sons>" }] } },
  features: { acpi: true, apic: true, pae: true, vmport: { state: false }, kvm: { hidden: { state: true } } },
  cpu: {
    mode: "custom",
    match: "exact",
    check: "none",
    model: { fallback: "forbid", name: "Nehalem" },
    topology: { sockets: 2, dies: 1, cores: 2, threads: 1 },
    features: [{ name: "vmx", policy: "disable" }],
    numa: { cells: [{ id: 0, cpus: "0-3", memory: 262144, unit: "KiB" }] },
  },
  clock: {
    offset: "utc",
    timers: [
      { name: "rtc", tickPolicy: "catchup" },
      { name: "hpet", present: false },
    ],
  },
  onPoweroff: "destroy",
  onReboot: "restart",
  onCrash: "preserve",
  pm: { suspendToMem: { enabled: false }, suspendToDisk: { enabled: false } },
  devices: {
    emulator: "/usr/bin/qemu-system-x86_64",
    disks: [
      {
        type: "file",
        device: "disk",
        snapshot: "external",
        driver: { name: "qemu", type: "qcow2", cache: "none", io: "native", discard: "unmap", iothread: 1 },
        source: { file: '/data/<odd> & "name".qcow2' },
        target: { dev: "vda", bus: "virtio" },
        iotune: { totalBytesSec: 10485760, totalIopsSec: 500 },
        serial: "disk-0001",
        boot: { order: 1 },
      },
      {
        type: "network",
        device: "disk",
        driver: { name: "qemu", type: "raw" },
        source: { protocol: "nbd", name: "export", hosts: [{ name: "10.0.0.1", port: 10809 }] },
        target: { dev: "vdb", bus: "virtio" },
      },
      {
        type: "file",
        device: "disk",
        driver: { name: "qemu", type: "qcow2" },
        source: { file: "/data/scratch.qcow2" },
        target: { dev: "vdc", bus: "virtio" },
        transient: {},
      },
      {
        type: "block",
        device: "disk",
        driver: { name: "qemu", type: "raw", cache: "directsync" },
        source: { dev: "/dev/nothing" },
        target: { dev: "sda", bus: "scsi" },
        shareable: true,
      },
      {
        type: "file",
        device: "cdrom",
        target: { dev: "sdb", bus: "sata", tray: "open" },
        readonly: true,
        boot: { order: 2 },
      },
    ],
    controllers: [
      { type: "scsi", index: 0, model: "virtio-scsi", driver: { queues: 2 } },
      { type: "virtio-serial", index: 0, ports: 8 },
    ],
    interfaces: [
      {
        type: "bridge",
        mac: { address: "52:54:00:aa:bb:cc" },
        source: { bridge: "dvs0" },
        virtualPort: {
          type: "openvswitch",
          parameters: { interfaceId: "b54ae6a3-28aa-4bc3-8db4-2e17b41d0a0b" },
        },
        vlan: { tags: [{ id: 42 }] },
        target: { dev: "nic-a" },
        model: { type: "virtio" },
        driver: { name: "qemu", queues: 2, host: { checksum: false, gso: false } },
        rom: { enabled: false },
        link: { state: "down" },
        mtu: { size: 1450 },
        boot: { order: 3 },
      },
      {
        type: "bridge",
        mac: { address: "52:54:00:aa:bb:cd" },
        source: { bridge: "dvs0" },
        virtualPort: {
          type: "openvswitch",
          parameters: { interfaceId: "b54ae6a3-28aa-4bc3-8db4-2e17b41d0a0c" },
        },
        vlan: { trunk: true, tags: [{ id: 10, nativeMode: "untagged" }, { id: 20 }] },
        model: { type: "e1000e" },
      },
    ],
    serials: [
      {
        type: "file",
        source: { path: "/var/log/<vm>.log", append: true },
        target: { type: "isa-serial", port: 0, model: { name: "isa-serial" } },
      },
    ],
    consoles: [
      {
        type: "file",
        source: { path: "/var/log/<vm>.log", append: true },
        target: { type: "serial", port: 0 },
      },
    ],
    channels: [{ type: "unix", target: { type: "virtio", name: "org.qemu.guest_agent.0" } }],
    inputs: [{ type: "tablet", bus: "usb" }],
    graphics: [
      {
        type: "vnc",
        port: -1,
        autoport: true,
        websocket: -1,
        listenAddress: "127.0.0.1",
        passwd: "a<b>c&",
        keymap: "de",
        listens: [{ type: "address", address: "127.0.0.1" }],
      },
    ],
    videos: [{ model: { type: "vga", vramKiB: 16384, heads: 1, primary: true } }],
    memoryBalloon: { model: "virtio", stats: { periodS: 10 } },
    rngs: [
      {
        model: "virtio",
        rate: { bytes: 1024, periodMs: 1000 },
        backend: { model: "random", path: "/dev/urandom" },
      },
    ],
    panics: [{ model: "isa" }],
    watchdogs: [{ model: "i6300esb", action: "reset" }],
  },
};

describe("domain XML by itself", () => {
  it("is the same object again after building and parsing", () => {
    assert.deepEqual(parseDomainXml(buildDomainXml(EVERYTHING)), EVERYTHING);
  });

  it("finds metadata by its namespace, whatever the prefix", () => {
    assert.equal(findMetadata(EVERYTHING, "urn:example:vm")?.attributes["urn"], "a&b<c>");
    assert.equal(findMetadata(EVERYTHING, "urn:example:none"), undefined);
    const unprefixed = { metadata: [element("vm", { xmlns: "urn:example:vm" })] };
    assert.equal(findMetadata(unprefixed, "urn:example:vm")?.name, "vm");
  });

  it("keeps what it does not know, in its place", () => {
    const xml =
      "<domain type='qemu'><name>a</name><memory>1024</memory><genid>x</genid><os><type>hvm</type><dtb>/d</dtb></os>" +
      "<devices><disk type='file' sgio='filtered'><target dev='vda'/><mirror job='copy'/></disk><hub type='usb'/></devices></domain>";
    const spec = parseDomainXml(xml);
    assert.deepEqual(spec.extra, [element("genid", {}, "x")]);
    assert.deepEqual(spec.devices?.disks?.[0]?.extraAttributes, { sgio: "filtered" });
    assert.deepEqual(parseDomainXml(buildDomainXml(spec)), spec);
    assert.match(buildDomainXml(spec), /<disk type="file" sgio="filtered">[\s\S]*<mirror job="copy"\/>/);
  });

  const sizes: [string, number][] = [
    ["<memory>2048</memory>", 2048],
    ["<memory unit='MiB'>2</memory>", 2048],
    ["<memory unit='b'>1025</memory>", 2],
    ["<memory unit='GB'>1</memory>", 976563],
  ];
  for (const [memory, kiB] of sizes) {
    it(`reads ${memory} as ${kiB} KiB`, () => {
      const spec = parseDomainXml(
        `<domain type='qemu'><name>a</name>${memory}<os><type>hvm</type></os></domain>`,
      );
      assert.equal(spec.memoryKiB, kiB);
    });
  }

  const refused: [name: string, attempt: () => unknown, message: RegExp][] = [
    ["another root", () => parseDomainXml("<network/>"), /<network> is not a domain/],
    [
      "a domain without name",
      () => parseDomainXml("<domain type='qemu'><memory>1</memory></domain>"),
      /has no name/,
    ],
    [
      "a number that is none",
      () => parseDomainXml("<domain type='qemu'><name>a</name><memory>much</memory></domain>"),
      /"much" is not a number/,
    ],
    [
      "a spec without what XML needs",
      () => buildDomainXml({ name: "a" } as DomainXml),
      /<domain> needs type/,
    ],
    ["a fraction", () => buildDomainXml({ ...EVERYTHING, memoryKiB: 1.5 }), /1.5 is not a whole number/],
    ["a control character", () => buildDomainXml({ ...EVERYTHING, title: "\u0007" }), /U\+0007/],
    [
      "the wrong device",
      () => parseDeviceXml("disk", "<interface type='bridge'/>"),
      /<interface> is not a disk/,
    ],
  ];
  for (const [name, attempt, message] of refused) {
    it(`refuses ${name}`, () => {
      assert.throws(attempt, (error) => error instanceof XmlError && message.test(error.message));
    });
  }

  it("builds and reads single devices", () => {
    const disk = EVERYTHING.devices?.disks?.[0];
    assert.ok(disk);
    assert.deepEqual(parseDeviceXml("disk", buildDeviceXml("disk", disk)), disk);
  });
});

describe("domain XML and a real libvirt", () => {
  let libvirtd: PrivateLibvirtd;
  let connection: Connection;

  before(async () => {
    libvirtd = await startPrivateLibvirtd();
    connection = await libvirtd.connect();
  });
  after(async () => {
    await libvirtd[Symbol.asyncDispose]();
  });

  it("libvirt takes everything, markup included, and gives it back", async () => {
    const domain = await connection.defineDomain(buildDomainXml(EVERYTHING));
    const back = parseDomainXml(await domain.xml(XML.secure | XML.inactive));
    assert.equal(back.name, EVERYTHING.name);
    const { extra, ...known } = withoutLibvirtsOwn(back);
    assert.equal(extra, undefined);
    assertHolds(known, { ...EVERYTHING, os: { ...EVERYTHING.os, type: known.os?.type } }, "domain");
    await domain.undefine();
  });

  it("what libvirt writes goes back unchanged, of a stored and of a running domain", async () => {
    const stored = await connection.defineDomain(buildDomainXml(EVERYTHING));
    const running = await connection.createDomain(
      buildDomainXml(
        tinyGuest("echo", {
          devices: { graphics: [{ type: "vnc", autoport: true }], channels: EVERYTHING.devices?.channels },
        }),
      ),
    );
    for (const xml of [
      await stored.xml(XML.secure),
      await running.xml(),
      await running.xml(XML.inactive | XML.secure),
    ]) {
      assert.deepEqual(sorted(parseXml(buildDomainXml(parseDomainXml(xml)))), sorted(parseXml(xml)));
    }
    await stored.undefine();
    await running.destroy();
  });
});

/** What libvirt adds by itself and the spec did not name, for comparing the rest. */
function withoutLibvirtsOwn(spec: DomainXml): Partial<DomainXml> {
  const { devices, ...rest } = spec;
  return {
    ...rest,
    devices: { ...devices, controllers: devices?.controllers?.filter(({ type }) => type !== "pci") },
  };
}

/** Whether `actual` says everything `expected` does; it may say more, as libvirt fills in addresses and defaults. */
function assertHolds(actual: unknown, expected: unknown, path: string): void {
  if (Array.isArray(expected)) {
    assert.ok(Array.isArray(actual), path);
    for (const [index, one] of expected.entries()) assertHolds(actual[index], one, `${path}[${index}]`);
  } else if (typeof expected === "object" && expected !== null) {
    assert.ok(typeof actual === "object" && actual !== null, path);
    for (const [key, one] of Object.entries(expected)) {
      assertHolds((actual as Record<string, unknown>)[key], one, `${path}.${key}`);
    }
  } else {
    assert.deepEqual(actual, expected, path);
  }
}

/** Children by name, keeping the order within a name: the tables write kinds of devices one after the other. */
function sorted(node: XmlElement): unknown {
  const children = node.children.map((child) => (typeof child === "string" ? child : sorted(child)));
  return { ...node, children: children.toSorted((a, b) => nameOf(a).localeCompare(nameOf(b))) };
}

function nameOf(child: unknown): string {
  return typeof child === "string" ? "" : (child as XmlElement).name;
}
