import {
  attr,
  content,
  flag,
  group,
  list,
  number,
  onOff,
  required,
  type ShapeValue,
  string,
  text,
  word,
  yesNo,
} from "./xml-shape.ts";

/**
 * libvirt's device elements as tables. Keys are libvirt's own names, in camel case; what a value means is in
 * libvirt's documentation of the domain format.
 */

const alias = group("alias", { name: attr("name") });
/** Where on its bus a device sits; which fields there are depends on `type`. PCI's parts are hexadecimal. */
const address = group("address", {
  type: attr("type", word<"pci" | "drive" | "virtio-serial" | "usb" | "isa" | "dimm">()),
  domain: attr("domain"),
  controller: attr("controller", number),
  bus: attr("bus"),
  slot: attr("slot"),
  function: attr("function"),
  multifunction: attr("multifunction", onOff),
  target: attr("target", number),
  unit: attr("unit", number),
  port: attr("port"),
});
const boot = group("boot", { order: required(attr("order", number)) });
const virtioDriver = { iommu: attr("iommu", onOff), ats: attr("ats", onOff), packed: attr("packed", onOff) };

const host = {
  name: attr("name"),
  port: attr("port", number),
  transport: attr("transport", word<"tcp" | "unix" | "rdma">()),
  socket: attr("socket"),
};

const diskSource = {
  file: attr("file"),
  dev: attr("dev"),
  dir: attr("dir"),
  protocol: attr("protocol", word<"nbd" | "iscsi" | "rbd" | "http" | "https" | "gluster">()),
  name: attr("name"),
  pool: attr("pool"),
  volume: attr("volume"),
  tls: attr("tls", yesNo),
  startupPolicy: attr("startupPolicy", word<"mandatory" | "requisite" | "optional">()),
  /** Written by libvirt: the number of the image in the chain. */
  index: attr("index", number),
  hosts: list("host", host),
  auth: group("auth", {
    username: attr("username"),
    secret: group("secret", { type: attr("type"), uuid: attr("uuid"), usage: attr("usage") }),
  }),
};

export const disk = {
  type: required(attr("type", word<"file" | "block" | "network" | "dir" | "volume">())),
  device: attr("device", word<"disk" | "cdrom" | "floppy" | "lun">()),
  model: attr("model"),
  snapshot: attr("snapshot", word<"internal" | "external" | "no" | "manual">()),
  rawio: attr("rawio", yesNo),
  driver: group("driver", {
    name: attr("name"),
    type: attr("type", word<"raw" | "qcow2">()),
    cache: attr("cache", word<"none" | "writeback" | "writethrough" | "directsync" | "unsafe">()),
    io: attr("io", word<"threads" | "native" | "io_uring">()),
    discard: attr("discard", word<"unmap" | "ignore">()),
    detectZeroes: attr("detect_zeroes", word<"off" | "on" | "unmap">()),
    errorPolicy: attr("error_policy", word<"stop" | "report" | "ignore" | "enospace">()),
    rerrorPolicy: attr("rerror_policy", word<"stop" | "report" | "ignore">()),
    iothread: attr("iothread", number),
    queues: attr("queues", number),
    ...virtioDriver,
  }),
  source: group("source", diskSource),
  target: required(
    group("target", {
      dev: required(attr("dev")),
      bus: attr("bus", word<"virtio" | "scsi" | "ide" | "sata" | "usb" | "fdc">()),
      tray: attr("tray", word<"open" | "closed">()),
      removable: attr("removable", onOff),
      rotationRate: attr("rotation_rate", number),
    }),
  ),
  /** Each limit of bytes or requests per second; the total excludes the two parts. */
  iotune: group("iotune", {
    totalBytesSec: text("total_bytes_sec", number),
    readBytesSec: text("read_bytes_sec", number),
    writeBytesSec: text("write_bytes_sec", number),
    totalIopsSec: text("total_iops_sec", number),
    readIopsSec: text("read_iops_sec", number),
    writeIopsSec: text("write_iops_sec", number),
    totalBytesSecMax: text("total_bytes_sec_max", number),
    readBytesSecMax: text("read_bytes_sec_max", number),
    writeBytesSecMax: text("write_bytes_sec_max", number),
    totalIopsSecMax: text("total_iops_sec_max", number),
    readIopsSecMax: text("read_iops_sec_max", number),
    writeIopsSecMax: text("write_iops_sec_max", number),
    sizeIopsSec: text("size_iops_sec", number),
    groupName: text("group_name"),
  }),
  readonly: flag("readonly"),
  shareable: flag("shareable"),
  transient: group("transient", { shareBacking: attr("shareBacking", yesNo) }),
  serial: text("serial"),
  wwn: text("wwn"),
  vendor: text("vendor"),
  product: text("product"),
  boot,
  alias,
  address,
};

const rate = {
  /** KiB/s; `burst` is in KiB. */
  average: attr("average", number),
  peak: attr("peak", number),
  burst: attr("burst", number),
  floor: attr("floor", number),
};

