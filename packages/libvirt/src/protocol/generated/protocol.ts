// Generated from libvirt 9.0.0 (remote_protocol.x, qemu_protocol.x, virterror.h) by tools/generate-protocol.ts.
// Do not edit: sha256 of what follows is 7d06972e29ec8a272692be355ed8cfdabbbde0e9c8dd85108931d1a0fc2a5b59
import { array, bytes, charArray, i32, i64, nothing, optional, struct, u32, u64 } from "../../xdr/codec.ts";
import { string, typedParam, uuid } from "../types.ts";

export const domain = struct({ name: string, uuid: uuid, id: i32 });

export const domainStatsRecord = struct({ dom: domain, params: array(typedParam, 262144) });

export const nodeDevice = struct({ name: string });

export const nodeGetCpuStats = struct({ field: string, value: u64 });

export const nodeGetMemoryStats = struct({ field: string, value: u64 });

export const domainIpAddr = struct({ type: i32, addr: string, prefix: u32 });

export const domainInterface = struct({ name: string, hwaddr: optional(string), addrs: array(domainIpAddr, 2048) });

export const domainMemoryStat = struct({ tag: i32, val: u64 });

export const domainDiskError = struct({ disk: string, error: i32 });

export const domainSnapshot = struct({ name: string, dom: domain });

export const domainCheckpoint = struct({ name: string, dom: domain });

export const domainFsinfo = struct({ mountpoint: string, name: string, fstype: string, devAliases: array(string, 256) });

export const domainEventLifecycleMsg = struct({ dom: domain, event: i32, detail: i32 });

export const domainEventRebootMsg = struct({ dom: domain });

export const domainEventIoErrorReasonMsg = struct({ dom: domain, srcPath: string, devAlias: string, action: i32, reason: string });

export const domainEventWatchdogMsg = struct({ dom: domain, action: i32 });

export const domainEventBlockJobMsg = struct({ dom: domain, path: string, type: i32, status: i32 });

export const domainEventTrayChangeMsg = struct({ dom: domain, devAlias: string, reason: i32 });

export const domainEventBalloonChangeMsg = struct({ dom: domain, actual: u64 });

export const domainEventControlErrorMsg = struct({ dom: domain });

export const domainEventDeviceRemovedMsg = struct({ dom: domain, devAlias: string });

export const REMOTE_PROGRAM = 0x20008086;
export const QEMU_PROGRAM = 0x20008087;

