import { ERROR_CODES } from "./protocol/generated/protocol.ts";

/** virErrorNumber by name, without the VIR_ERR_ in front. */
export type LibvirtErrorName = keyof typeof ERROR_CODES;

const NAMES = new Map<number, LibvirtErrorName>(
  Object.entries(ERROR_CODES).map(([name, code]) => [code, name as LibvirtErrorName]), // keys of that very table
);

/** What libvirt sends along with a failure. */
export interface LibvirtErrorDetails {
  /** virErrorNumber. */
  readonly code: number;
  /** virErrorDomain: which part of libvirt says so; 10 is the QEMU driver, 7 the RPC layer. */
  readonly domain: number;
  /** virErrorLevel: 1 warning, 2 error. */
  readonly level: number;
  readonly message: string;
  readonly str1: string | null;
  readonly str2: string | null;
  readonly str3: string | null;
  readonly int1: number;
  readonly int2: number;
}

/** The daemon did the call and answered with an error. Other failures of this package are other classes. */
export class LibvirtError extends Error implements LibvirtErrorDetails {
  override readonly name = "LibvirtError";
  readonly code: number;
  readonly domain: number;
  readonly level: number;
  readonly str1: string | null;
  readonly str2: string | null;
  readonly str3: string | null;
  readonly int1: number;
  readonly int2: number;
  /** The procedure that was called, e.g. "domainCreateWithFlags". */
  readonly procedure: string;

  constructor(procedure: string, details: LibvirtErrorDetails) {
    super(details.message);
    this.procedure = procedure;
    this.code = details.code;
    this.domain = details.domain;
    this.level = details.level;
    this.str1 = details.str1;
    this.str2 = details.str2;
    this.str3 = details.str3;
    this.int1 = details.int1;
    this.int2 = details.int2;
  }

  /** "NO_DOMAIN" for 42; undefined for a code newer than our table. */
  get codeName(): LibvirtErrorName | undefined {
    return NAMES.get(this.code);
  }
}

/** `isLibvirtError(error, "NO_DOMAIN", "OPERATION_INVALID")`; without names, any error of the daemon. */
export function isLibvirtError(error: unknown, ...names: LibvirtErrorName[]): error is LibvirtError {
  if (!(error instanceof LibvirtError)) return false;
  return names.length === 0 || names.some((name) => ERROR_CODES[name] === error.code);
}

/** There is no such domain, device, snapshot, …: what makes removing again a success. */
export function isNotFound(error: unknown): error is LibvirtError {
  return isLibvirtError(
    error,
    "NO_DOMAIN",
    "NO_DOMAIN_SNAPSHOT",
    "NO_DOMAIN_CHECKPOINT",
    "NO_DOMAIN_METADATA",
    "NO_DOMAIN_BACKUP",
    "NO_NODE_DEVICE",
    "DEVICE_MISSING",
  );
}

/** The domain is not in a state for this: starting one that runs, suspending one that is off. */
export function isWrongState(error: unknown): error is LibvirtError {
  return isLibvirtError(error, "OPERATION_INVALID");
}

/** Nobody answers in the guest: no agent, not started yet, or hung. */
export function isAgentUnavailable(error: unknown): error is LibvirtError {
  return isLibvirtError(error, "AGENT_UNRESPONSIVE", "AGENT_UNSYNCED");
}

/** This QEMU or this driver cannot do it at all. */
export function isUnsupported(error: unknown): error is LibvirtError {
  return isLibvirtError(
    error,
    "NO_SUPPORT",
    "OPERATION_UNSUPPORTED",
    "CONFIG_UNSUPPORTED",
    "ARGUMENT_UNSUPPORTED",
  );
}

/** Bytes that are not libvirt's protocol. The connection they came over is closed. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
}

/** The connection ended while a call waited. Whether the daemon carried the call out is not known. */
export class ConnectionLostError extends Error {
  override readonly name = "ConnectionLostError";
}

/** Nothing was sent, because there is no connection (any more, or yet). Safe to call again later. */
export class NotConnectedError extends Error {
  override readonly name = "NotConnectedError";
}

/** No answer in time. The daemon goes on with the call; its late answer is dropped. */
export class CallTimeoutError extends Error {
  override readonly name = "CallTimeoutError";
}

/** The daemon wants a way of authentication that this client does not have, or refused the certificate. */
export class AuthenticationError extends Error {
  override readonly name = "AuthenticationError";
}