export const networkInterface = {
  type: required(
    attr("type", word<"bridge" | "network" | "ethernet" | "user" | "direct" | "vhostuser" | "hostdev">()),
  ),
  managed: attr("managed", yesNo),
  mac: group("mac", { address: required(attr("address")) }),
  source: group("source", {
    bridge: attr("bridge"),
    network: attr("network"),
    portgroup: attr("portgroup"),
    dev: attr("dev"),
    mode: attr("mode"),
    type: attr("type"),
    path: attr("path"),
  }),
  virtualPort: group("virtualport", {
    type: attr("type", word<"openvswitch" | "802.1Qbg" | "802.1Qbh" | "midonet">()),
    parameters: group("parameters", { interfaceId: attr("interfaceid"), profileId: attr("profileid") }),
  }),
  vlan: group("vlan", {
    trunk: attr("trunk", yesNo),
    tags: list("tag", {
      id: required(attr("id", number)),
      nativeMode: attr("nativeMode", word<"tagged" | "untagged">()),
    }),
  }),
  target: group("target", { dev: attr("dev"), managed: attr("managed", yesNo) }),
  model: group("model", {
    type: attr("type", word<"virtio" | "e1000" | "e1000e" | "rtl8139" | "vmxnet3">()),
  }),
  driver: group("driver", {
    name: attr("name", word<"qemu" | "vhost">()),
    queues: attr("queues", number),
    rxQueueSize: attr("rx_queue_size", number),
    txQueueSize: attr("tx_queue_size", number),
    host: group("host", {
      checksum: attr("csum", onOff),
      gso: attr("gso", onOff),
      tso4: attr("tso4", onOff),
      tso6: attr("tso6", onOff),
      ecn: attr("ecn", onOff),
      ufo: attr("ufo", onOff),
      mergeableRxBuffers: attr("mrg_rxbuf", onOff),
    }),
    guest: group("guest", {
      checksum: attr("csum", onOff),
      tso4: attr("tso4", onOff),
      tso6: attr("tso6", onOff),
      ecn: attr("ecn", onOff),
      ufo: attr("ufo", onOff),
    }),
    ...virtioDriver,
  }),
  rom: group("rom", { enabled: attr("enabled", yesNo), bar: attr("bar", onOff), file: attr("file") }),
  link: group("link", { state: attr("state", word<"up" | "down">()) }),
  mtu: group("mtu", { size: attr("size", number) }),
  filterRef: group("filterref", { filter: attr("filter") }),
  bandwidth: group("bandwidth", { inbound: group("inbound", rate), outbound: group("outbound", rate) }),
  portIsolated: group("port", { isolated: attr("isolated", yesNo) }),
  boot,
  alias,
  address,
};

export const controller = {
  type: required(attr("type", word<"pci" | "usb" | "scsi" | "ide" | "sata" | "virtio-serial" | "fdc">())),
  index: attr("index", number),
  model: attr("model"),
  ports: attr("ports", number),
  vectors: attr("vectors", number),
  driver: group("driver", {
    iothread: attr("iothread", number),
    queues: attr("queues", number),
    ...virtioDriver,
  }),
  alias,
  address,
};

const characterSource = {
  type: required(attr("type", word<"pty" | "file" | "unix" | "tcp" | "null" | "spicevmc">())),
  /** Written by libvirt for a console: the terminal's path. */
  tty: attr("tty"),
  source: group("source", {
    path: attr("path"),
    mode: attr("mode", word<"bind" | "connect">()),
    append: attr("append", onOff),
    host: attr("host"),
    service: attr("service"),
  }),
  protocol: group("protocol", { type: attr("type") }),
  log: group("log", { file: required(attr("file")), append: attr("append", onOff) }),
};

export const channel = {
  ...characterSource,
  target: group("target", {
    type: attr("type", word<"virtio" | "guestfwd">()),
    name: attr("name"),
    state: attr("state", word<"connected" | "disconnected">()),
  }),
  alias,
  address,
};

export const serial = {
  ...characterSource,
  target: group("target", {
    type: attr("type", word<"isa-serial" | "pci-serial" | "usb-serial">()),
    port: attr("port", number),
    model: group("model", { name: attr("name") }),
  }),
  alias,
  address,
};

export const consoleDevice = {
  ...characterSource,
  target: group("target", { type: attr("type", word<"serial" | "virtio">()), port: attr("port", number) }),
  alias,
  address,
};

export const graphics = {
  type: required(attr("type", word<"vnc" | "spice" | "egl-headless">())),
  port: attr("port", number),
  autoport: attr("autoport", yesNo),
  websocket: attr("websocket", number),
  listenAddress: attr("listen"),
  socket: attr("socket"),
  /** Shown by libvirt only with XML.secure. */
  passwd: attr("passwd"),
  passwdValidTo: attr("passwdValidTo"),
  keymap: attr("keymap"),
  sharePolicy: attr("sharePolicy", word<"allow-exclusive" | "force-shared" | "ignore">()),
  tlsPort: attr("tlsPort", number),
  listens: list("listen", {
    type: required(attr("type", word<"address" | "network" | "socket" | "none">())),
    address: attr("address"),
    network: attr("network"),
    socket: attr("socket"),
  }),
};