export const REMOTE_PROCEDURES = {
  authList: { number: 66, highPriority: true, args: nothing, reply: struct({ types: array(i32, 20) }) },
  authPolkit: { number: 70, highPriority: true, args: nothing, reply: struct({ complete: i32 }) },
  connectOpen: { number: 1, highPriority: true, args: struct({ name: optional(string), flags: u32 }), reply: nothing },
  connectClose: { number: 2, highPriority: true, args: nothing, reply: nothing },
  connectSupportsFeature: { number: 60, highPriority: true, args: struct({ feature: i32 }), reply: struct({ supported: i32 }) },
  connectGetType: { number: 3, highPriority: true, args: nothing, reply: struct({ type: string }) },
  connectGetVersion: { number: 4, highPriority: true, args: nothing, reply: struct({ hvVer: u64 }) },
  connectGetLibVersion: { number: 157, highPriority: true, args: nothing, reply: struct({ libVer: u64 }) },
  connectGetHostname: { number: 59, highPriority: true, args: nothing, reply: struct({ hostname: string }) },
  connectGetURI: { number: 110, highPriority: true, args: nothing, reply: struct({ uri: string }) },
  connectGetCapabilities: { number: 7, args: nothing, reply: struct({ capabilities: string }) },
  connectGetDomainCapabilities: { number: 342, args: struct({ emulatorbin: optional(string), arch: optional(string), machine: optional(string), virttype: optional(string), flags: u32 }), reply: struct({ capabilities: string }) },
  connectGetCPUModelNames: { number: 312, args: struct({ arch: string, needResults: i32, flags: u32 }), reply: struct({ models: array(string, 8192), ret: i32 }) },
  connectBaselineHypervisorCPU: { number: 394, args: struct({ emulator: optional(string), arch: optional(string), machine: optional(string), virttype: optional(string), xmlCPUs: array(string, 256), flags: u32 }), reply: struct({ cpu: string }) },
  connectCompareHypervisorCPU: { number: 393, args: struct({ emulator: optional(string), arch: optional(string), machine: optional(string), virttype: optional(string), xmlCPU: string, flags: u32 }), reply: struct({ result: i32 }) },
  connectListAllDomains: { number: 273, highPriority: true, args: struct({ needResults: i32, flags: u32 }), reply: struct({ domains: array(domain, 16384), ret: u32 }) },
  connectGetAllDomainStats: { number: 344, args: struct({ doms: array(domain, 16384), stats: u32, flags: u32 }), reply: struct({ retStats: array(domainStatsRecord, 16384) }) },
  connectDomainEventCallbackRegisterAny: { number: 316, highPriority: true, args: struct({ eventId: i32, dom: optional(domain) }), reply: struct({ callbackId: i32 }) },
  connectDomainEventCallbackDeregisterAny: { number: 317, highPriority: true, args: struct({ callbackId: i32 }), reply: nothing },
  connectListAllNodeDevices: { number: 285, highPriority: true, args: struct({ needResults: i32, flags: u32 }), reply: struct({ devices: array(nodeDevice, 65536), ret: u32 }) },
  nodeGetInfo: { number: 6, highPriority: true, args: nothing, reply: struct({ model: charArray(32), memory: u64, cpus: i32, mhz: i32, nodes: i32, sockets: i32, cores: i32, threads: i32 }) },
  nodeGetCPUStats: { number: 227, highPriority: true, args: struct({ cpuNum: i32, nparams: i32, flags: u32 }), reply: struct({ params: array(nodeGetCpuStats, 16), nparams: i32 }) },
  nodeGetCPUMap: { number: 293, args: struct({ needMap: i32, needOnline: i32, flags: u32 }), reply: struct({ cpumap: bytes(2048), online: u32, ret: i32 }) },
  nodeGetMemoryStats: { number: 228, highPriority: true, args: struct({ nparams: i32, cellNum: i32, flags: u32 }), reply: struct({ params: array(nodeGetMemoryStats, 16), nparams: i32 }) },
  nodeGetFreeMemory: { number: 102, highPriority: true, args: nothing, reply: struct({ freeMem: u64 }) },
  nodeDeviceGetXMLDesc: { number: 114, args: struct({ name: string, flags: u32 }), reply: struct({ xml: string }) },
  domainLookupByID: { number: 22, highPriority: true, args: struct({ id: i32 }), reply: struct({ dom: domain }) },
  domainLookupByName: { number: 23, highPriority: true, args: struct({ name: string }), reply: struct({ dom: domain }) },
  domainLookupByUUID: { number: 24, highPriority: true, args: struct({ uuid: uuid }), reply: struct({ dom: domain }) },
  domainDefineXMLFlags: { number: 350, highPriority: true, args: struct({ xml: string, flags: u32 }), reply: struct({ dom: domain }) },
  domainCreateXML: { number: 10, args: struct({ xmlDesc: string, flags: u32 }), reply: struct({ dom: domain }) },
  domainCreateWithFlags: { number: 196, args: struct({ dom: domain, flags: u32 }), reply: struct({ dom: domain }) },
  domainShutdownFlags: { number: 258, args: struct({ dom: domain, flags: u32 }), reply: nothing },
  domainReboot: { number: 27, args: struct({ dom: domain, flags: u32 }), reply: nothing },
  domainReset: { number: 245, args: struct({ dom: domain, flags: u32 }), reply: nothing },
  domainSuspend: { number: 34, args: struct({ dom: domain }), reply: nothing },
  domainResume: { number: 28, args: struct({ dom: domain }), reply: nothing },
  domainDestroyFlags: { number: 234, highPriority: true, args: struct({ dom: domain, flags: u32 }), reply: nothing },
  domainUndefineFlags: { number: 231, highPriority: true, args: struct({ dom: domain, flags: u32 }), reply: nothing },
  domainRename: { number: 358, args: struct({ dom: domain, newName: optional(string), flags: u32 }), reply: struct({ retcode: i32 }) },
  domainGetState: { number: 212, highPriority: true, args: struct({ dom: domain, flags: u32 }), reply: struct({ state: i32, reason: i32 }) },
  domainGetInfo: { number: 16, args: struct({ dom: domain }), reply: struct({ state: u32, maxMem: u64, memory: u64, nrVirtCpu: u32, cpuTime: u64 }) },
  domainGetXMLDesc: { number: 14, args: struct({ dom: domain, flags: u32 }), reply: struct({ xml: string }) },
  domainGetAutostart: { number: 15, highPriority: true, args: struct({ dom: domain }), reply: struct({ autostart: i32 }) },
  domainSetAutostart: { number: 29, highPriority: true, args: struct({ dom: domain, autostart: i32 }), reply: nothing },
  domainManagedSave: { number: 182, args: struct({ dom: domain, flags: u32 }), reply: nothing },
  domainHasManagedSaveImage: { number: 183, args: struct({ dom: domain, flags: u32 }), reply: struct({ result: i32 }) },
  domainManagedSaveRemove: { number: 184, args: struct({ dom: domain, flags: u32 }), reply: nothing },
  domainSaveFlags: { number: 232, args: struct({ dom: domain, to: string, dxml: optional(string), flags: u32 }), reply: nothing },
  domainRestoreFlags: { number: 233, args: struct({ from: string, dxml: optional(string), flags: u32 }), reply: nothing },
  domainSaveImageGetXMLDesc: { number: 235, highPriority: true, args: struct({ file: string, flags: u32 }), reply: struct({ xml: string }) },
  domainPMSuspendForDuration: { number: 261, args: struct({ dom: domain, target: u32, duration: u64, flags: u32 }), reply: nothing },
  domainPMWakeup: { number: 267, args: struct({ dom: domain, flags: u32 }), reply: nothing },
  domainInjectNMI: { number: 210, args: struct({ dom: domain, flags: u32 }), reply: nothing },
  domainSendKey: { number: 226, args: struct({ dom: domain, codeset: u32, holdtime: u32, keycodes: array(u32, 16), flags: u32 }), reply: nothing },
  domainCoreDumpWithFormat: { number: 334, args: struct({ dom: domain, to: string, dumpformat: u32, flags: u32 }), reply: nothing },
  domainAttachDeviceFlags: { number: 160, args: struct({ dom: domain, xml: string, flags: u32 }), reply: nothing },
  domainDetachDeviceFlags: { number: 161, args: struct({ dom: domain, xml: string, flags: u32 }), reply: nothing },
  domainDetachDeviceAlias: { number: 392, args: struct({ dom: domain, alias: string, flags: u32 }), reply: nothing },
  domainUpdateDeviceFlags: { number: 174, args: struct({ dom: domain, xml: string, flags: u32 }), reply: nothing },
  domainSetVcpusFlags: { number: 199, args: struct({ dom: domain, nvcpus: u32, flags: u32 }), reply: nothing },
  domainGetVcpusFlags: { number: 200, args: struct({ dom: domain, flags: u32 }), reply: struct({ num: i32 }) },
  domainPinVcpuFlags: { number: 225, args: struct({ dom: domain, vcpu: u32, cpumap: bytes(2048), flags: u32 }), reply: nothing },
  domainGetVcpuPinInfo: { number: 230, args: struct({ dom: domain, ncpumaps: i32, maplen: i32, flags: u32 }), reply: struct({ cpumaps: bytes(8388608), num: i32 }) },
  domainSetMemoryFlags: { number: 204, args: struct({ dom: domain, memory: u64, flags: u32 }), reply: nothing },
  domainSetMemoryStatsPeriod: { number: 308, args: struct({ dom: domain, period: i32, flags: u32 }), reply: nothing },
  domainSetMemoryParameters: { number: 197, args: struct({ dom: domain, params: array(typedParam, 16), flags: u32 }), reply: nothing },
  domainGetMemoryParameters: { number: 198, args: struct({ dom: domain, nparams: i32, flags: u32 }), reply: struct({ params: array(typedParam, 16), nparams: i32 }) },
  domainSetSchedulerParametersFlags: { number: 219, args: struct({ dom: domain, params: array(typedParam, 16), flags: u32 }), reply: nothing },
  domainGetSchedulerParametersFlags: { number: 223, args: struct({ dom: domain, nparams: i32, flags: u32 }), reply: struct({ params: array(typedParam, 16) }) },
  domainSetBlkioParameters: { number: 205, args: struct({ dom: domain, params: array(typedParam, 16), flags: u32 }), reply: nothing },
  domainGetBlkioParameters: { number: 206, args: struct({ dom: domain, nparams: i32, flags: u32 }), reply: struct({ params: array(typedParam, 16), nparams: i32 }) },
  domainSetBlockIoTune: { number: 252, args: struct({ dom: domain, disk: string, params: array(typedParam, 32), flags: u32 }), reply: nothing },
  domainGetBlockIoTune: { number: 253, args: struct({ dom: domain, disk: optional(string), nparams: i32, flags: u32 }), reply: struct({ params: array(typedParam, 32), nparams: i32 }) },
  domainSetInterfaceParameters: { number: 256, args: struct({ dom: domain, device: string, params: array(typedParam, 16), flags: u32 }), reply: nothing },
  domainGetInterfaceParameters: { number: 257, args: struct({ dom: domain, device: string, nparams: i32, flags: u32 }), reply: struct({ params: array(typedParam, 16), nparams: i32 }) },
  domainSetMetadata: { number: 264, args: struct({ dom: domain, type: i32, metadata: optional(string), key: optional(string), uri: optional(string), flags: u32 }), reply: nothing },
  domainGetMetadata: { number: 265, args: struct({ dom: domain, type: i32, uri: optional(string), flags: u32 }), reply: struct({ metadata: string }) },
  domainSetUserPassword: { number: 357, args: struct({ dom: domain, user: optional(string), password: optional(string), flags: u32 }), reply: nothing },
  domainBlockStats: { number: 64, args: struct({ dom: domain, path: string }), reply: struct({ rdReq: i64, rdBytes: i64, wrReq: i64, wrBytes: i64, errs: i64 }) },
  domainBlockStatsFlags: { number: 243, args: struct({ dom: domain, path: string, nparams: i32, flags: u32 }), reply: struct({ params: array(typedParam, 16), nparams: i32 }) },
  domainGetBlockInfo: { number: 194, args: struct({ dom: domain, path: string, flags: u32 }), reply: struct({ allocation: u64, capacity: u64, physical: u64 }) },
  domainInterfaceStats: { number: 65, highPriority: true, args: struct({ dom: domain, device: string }), reply: struct({ rxBytes: i64, rxPackets: i64, rxErrs: i64, rxDrop: i64, txBytes: i64, txPackets: i64, txErrs: i64, txDrop: i64 }) },
  domainInterfaceAddresses: { number: 353, args: struct({ dom: domain, source: u32, flags: u32 }), reply: struct({ ifaces: array(domainInterface, 2048) }) },
  domainMemoryStats: { number: 159, args: struct({ dom: domain, maxStats: u32, flags: u32 }), reply: struct({ stats: array(domainMemoryStat, 1024) }) },
  domainGetDiskErrors: { number: 263, args: struct({ dom: domain, maxerrors: u32, flags: u32 }), reply: struct({ errors: array(domainDiskError, 256), nerrors: i32 }) },
  domainGetJobInfo: { number: 163, args: struct({ dom: domain }), reply: struct({ type: i32, timeElapsed: u64, timeRemaining: u64, dataTotal: u64, dataProcessed: u64, dataRemaining: u64, memTotal: u64, memProcessed: u64, memRemaining: u64, fileTotal: u64, fileProcessed: u64, fileRemaining: u64 }) },
  domainGetJobStats: { number: 298, args: struct({ dom: domain, flags: u32 }), reply: struct({ type: i32, params: array(typedParam, 64) }) },
  domainAbortJob: { number: 164, args: struct({ dom: domain }), reply: nothing },
  domainBlockResize: { number: 251, args: struct({ dom: domain, disk: string, size: u64, flags: u32 }), reply: nothing },
  domainBlockPull: { number: 240, args: struct({ dom: domain, path: string, bandwidth: u64, flags: u32 }), reply: nothing },
  domainBlockCopy: { number: 345, args: struct({ dom: domain, path: string, destxml: string, params: array(typedParam, 16), flags: u32 }), reply: nothing },
  domainBlockCommit: { number: 290, args: struct({ dom: domain, disk: string, base: optional(string), top: optional(string), bandwidth: u64, flags: u32 }), reply: nothing },
  domainBlockJobAbort: { number: 237, args: struct({ dom: domain, path: string, flags: u32 }), reply: nothing },
  domainBlockJobSetSpeed: { number: 239, args: struct({ dom: domain, path: string, bandwidth: u64, flags: u32 }), reply: nothing },
  domainGetBlockJobInfo: { number: 238, args: struct({ dom: domain, path: string, flags: u32 }), reply: struct({ found: i32, type: i32, bandwidth: u64, cur: u64, end: u64 }) },
  domainBlockPeek: { number: 103, args: struct({ dom: domain, path: string, offset: u64, size: u32, flags: u32 }), reply: struct({ buffer: bytes(4194304) }) },
  domainSetBlockThreshold: { number: 386, args: struct({ dom: domain, dev: string, threshold: u64, flags: u32 }), reply: nothing },
  domainSnapshotCreateXML: { number: 185, args: struct({ dom: domain, xmlDesc: string, flags: u32 }), reply: struct({ snap: domainSnapshot }) },
  domainSnapshotLookupByName: { number: 189, highPriority: true, args: struct({ dom: domain, name: string, flags: u32 }), reply: struct({ snap: domainSnapshot }) },
  domainSnapshotGetXMLDesc: { number: 186, highPriority: true, args: struct({ snap: domainSnapshot, flags: u32 }), reply: struct({ xml: string }) },
  domainListAllSnapshots: { number: 274, highPriority: true, args: struct({ dom: domain, needResults: i32, flags: u32 }), reply: struct({ snapshots: array(domainSnapshot, 16384), ret: i32 }) },
  domainRevertToSnapshot: { number: 192, args: struct({ snap: domainSnapshot, flags: u32 }), reply: nothing },
  domainSnapshotDelete: { number: 193, args: struct({ snap: domainSnapshot, flags: u32 }), reply: nothing },
  domainCheckpointCreateXML: { number: 411, args: struct({ dom: domain, xmlDesc: string, flags: u32 }), reply: struct({ checkpoint: domainCheckpoint }) },
  domainCheckpointGetXMLDesc: { number: 412, args: struct({ checkpoint: domainCheckpoint, flags: u32 }), reply: struct({ xml: string }) },
  domainListAllCheckpoints: { number: 413, highPriority: true, args: struct({ dom: domain, needResults: i32, flags: u32 }), reply: struct({ checkpoints: array(domainCheckpoint, 16384), ret: i32 }) },
  domainCheckpointDelete: { number: 417, args: struct({ checkpoint: domainCheckpoint, flags: u32 }), reply: nothing },
  domainBackupBegin: { number: 421, args: struct({ dom: domain, backupXml: string, checkpointXml: optional(string), flags: u32 }), reply: nothing },
  domainBackupGetXMLDesc: { number: 422, highPriority: true, args: struct({ dom: domain, flags: u32 }), reply: struct({ xml: string }) },
  domainMigratePerform3Params: { number: 305, args: struct({ dom: domain, dconnuri: optional(string), params: array(typedParam, 64), cookieIn: bytes(4194304), flags: u32 }), reply: struct({ cookieOut: bytes(4194304) }) },
  domainMigrateSetMaxSpeed: { number: 207, args: struct({ dom: domain, bandwidth: u64, flags: u32 }), reply: nothing },
  domainMigrateGetMaxSpeed: { number: 242, args: struct({ dom: domain, flags: u32 }), reply: struct({ bandwidth: u64 }) },
  domainMigrateSetMaxDowntime: { number: 166, args: struct({ dom: domain, downtime: u64, flags: u32 }), reply: nothing },
  domainMigrateStartPostCopy: { number: 364, args: struct({ dom: domain, flags: u32 }), reply: nothing },
  domainGetTime: { number: 337, args: struct({ dom: domain, flags: u32 }), reply: struct({ seconds: i64, nseconds: u32 }) },
  domainSetTime: { number: 338, args: struct({ dom: domain, seconds: i64, nseconds: u32, flags: u32 }), reply: nothing },
  domainFSFreeze: { number: 335, args: struct({ dom: domain, mountpoints: array(string, 256), flags: u32 }), reply: struct({ filesystems: i32 }) },
  domainFSThaw: { number: 336, args: struct({ dom: domain, mountpoints: array(string, 256), flags: u32 }), reply: struct({ filesystems: i32 }) },
  domainFSTrim: { number: 294, args: struct({ dom: domain, mountPoint: optional(string), minimum: u64, flags: u32 }), reply: nothing },
  domainGetFSInfo: { number: 349, args: struct({ dom: domain, flags: u32 }), reply: struct({ info: array(domainFsinfo, 256), ret: u32 }) },
  domainGetGuestInfo: { number: 418, args: struct({ dom: domain, types: u32, flags: u32 }), reply: struct({ params: array(typedParam, 2048) }) },
  domainGetHostname: { number: 277, args: struct({ dom: domain, flags: u32 }), reply: struct({ hostname: string }) },
  domainGetMessages: { number: 426, args: struct({ dom: domain, flags: u32 }), reply: struct({ msgs: array(string, 2048) }) },
  domainOpenConsole: { number: 201, stream: true, args: struct({ dom: domain, devName: optional(string), flags: u32 }), reply: nothing },
  domainOpenChannel: { number: 296, stream: true, args: struct({ dom: domain, name: optional(string), flags: u32 }), reply: nothing },
  domainScreenshot: { number: 211, stream: true, args: struct({ dom: domain, screen: u32, flags: u32 }), reply: struct({ mime: optional(string) }) },
} as const;

