/**
 * Codes with which calls of the contract fail, and their kinds (see kit's ERROR_KINDS). Manager, agent and simulated
 * agent read this one table. An agent may use further codes of its own; a caller then goes by the kind.
 */
export const SOUTHBOUND_ERRORS = {
  /** The input does not fit its schema; params: `call`, `field`. */
  BAD_REQUEST: "invalid",
  /** No such call in this version of the contract. */
  UNKNOWN_CALL: "notFound",
  /** Body above BODY_BYTES_MAX. */
  BODY_TOO_LARGE: "invalid",
  /** The certificate of the caller is good but names somebody other than the manager. */
  NOT_THE_MANAGER: "forbidden",
  /** Made by the client: the agent does not answer; params: `hostUuid`, `address`, `reason`. */
  AGENT_AWAY: "unavailable",
  /** Made by the client: the caller's signal ended the call. */
  CALL_CANCELLED: "cancelled",
  LIBVIRT_AWAY: "unavailable",

  VM_NOT_ON_HOST: "notFound",
  VM_NOT_RUNNING: "conflict",
  VM_STILL_RUNNING: "conflict",
  GUEST_DID_NOT_STOP: "conflict",
  GUEST_KEEPS_DEVICE: "conflict",
  GUEST_AGENT_AWAY: "conflict",
  DISK_MISSING: "invalid",
  SWITCH_MISSING: "invalid",

  DATASTORE_NOT_FOUND: "notFound",
  /** The path is not there, is no directory, cannot be written or does not bear the marker that it should. */
  DATASTORE_UNUSABLE: "invalid",
  DATASTORE_FOREIGN: "conflict",
  DATASTORE_IN_USE: "conflict",
  DATASTORE_FULL: "exhausted",
  IMAGE_NOT_FOUND: "notFound",
  VOLUME_NOT_FOUND: "notFound",
  /** There already, finished, with another size or format. */
  VOLUME_DIFFERS: "conflict",
  VOLUME_IN_USE: "conflict",
  /** A VM is on another file of the volume, or an overlay lies on another one, than the caller believes. */
  VOLUME_FILE_DIFFERS: "conflict",
  /** Another host may write the volume; params: `volumeUuid`, `datastoreId`, `ownerHostUuid`, `ownerState`. */
  LEASE_HELD: "conflict",
  /** Another host has written the disk of a paused VM, whose memory knows it otherwise; params as LEASE_HELD. */
  LEASE_LOST: "conflict",
  /** This host cannot have leases on the datastore; params: `datastoreId`. */
  LEASES_UNAVAILABLE: "unavailable",
  /** More disks with leases than one VM can have; params: `vmUuid`, `max`. */
  LEASE_LIMIT: "invalid",
  SNAPSHOT_MEMORY_MISSING: "notFound",
  /** The VM cannot go on from it; params: `reason`. */
  SNAPSHOT_MEMORY_UNUSABLE: "conflict",

  ISO_NOT_FOUND: "notFound",
  /** There is a file of that name already. */
  ISO_EXISTS: "conflict",
  /** A VM of the host has it in its drive, or will have at its next start. */
  ISO_IN_USE: "conflict",
  /** A piece would leave a gap, or the upload is not complete; params: `receivedBytes`. */
  ISO_UPLOAD_GAP: "conflict",
  /** The running VM was started without a CD drive. */
  CDROM_DRIVE_MISSING: "conflict",

  SWITCH_IN_USE: "conflict",
  UPLINK_MISSING: "invalid",
} as const;
export type SouthboundErrorCode = keyof typeof SOUTHBOUND_ERRORS;
