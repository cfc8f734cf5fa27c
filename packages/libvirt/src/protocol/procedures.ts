import { type Codec, i32, optional, struct, type Value } from "../xdr/codec.ts";
import { domain, QEMU_PROCEDURES, QEMU_PROGRAM, REMOTE_PROCEDURES } from "./generated/protocol.ts";
import { string, uuid } from "./types.ts";

/** One thing the daemon can be asked. A procedure that is not in our table can be written down in one line. */
export interface Procedure<A, R> {
  readonly number: number;
  /** Default is libvirt's main program. */
  readonly program?: number;
  readonly args: Codec<A>;
  readonly reply: Codec<R>;
  /** libvirtd answers it from workers of its own, even while others hang. */
  readonly highPriority?: boolean;
  /** A stream of bytes follows the answer. */
  readonly stream?: boolean;
}

/** Every procedure this package speaks; those of the QEMU program bear its name in front. */
export const PROCEDURES = {
  ...REMOTE_PROCEDURES,
  qemuDomainMonitorCommand: { ...QEMU_PROCEDURES.domainMonitorCommand, program: QEMU_PROGRAM },
  qemuDomainAgentCommand: { ...QEMU_PROCEDURES.domainAgentCommand, program: QEMU_PROGRAM },
} as const;

export type ProcedureName = keyof typeof PROCEDURES;
export type Args<N extends ProcedureName> = Value<(typeof PROCEDURES)[N]["args"]>;
export type Reply<N extends ProcedureName> = Value<(typeof PROCEDURES)[N]["reply"]>;

/** The names of procedures that open a stream. */
export type StreamProcedureName = {
  [N in ProcedureName]: (typeof PROCEDURES)[N] extends { stream: true } ? N : never;
}[ProcedureName];

/** virNetMessageError: what follows a packet whose status is "error". */
export const remoteError = struct({
  code: i32,
  domain: i32,
  message: optional(string),
  level: i32,
  dom: optional(domain),
  str1: optional(string),
  str2: optional(string),
  str3: optional(string),
  int1: i32,
  int2: i32,
  net: optional(struct({ name: string, uuid })),
});