export const QEMU_PROCEDURES = {
  domainMonitorCommand: { number: 1, args: struct({ dom: domain, cmd: string, flags: u32 }), reply: struct({ result: string }) },
  domainAgentCommand: { number: 3, args: struct({ dom: domain, cmd: string, timeout: i32, flags: u32 }), reply: struct({ result: optional(string) }) },
} as const;

export const REMOTE_EVENTS = {
  domainEventCallbackLifecycle: { number: 318, message: struct({ callbackId: i32, msg: domainEventLifecycleMsg }) },
  domainEventCallbackReboot: { number: 319, message: struct({ callbackId: i32, msg: domainEventRebootMsg }) },
  domainEventCallbackIoErrorReason: { number: 324, message: struct({ callbackId: i32, msg: domainEventIoErrorReasonMsg }) },
  domainEventCallbackWatchdog: { number: 321, message: struct({ callbackId: i32, msg: domainEventWatchdogMsg }) },
  domainEventCallbackBlockJob: { number: 326, message: struct({ callbackId: i32, msg: domainEventBlockJobMsg }) },
  domainEventBlockJob2: { number: 339, message: struct({ callbackId: i32, dom: domain, dst: string, type: i32, status: i32 }) },
  domainEventBlockThreshold: { number: 385, message: struct({ callbackId: i32, dom: domain, dev: string, path: optional(string), threshold: u64, excess: u64 }) },
  domainEventCallbackTrayChange: { number: 328, message: struct({ callbackId: i32, msg: domainEventTrayChangeMsg }) },
  domainEventCallbackBalloonChange: { number: 331, message: struct({ callbackId: i32, msg: domainEventBalloonChangeMsg }) },
  domainEventCallbackControlError: { number: 325, message: struct({ callbackId: i32, msg: domainEventControlErrorMsg }) },
  domainEventCallbackDeviceRemoved: { number: 333, message: struct({ callbackId: i32, msg: domainEventDeviceRemovedMsg }) },
  domainEventCallbackDeviceAdded: { number: 354, message: struct({ callbackId: i32, dom: domain, devAlias: string }) },
  domainEventCallbackDeviceRemovalFailed: { number: 367, message: struct({ callbackId: i32, dom: domain, devAlias: string }) },
  domainEventCallbackAgentLifecycle: { number: 348, message: struct({ callbackId: i32, dom: domain, state: i32, reason: i32 }) },
  domainEventCallbackMigrationIteration: { number: 359, message: struct({ callbackId: i32, dom: domain, iteration: i32 }) },
  domainEventCallbackJobCompleted: { number: 363, message: struct({ callbackId: i32, dom: domain, params: array(typedParam, 64) }) },
  domainEventCallbackMetadataChange: { number: 379, message: struct({ callbackId: i32, dom: domain, type: i32, nsuri: optional(string) }) },
} as const;

