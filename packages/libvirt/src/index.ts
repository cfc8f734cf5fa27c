/** A client of libvirt's RPC protocol in TypeScript; see README.md for the layers. */
export type { CallArguments, Caller } from "./caller.ts";
export { type Connection, type ConnectOptions, connect } from "./connection.ts";
export {
  type AgentCommand,
  Domain,
  type DomainInfo,
  type DomainProcedureName,
  type DomainRef,
  type InterfaceAddresses,
  MonitorCommandError,
} from "./domain.ts";
export {
  AuthenticationError,
  CallTimeoutError,
  ConnectionLostError,
  isAgentUnavailable,
  isLibvirtError,
  isNotFound,
  isUnsupported,
  isWrongState,
  LibvirtError,
  type LibvirtErrorName,
  NotConnectedError,
  ProtocolError,
} from "./errors.ts";
export {
  DOMAIN_EVENTS,
  type DomainEventName,
  type DomainEvents,
  type EventOptions,
  type Subscription,
} from "./events.ts";
export { type DomainStats, Hypervisor, type NodeInfo } from "./hypervisor.ts";
export * from "./protocol/flags.ts";
export { ERROR_CODES, QEMU_PROGRAM, REMOTE_PROGRAM } from "./protocol/generated/protocol.ts";
export {
  type Args,
  PROCEDURES,
  type Procedure,
  type ProcedureName,
  type Reply,
} from "./protocol/procedures.ts";
export type {
  DomainState,
  DomainStatus,
  JobType,
  LifecycleDetail,
  LifecycleEvent,
  MemoryStat,
  StateReason,
} from "./protocol/states.ts";
export { type PlainParams, type PlainValue, param, toPlainParams } from "./protocol/typed-params.ts";
export type { TypedParam } from "./protocol/types.ts";
export { DEFAULT_TCP_PORT, DEFAULT_TLS_PORT, type Endpoint, type TlsIdentity } from "./rpc/dial.ts";
export type { KeepaliveOptions } from "./rpc/keepalive.ts";
export type { CallOptions } from "./rpc/rpc-client.ts";
export {
  openReconnecting,
  ReconnectingConnection,
  type ReconnectingOptions,
} from "./reconnecting-connection.ts";
export { RpcStream, STREAM_BUFFER_MAX_BYTES } from "./rpc/rpc-stream.ts";
/** For procedures of your own: see `Connection.invoke`. */
export * as xdr from "./xdr/codec.ts";
export { XdrError } from "./xdr/error.ts";
export type {
  ChannelXml,
  ConsoleXml,
  ControllerXml,
  DiskXml,
  GraphicsXml,
  HostDeviceXml,
  InterfaceXml,
  LeaseXml,
  MemoryDeviceXml,
  SerialXml,
  VideoXml,
} from "./xml/device-shapes.ts";
export {
  buildDeviceXml,
  buildDomainXml,
  type DeviceKind,
  type DeviceXml,
  type DomainXml,
  findMetadata,
  metadataElement,
  parseDeviceXml,
  parseDomainXml,
} from "./xml/domain-xml.ts";
export {
  element,
  formatXml,
  parseXml,
  textOf,
  type XmlElement,
  XmlError,
  type XmlNode,
} from "./xml/xml-tree.ts";
