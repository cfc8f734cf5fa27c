import { AppError } from "@sinter/kit";
import { vmWireId, type WireError } from "@sinter/northbound";
import { type VmActionName, type VmEditName, type VmState, whyNot } from "@sinter/rules";

/** What can be wrong with a request about VMs. */
export const vmErrors = {
  notFound: (id: number | string) =>
    new AppError("notFound", "VM_NOT_FOUND", `There is no VM ${typeof id === "number" ? vmWireId(id) : id}.`),
  busy: (id: number) =>
    new AppError(
      "conflict",
      "VM_BUSY",
      `VM ${vmWireId(id)} is busy with another task; wait for it or cancel it.`,
    ),
  leaseHeld: (id: number, owner: string, cause: unknown) =>
    new AppError(
      "conflict",
      "VM_LEASE_HELD",
      `${owner} has a disk of ${vmWireId(id)} and its disk heartbeat lives: the VM may still run there.`,
      { params: { owner }, cause },
    ),
  isTemplate: (id: number) =>
    new AppError("conflict", "VM_IS_TEMPLATE", `${vmWireId(id)} is a template; convert it to a VM first.`),
  wrongState: (id: number, doing: VmActionName | VmEditName, state: VmState) =>
    new AppError(
      "conflict",
      wrongStateCode(doing, state),
      `${vmWireId(id)}: ${whyNot(doing, state) ?? state}`,
      {
        params: { state },
      },
    ),
  locationInvalid: (location: string) =>
    new AppError(
      "invalid",
      "VM_LOCATION_INVALID",
      `The location ${location.slice(0, 64)} names no cluster or host.`,
    ),
  clusterMissing: (urn: string) => new AppError("invalid", "CLUSTER_MISSING", `There is no cluster ${urn}.`),
  hostMissing: (urn: string) => new AppError("invalid", "HOST_MISSING", `There is no host ${urn}.`),
  datastoreMissing: (urn: string) =>
    new AppError("invalid", "DATASTORE_MISSING", `There is no datastore ${urn}.`),
  datastoreIdInvalid: (text: string) =>
    new AppError("invalid", "DATASTORE_ID_INVALID", `"${text.slice(0, 64)}" does not name a datastore.`),
  portGroupMissing: (text: string) =>
    new AppError("invalid", "PORT_GROUP_MISSING", `"${text.slice(0, 96)}" does not name a port group.`),
  diskSizeInvalid: (slot: number) =>
    new AppError(
      "invalid",
      "DISK_SIZE_INVALID",
      `The disk in slot ${slot} needs a quantityGB from 1 to 65536.`,
    ),
  diskSlotUsed: (slot: number, bus: string) =>
    new AppError(
      "invalid",
      "DISK_SLOT_USED",
      `Slot ${slot} of the ${bus} bus is already used by another disk.`,
    ),
  hibernateTransient: (volumeId: number) =>
    new AppError(
      "conflict",
      "HIBERNATE_NON_PERSISTENT",
      `Volume ${volumeId} is non-persistent, which a hibernated VM could not go on with.`,
    ),
  tooManyDisks: () => new AppError("invalid", "TOO_MANY_DISKS", "A VM may have at most 60 disks."),
  tooManyNics: () => new AppError("invalid", "TOO_MANY_NICS", "A VM may have at most 12 NICs."),
  nicIndexUsed: (index: number) =>
    new AppError("invalid", "NIC_INDEX_USED", `The NIC number ${index} is already used in this VM.`),
  nicNameUsed: (name: string) =>
    new AppError("invalid", "NIC_NAME_USED", `Two NICs of one VM cannot both be called "${name}".`),
  nicMissing: (index: number | string) =>
    new AppError("invalid", "NIC_MISSING", `The VM has no NIC ${index}.`),
  macInvalid: (mac: string) =>
    new AppError(
      "invalid",
      "MAC_INVALID",
      `"${mac.slice(0, 32)}" is not a MAC address like 28:6e:d4:88:c6:2d.`,
    ),
  macNotUnicast: (mac: string) =>
    new AppError(
      "invalid",
      "MAC_NOT_UNICAST",
      `${mac} is a multicast or broadcast address; a NIC needs a unicast one.`,
    ),
  macUsed: (mac: string) =>
    new AppError("conflict", "MAC_USED", `The MAC address ${mac} is already used by another NIC.`),
  noFreeMac: () => new AppError("exhausted", "NO_FREE_MAC", "No free MAC address was found."),
  coresInvalid: (cores: number, count: number) =>
    new AppError(
      "invalid",
      "CORES_INVALID",
      `coresPerSocket ${cores} must divide the ${count} vCPUs of the VM.`,
    ),
  cpuReservationInvalid: () =>
    new AppError(
      "invalid",
      "CPU_RESERVATION_INVALID",
      "The CPU reservation exceeds the limit, or what the vCPUs can use.",
    ),
  memoryReservationInvalid: () =>
    new AppError(
      "invalid",
      "MEMORY_RESERVATION_INVALID",
      "The memory reservation exceeds the memory of the VM.",
    ),
  uuidInvalid: (uuid: string) =>
    new AppError("invalid", "VM_UUID_INVALID", `"${uuid.slice(0, 64)}" is not a UUID.`),
  uuidUsed: (uuid: string) =>
    new AppError("conflict", "VM_UUID_USED", `Another VM already has the UUID ${uuid}.`),
  vncPasswordInvalid: () =>
    new AppError("invalid", "VNC_PASSWORD_INVALID", "A VNC password has 1 to 8 printable ASCII characters."),
  ioLimitInvalid: (what: string) =>
    new AppError(
      "invalid",
      "IO_LIMIT_INVALID",
      `${what} is either 0 (unlimited) or at least the least limit.`,
    ),
  noHostFits: (why: string) => new AppError("exhausted", "NO_HOST_FITS", why),
  notEnoughCpu: (why: string) => new AppError("exhausted", "NOT_ENOUGH_CPU", why),
  notEnoughMemory: (why: string) => new AppError("exhausted", "NOT_ENOUGH_MEMORY", why),
  noStorageAtLocation: () =>
    new AppError(
      "exhausted",
      "NO_STORAGE_AT_LOCATION",
      "No usable host at the location reaches the VM's datastores.",
    ),
  noNetworkAtLocation: () =>
    new AppError(
      "exhausted",
      "NO_NETWORK_AT_LOCATION",
      "No usable host at the location carries the VM's port groups.",
    ),
  allHostsAbnormal: () =>
    new AppError("exhausted", "ALL_HOSTS_ABNORMAL", "All hosts at the location are faulty or not connected."),
  allHostsInMaintenance: () =>
    new AppError(
      "exhausted",
      "ALL_HOSTS_IN_MAINTENANCE",
      "All hosts at the location are in maintenance mode.",
    ),
  noHostAtLocation: () =>
    new AppError("exhausted", "NO_HOST_AT_LOCATION", "There is no host at the location."),
  seedUnsupported: (why: string) => new AppError("invalid", "CUSTOMIZATION_INVALID", why),
  vncUnavailable: () =>
    new AppError("conflict", "VNC_UNAVAILABLE", "The VM has no console while it does not run."),
  hostAway: (id: number) =>
    new AppError(
      "unavailable",
      "VM_HOST_AWAY",
      `The host of VM ${vmWireId(id)} does not answer; its state is not known.`,
    ),
};