/** virErrorNumber: every code libvirt may answer with. */
export const ERROR_CODES = {
  OK: 0,
  INTERNAL_ERROR: 1,
  NO_MEMORY: 2,
  NO_SUPPORT: 3,
  UNKNOWN_HOST: 4,
  NO_CONNECT: 5,
  INVALID_CONN: 6,
  INVALID_DOMAIN: 7,
  INVALID_ARG: 8,
  OPERATION_FAILED: 9,
  GET_FAILED: 10,
  POST_FAILED: 11,
  HTTP_ERROR: 12,
  SEXPR_SERIAL: 13,
  NO_XEN: 14,
  XEN_CALL: 15,
  OS_TYPE: 16,
  NO_KERNEL: 17,
  NO_ROOT: 18,
  NO_SOURCE: 19,
  NO_TARGET: 20,
  NO_NAME: 21,
  NO_OS: 22,
  NO_DEVICE: 23,
  NO_XENSTORE: 24,
  DRIVER_FULL: 25,
  CALL_FAILED: 26,
  XML_ERROR: 27,
  DOM_EXIST: 28,
  OPERATION_DENIED: 29,
  OPEN_FAILED: 30,
  READ_FAILED: 31,
  PARSE_FAILED: 32,
  CONF_SYNTAX: 33,
  WRITE_FAILED: 34,
  XML_DETAIL: 35,
  INVALID_NETWORK: 36,
  NETWORK_EXIST: 37,
  SYSTEM_ERROR: 38,
  RPC: 39,
  GNUTLS_ERROR: 40,
  NO_DOMAIN: 42,
  NO_NETWORK: 43,
  INVALID_MAC: 44,
  AUTH_FAILED: 45,
  INVALID_STORAGE_POOL: 46,
  INVALID_STORAGE_VOL: 47,
  NO_STORAGE_POOL: 49,
  NO_STORAGE_VOL: 50,
  INVALID_NODE_DEVICE: 52,
  NO_NODE_DEVICE: 53,
  NO_SECURITY_MODEL: 54,
  OPERATION_INVALID: 55,
  NO_INTERFACE: 57,
  INVALID_INTERFACE: 58,
  MULTIPLE_INTERFACES: 59,
  INVALID_NWFILTER: 61,
  NO_NWFILTER: 62,
  BUILD_FIREWALL: 63,
  INVALID_SECRET: 65,
  NO_SECRET: 66,
  CONFIG_UNSUPPORTED: 67,
  OPERATION_TIMEOUT: 68,
  MIGRATE_PERSIST_FAILED: 69,
  HOOK_SCRIPT_FAILED: 70,
  INVALID_DOMAIN_SNAPSHOT: 71,
  NO_DOMAIN_SNAPSHOT: 72,
  INVALID_STREAM: 73,
  ARGUMENT_UNSUPPORTED: 74,
  STORAGE_PROBE_FAILED: 75,
  STORAGE_POOL_BUILT: 76,
  SNAPSHOT_REVERT_RISKY: 77,
  OPERATION_ABORTED: 78,
  AUTH_CANCELLED: 79,
  NO_DOMAIN_METADATA: 80,
  MIGRATE_UNSAFE: 81,
  OVERFLOW: 82,
  BLOCK_COPY_ACTIVE: 83,
  OPERATION_UNSUPPORTED: 84,
  SSH: 85,
  AGENT_UNRESPONSIVE: 86,
  RESOURCE_BUSY: 87,
  ACCESS_DENIED: 88,
  DBUS_SERVICE: 89,
  STORAGE_VOL_EXIST: 90,
  CPU_INCOMPATIBLE: 91,
  XML_INVALID_SCHEMA: 92,
  MIGRATE_FINISH_OK: 93,
  AUTH_UNAVAILABLE: 94,
  NO_SERVER: 95,
  NO_CLIENT: 96,
  AGENT_UNSYNCED: 97,
  LIBSSH: 98,
  DEVICE_MISSING: 99,
  INVALID_NWFILTER_BINDING: 100,
  NO_NWFILTER_BINDING: 101,
  INVALID_DOMAIN_CHECKPOINT: 102,
  NO_DOMAIN_CHECKPOINT: 103,
  NO_DOMAIN_BACKUP: 104,
  INVALID_NETWORK_PORT: 105,
  NETWORK_PORT_EXIST: 106,
  NO_NETWORK_PORT: 107,
  NO_HOSTNAME: 108,
  CHECKPOINT_INCONSISTENT: 109,
  MULTIPLE_DOMAINS: 110,
} as const;