export const video = {
  model: required(
    group("model", {
      type: required(attr("type", word<"vga" | "cirrus" | "virtio" | "qxl" | "bochs" | "ramfb" | "none">())),
      vramKiB: attr("vram", number),
      ramKiB: attr("ram", number),
      vgamemKiB: attr("vgamem", number),
      heads: attr("heads", number),
      primary: attr("primary", yesNo),
    }),
  ),
  alias,
  address,
};

export const input = {
  type: required(attr("type", word<"tablet" | "mouse" | "keyboard" | "evdev">())),
  bus: attr("bus", word<"usb" | "ps2" | "virtio">()),
  alias,
  address,
};

export const memoryBalloon = {
  model: required(attr("model", word<"virtio" | "none">())),
  autodeflate: attr("autodeflate", onOff),
  freePageReporting: attr("freePageReporting", onOff),
  stats: group("stats", { periodS: attr("period", number) }),
  alias,
  address,
};

export const rng = {
  model: required(attr("model", word<"virtio">())),
  rate: group("rate", { bytes: attr("bytes", number), periodMs: attr("period", number) }),
  backend: required(
    group("backend", {
      model: required(attr("model", word<"random" | "builtin" | "egd">())),
      path: content(string),
    }),
  ),
  alias,
  address,
};

export const panic = {
  model: attr("model", word<"isa" | "pvpanic" | "hyperv" | "pseries">()),
  alias,
  address,
};

export const watchdog = {
  model: required(attr("model", word<"i6300esb" | "itco" | "ib700">())),
  action: attr(
    "action",
    word<"reset" | "shutdown" | "poweroff" | "pause" | "none" | "dump" | "inject-nmi">(),
  ),
  alias,
  address,
};

export const tpm = {
  model: attr("model", word<"tpm-tis" | "tpm-crb">()),
  backend: group("backend", {
    type: required(attr("type", word<"emulator" | "passthrough">())),
    version: attr("version", word<"1.2" | "2.0">()),
    persistentState: attr("persistent_state", yesNo),
  }),
  alias,
  address,
};

const pciAddress = {
  domain: attr("domain"),
  bus: attr("bus"),
  slot: attr("slot"),
  function: attr("function"),
};

export const hostDevice = {
  mode: attr("mode", word<"subsystem" | "capabilities">()),
  type: attr("type", word<"pci" | "usb" | "scsi" | "mdev">()),
  managed: attr("managed", yesNo),
  model: attr("model"),
  source: group("source", {
    startupPolicy: attr("startupPolicy"),
    address: group("address", { ...pciAddress, uuid: attr("uuid"), device: attr("device") }),
    vendor: group("vendor", { id: attr("id") }),
    product: group("product", { id: attr("id") }),
  }),
  rom: group("rom", { enabled: attr("enabled", yesNo), bar: attr("bar", onOff), file: attr("file") }),
  boot,
  alias,
  address,
};

/** DIMMs and the like, for memory plugged in later. */
export const memoryDevice = {
  model: required(attr("model", word<"dimm" | "nvdimm" | "virtio-mem">())),
  target: required(
    group("target", {
      size: group("size", { unit: attr("unit"), value: content(number) }),
      node: text("node", number),
    }),
  ),
  alias,
  address,
};

/** What a VM must hold in the host's lock manager to run. */
export const lease = {
  lockspace: text("lockspace"),
  key: required(text("key")),
  target: required(group("target", { path: required(attr("path")), offset: attr("offset", number) })),
};

export type DiskXml = ShapeValue<typeof disk>;
export type InterfaceXml = ShapeValue<typeof networkInterface>;
export type ControllerXml = ShapeValue<typeof controller>;
export type ChannelXml = ShapeValue<typeof channel>;
export type SerialXml = ShapeValue<typeof serial>;
export type ConsoleXml = ShapeValue<typeof consoleDevice>;
export type GraphicsXml = ShapeValue<typeof graphics>;
export type VideoXml = ShapeValue<typeof video>;
export type HostDeviceXml = ShapeValue<typeof hostDevice>;
export type LeaseXml = ShapeValue<typeof lease>;
export type MemoryDeviceXml = ShapeValue<typeof memoryDevice>;

/** Every device libvirt can plug by itself, by the name of its element. */
export const DEVICE_SHAPES = {
  disk,
  interface: networkInterface,
  controller,
  channel,
  serial,
  console: consoleDevice,
  graphics,
  video,
  input,
  memballoon: memoryBalloon,
  rng,
  panic,
  watchdog,
  tpm,
  hostdev: hostDevice,
  memory: memoryDevice,
  lease,
} as const;