/** Clients tell "already there" from "wrong state" by the code. */
function wrongStateCode(doing: VmActionName | VmEditName, state: VmState): string {
  if (doing === "start" && (state === "running" || state === "starting")) return "VM_ALREADY_RUNNING";
  if ((doing === "stop" || doing === "forceStop") && (state === "stopped" || state === "hibernated"))
    return "VM_ALREADY_STOPPED";
  if (doing === "hibernate" && state === "hibernated") return "VM_ALREADY_HIBERNATED";
  if (doing === "stop" && state === "hibernating") return "VM_IS_HIBERNATING";
  if (doing === "hibernate" && state === "stopping") return "VM_IS_STOPPING";
  return "VM_WRONG_STATE";
}

/** The same on the wire (contract, error codes 1030xxxx and 1080xxxx). */
export const vmWireErrors = {
  VM_NOT_FOUND: { code: "10300001", http: 400 },
  VM_NOT_ON_HOST: { code: "10300001", http: 400 },
  VM_BUSY: { code: "10300101", http: 400 },
  OBJECT_BUSY: { code: "10300101", http: 400 },
  VM_IS_TEMPLATE: { code: "10300021", http: 400 },
  HIBERNATE_NON_PERSISTENT: { code: "10300015", http: 400 },
  VM_WRONG_STATE: { code: "10300015", http: 400 },
  VM_ALREADY_RUNNING: { code: "10300094", http: 400 },
  VM_ALREADY_STOPPED: { code: "10300092", http: 400 },
  VM_ALREADY_HIBERNATED: { code: "10300093", http: 400 },
  VM_IS_HIBERNATING: { code: "10300097", http: 400 },
  VM_IS_STOPPING: { code: "10300098", http: 400 },
  VM_NOT_RUNNING: { code: "10800122", http: 400 },
  VM_STILL_RUNNING: { code: "10300320", http: 400 },
  VM_LOCATION_INVALID: { code: "10300067", http: 400 },
  CLUSTER_MISSING: { code: "10300028", http: 400 },
  HOST_MISSING: { code: "10300027", http: 400 },
  DATASTORE_MISSING: { code: "10410006", http: 400 },
  DATASTORE_ID_INVALID: { code: "10300068", http: 400 },
  PORT_GROUP_MISSING: { code: "10300011", http: 400 },
  DISK_SIZE_INVALID: { code: "10300009", http: 400 },
  DISK_SLOT_USED: { code: "10300070", http: 400 },
  TOO_MANY_DISKS: { code: "10300010", http: 400 },
  TOO_MANY_NICS: { code: "10300012", http: 400 },
  NIC_INDEX_USED: { code: "10300185", http: 400 },
  NIC_NAME_USED: { code: "10300121", http: 400 },
  NIC_MISSING: { code: "10512003", http: 400 },
  MAC_INVALID: { code: "10300066", http: 400 },
  MAC_NOT_UNICAST: { code: "10300454", http: 400 },
  MAC_USED: { code: "10300045", http: 400 },
  NO_FREE_MAC: { code: "10300047", http: 400 },
  CORES_INVALID: { code: "10300561", http: 400 },
  CPU_RESERVATION_INVALID: { code: "10300043", http: 400 },
  MEMORY_RESERVATION_INVALID: { code: "10300044", http: 400 },
  VM_UUID_INVALID: { code: "10000001", http: 400 },
  VM_UUID_USED: { code: "10300451", http: 400 },
  VNC_PASSWORD_INVALID: { code: "10300469", http: 400 },
  IO_LIMIT_INVALID: { code: "10420103", http: 400 },
  NO_HOST_FITS: { code: "10300016", http: 400 },
  NOT_ENOUGH_CPU: { code: "10800125", http: 400 },
  NOT_ENOUGH_MEMORY: { code: "10800126", http: 400 },
  NO_STORAGE_AT_LOCATION: { code: "10300083", http: 400 },
  NO_NETWORK_AT_LOCATION: { code: "10300084", http: 400 },
  ALL_HOSTS_ABNORMAL: { code: "10800128", http: 400 },
  ALL_HOSTS_IN_MAINTENANCE: { code: "10800129", http: 400 },
  NO_HOST_AT_LOCATION: { code: "10800131", http: 400 },
  CUSTOMIZATION_INVALID: { code: "10300349", http: 400 },
  VNC_UNAVAILABLE: { code: "10300470", http: 400 },
  VM_HOST_AWAY: { code: "10200159", http: 400 },
  AGENT_AWAY: { code: "10200300", http: 500 },
  LIBVIRT_AWAY: { code: "10200300", http: 500 },
  GUEST_DID_NOT_STOP: { code: "10300474", http: 400 },
  GUEST_AGENT_AWAY: { code: "10300026", http: 400 },
  GUEST_KEEPS_DEVICE: { code: "10300569", http: 400 },
  DATASTORE_FULL: { code: "10410003", http: 400 },
  IMAGE_NOT_FOUND: { code: "10800110", http: 400 },
  IMAGE_REFUSED: { code: "10300284", http: 400 },
  VOLUME_IN_USE: { code: "10300057", http: 400 },
  VM_LEASE_HELD: { code: "10300057", http: 400 },
  LEASE_HELD: { code: "10300057", http: 400 },
  LEASE_LOST: { code: "10300057", http: 400 },
  LEASE_LIMIT: { code: "10300010", http: 400 },
  LEASES_UNAVAILABLE: { code: "10420016", http: 400 },
  DISK_MISSING: { code: "10800100", http: 500 },
  SWITCH_MISSING: { code: "10800101", http: 500 },
} as const satisfies Record<string, WireError>;
