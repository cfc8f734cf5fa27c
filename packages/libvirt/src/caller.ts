import type { Args, ProcedureName, Reply, StreamProcedureName } from "./protocol/procedures.ts";
import type { CallOptions } from "./rpc/rpc-client.ts";
import type { RpcStream } from "./rpc/rpc-stream.ts";

/** Arguments are left out where the procedure has none. */
export type CallArguments<N extends ProcedureName> =
  Args<N> extends void ? [args?: undefined, options?: CallOptions] : [args: Args<N>, options?: CallOptions];

/** Whatever calls can be made through: a connection, or one that comes back by itself. */
export interface Caller {
  /**
   * Calls any procedure of the table by name. Rejects with LibvirtError, CallTimeoutError, the signal's
   * reason, ConnectionLostError (outcome unknown) or NotConnectedError (not sent).
   */
  call<N extends ProcedureName>(name: N, ...rest: CallArguments<N>): Promise<Reply<N>>;

  /** The same for procedures that open a stream. */
  openStream<N extends StreamProcedureName>(
    name: N,
    args: Args<N>,
    options?: CallOptions,
  ): Promise<{ stream: RpcStream; reply: Reply<N> }>;
}
