import type { Socket } from "node:net";
import {
  CallTimeoutError,
  ConnectionLostError,
  LibvirtError,
  NotConnectedError,
  ProtocolError,
} from "../errors.ts";
import { REMOTE_PROGRAM } from "../protocol/generated/protocol.ts";
import { type Procedure, remoteError } from "../protocol/procedures.ts";
import { decode, nothing } from "../xdr/codec.ts";
import { XdrError } from "../xdr/error.ts";
import {
  encodeFrame,
  encodeRawFrame,
  type Frame,
  FrameDecoder,
  type FrameHeader,
  MESSAGE_STATUS,
  MESSAGE_TYPE,
} from "./frame.ts";
import { KEEPALIVE_PROCEDURE, KEEPALIVE_PROGRAM, Keepalive, type KeepaliveOptions } from "./keepalive.ts";
import { PacketWriter } from "./packet-writer.ts";
import { RpcStream } from "./rpc-stream.ts";

export interface CallOptions {
  /** Releases the caller with the signal's reason. The daemon cannot be told, and goes on with the call. */
  readonly signal?: AbortSignal;
  /** Default: the connection's. 0 waits for ever. Time in our own queue counts. */
  readonly timeoutMs?: number;
  /** Overtakes the queue of {@link RpcClientOptions.inFlightMax}: for what ends other calls, like aborting a job. */
  readonly urgent?: boolean;
}

export interface RpcClientOptions {
  readonly keepalive?: KeepaliveOptions;
  /** For calls that name none. Default 0: wait for ever, the keepalive finds dead daemons. */
  readonly timeoutMs?: number;
  /**
   * Ordinary calls sent but not answered; more wait here. Default 4: libvirtd stops reading a client that has
   * five (its max_client_requests), and then no longer answers pings either. High-priority procedures do not
   * count, since the daemon serves those even when every worker hangs.
   */
  readonly inFlightMax?: number;
  /** What the daemon sends on its own. Its payload is decoded by whoever knows the program. */
  readonly onMessage?: (frame: Frame) => void;
  /** Called once. `reason` is undefined when we closed. */
  readonly onClose?: (reason: Error | undefined) => void;
}

interface Waiting {
  readonly name: string;
  readonly procedure: Procedure<unknown, unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** Made with the call, since packets may follow the answer at once. */
  readonly stream: RpcStream | undefined;
  /** Whether it holds one of the in-flight places. */
  readonly counted: boolean;
  /** Stops the timer and the signal. */
  readonly release: () => void;
}

/**
 * Calls over one socket, matched to their answers by serial.
 *
 * A caller that gave up leaves its serial in the table until the late answer came: it still holds a place in
 * the daemon, and a stream it opened has to be aborted. When the socket ends, everything that waits fails at
 * once with ConnectionLostError; nothing is ever sent twice.
 */
export class RpcClient {
  readonly #socket: Socket;
  readonly #options: RpcClientOptions;
  readonly #inFlightMax: number;
  readonly #writer: PacketWriter;
  readonly #decoder = new FrameDecoder();
  readonly #keepalive: Keepalive;
  readonly #waiting = new Map<number, Waiting>();
  readonly #streams = new Map<number, RpcStream>();
  /** Ordinary calls that wait for a place, oldest first: each sends itself. */
  readonly #queue = new Map<number, () => void>();
  #inFlight = 0;
  #serial = 0;
  #closed = false;

  constructor(socket: Socket, options: RpcClientOptions = {}) {
    this.#socket = socket;
    this.#writer = new PacketWriter(socket);
    this.#options = options;
    this.#inFlightMax = options.inFlightMax ?? 4;
    this.#keepalive = new Keepalive(
      options.keepalive ?? {},
      () => this.#sendKeepalive(KEEPALIVE_PROCEDURE.ping),
      (silentMs) => {
        const seconds = Math.round(silentMs / 100) / 10;
        this.#end(new ConnectionLostError(`libvirt has not answered any ping for ${seconds} s.`));
      },
    );
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("error", (cause) =>
      this.#end(new ConnectionLostError(`The connection to libvirt broke: ${cause.message}`, { cause })),
    );
    socket.on("close", () => this.#end(new ConnectionLostError("libvirt closed the connection.")));
    socket.resume();
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Calls sent or queued whose answers are still to come, abandoned ones included. */
  get pending(): number {
    return this.#waiting.size;
  }

  /**
   * Resolves with the decoded reply. Rejects with LibvirtError (the daemon's answer), CallTimeoutError,
   * the signal's reason, ConnectionLostError (sent, outcome unknown), NotConnectedError (not sent),
   * or XdrError (arguments that do not fit; not sent).
   */
  call<A, R>(name: string, procedure: Procedure<A, R>, args: A, options: CallOptions = {}): Promise<R> {
    return this.#start(name, procedure, args, options, undefined);
  }

  /** Like {@link call}, for a procedure after whose answer a stream follows. */
  async openStream<A, R>(
    name: string,
    procedure: Procedure<A, R>,
    args: A,
    options: CallOptions = {},
  ): Promise<{ stream: RpcStream; reply: R }> {
    const serial = this.#nextSerial();
    const stream = this.#makeStream(procedure, serial);
    const reply = await this.#start(name, procedure, args, options, { serial, stream });
    return { stream, reply };
  }

  /** Closes the socket; what still waits fails with NotConnectedError. */
  close(): void {
    this.#end(undefined);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #start<A, R>(
    name: string,
    procedure: Procedure<A, R>,
    args: A,
    options: CallOptions,
    opened: { serial: number; stream: RpcStream } | undefined,
  ): Promise<R> {
    if (this.#closed) return Promise.reject(new NotConnectedError("The connection to libvirt is closed."));
    if (options.signal?.aborted) return Promise.reject(options.signal.reason as Error);
    const serial = opened?.serial ?? this.#nextSerial();
    let packet: Buffer;
    try {
      packet = encodeFrame(header(procedure, MESSAGE_TYPE.call, serial), procedure.args, args);
    } catch (error) {
      return Promise.reject(error);
    }
    const { promise, resolve, reject } = Promise.withResolvers<R>();
    const counted = procedure.highPriority !== true && options.urgent !== true;
    const giveUp = (error: Error) => {
      // Not sent yet: as if it never was. Sent: the answer is awaited by nobody, but awaited.
      if (this.#queue.delete(serial)) this.#waiting.delete(serial);
      opened?.stream.destroy();
      release();
      reject(error);
    };
    const release = watch(name, options, options.timeoutMs ?? this.#options.timeoutMs ?? 0, giveUp);
    this.#waiting.set(serial, {
      name,
      procedure: procedure as Procedure<unknown, unknown>,
      resolve: resolve as (value: unknown) => void,
      reject,
      stream: opened?.stream,
      counted,
      release,
    });
    const send = () => {
      // The daemon's event loop may send the first data before its worker has sent the answer.
      if (opened) this.#streams.set(serial, opened.stream);
      if (counted) this.#inFlight++;
      this.#writer.write(packet);
    };
    if (counted && this.#inFlight >= this.#inFlightMax) this.#queue.set(serial, send);
    else send();
    return promise;
  }

  #makeStream(procedure: Target, serial: number): RpcStream {
    const head = (status: number) => header(procedure, MESSAGE_TYPE.stream, serial, status);
    const nothingMore = (status: number) => {
      if (!this.#closed) this.#writer.write(encodeRawFrame(head(status), Buffer.alloc(0)));
    };
    return new RpcStream({
      send: (chunk, done) => this.#writer.write(encodeRawFrame(head(MESSAGE_STATUS.continue), chunk), done),
      finish: () => nothingMore(MESSAGE_STATUS.ok),
      // Before the answer the daemon may not have the stream yet; #answer aborts it then.
      abort: () => {
        if (!this.#waiting.has(serial)) nothingMore(MESSAGE_STATUS.error);
      },
      forget: () => this.#streams.delete(serial),
    });
  }

  #receive(chunk: Buffer): void {
    if (this.#closed) return;
    this.#keepalive.received();
    try {
      for (const frame of this.#decoder.push(chunk)) {
        this.#dispatch(frame);
      }
    } catch (error) {
      if (!(error instanceof ProtocolError || error instanceof XdrError)) throw error;
      this.#end(
        new ConnectionLostError(`libvirt sent what is not its protocol: ${error.message}`, { cause: error }),
      );
    }
  }

  #dispatch(frame: Frame): void {
    if (frame.program === KEEPALIVE_PROGRAM) {
      if (frame.procedure === KEEPALIVE_PROCEDURE.ping) this.#sendKeepalive(KEEPALIVE_PROCEDURE.pong);
      return;
    }
    switch (frame.type) {
      case MESSAGE_TYPE.reply:
        this.#answer(frame);
        return;
      case MESSAGE_TYPE.message:
        this.#options.onMessage?.(frame);
        return;
      case MESSAGE_TYPE.stream:
        this.#streamPacket(frame);
        return;
      default:
        throw new ProtocolError(`a packet of type ${frame.type}`);
    }
  }

  #answer(frame: Frame): void {
    const call = this.#waiting.get(frame.serial);
    if (!call) throw new ProtocolError(`an answer to serial ${frame.serial}, which was not called`);
    this.#waiting.delete(frame.serial);
    call.release();
    if (call.counted) this.#freePlace();
    if (frame.status === MESSAGE_STATUS.error) {
      call.stream?.settle(); // never began
      call.reject(toError(call.name, frame.payload));
      return;
    }
    if (call.stream?.destroyed) {
      // Its caller gave up meanwhile. It stays in the table until the daemon confirms.
      const abort = header(call.procedure, MESSAGE_TYPE.stream, frame.serial, MESSAGE_STATUS.error);
      this.#writer.write(encodeRawFrame(abort, Buffer.alloc(0)));
    }
    try {
      call.resolve(decode(call.procedure.reply, frame.payload));
    } catch (cause) {
      // The packet itself was whole, so the connection is still in step: only this call is lost.
      call.reject(misfit(`reply to ${call.name}`, cause));
    }
  }

  #streamPacket(frame: Frame): void {
    const stream = this.#streams.get(frame.serial);
    if (!stream) return; // data that was under way when the stream ended
    if (frame.status === MESSAGE_STATUS.continue) stream.receive(frame.payload);
    else if (frame.status === MESSAGE_STATUS.ok) stream.settle();
    else stream.settle(toError("stream", frame.payload));
  }

  #freePlace(): void {
    this.#inFlight--;
    const [next] = this.#queue;
    if (!next) return;
    const [serial, send] = next;
    this.#queue.delete(serial);
    send();
  }

  #sendKeepalive(procedure: number): void {
    const head = {
      program: KEEPALIVE_PROGRAM,
      version: 1,
      procedure,
      serial: 0,
      type: MESSAGE_TYPE.message,
      status: 0,
    };
    if (!this.#closed) this.#writer.write(encodeFrame(head, nothing, undefined));
  }

  #nextSerial(): number {
    this.#serial = (this.#serial + 1) >>> 0;
    return this.#serial;
  }

  #end(reason: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#keepalive.stop();
    this.#socket.destroy();
    for (const [serial, call] of this.#waiting) {
      call.release();
      const unsent = this.#queue.has(serial);
      if (!reason) call.reject(closedByUs());
      else if (unsent)
        call.reject(new NotConnectedError(`${call.name} was not sent. ${reason.message}`, { cause: reason }));
      else
        call.reject(
          new ConnectionLostError(`${call.name} got no answer. ${reason.message}`, { cause: reason }),
        );
      call.stream?.settle();
    }
    this.#waiting.clear();
    this.#queue.clear();
    for (const stream of this.#streams.values()) stream.settle(reason ?? closedByUs());
    this.#options.onClose?.(reason);
  }
}

function closedByUs(): NotConnectedError {
  return new NotConnectedError("The connection to libvirt was closed.");
}

/** What a packet needs to know of its procedure. */
type Target = Pick<Procedure<unknown, unknown>, "number" | "program">;

/** Calls `giveUp` when the time is over or the signal fires; the result stops both. */
function watch(
  name: string,
  { signal }: CallOptions,
  timeoutMs: number,
  giveUp: (error: Error) => void,
): () => void {
  const timer =
    timeoutMs > 0
      ? setTimeout(() => giveUp(new CallTimeoutError(`${name} got no answer in ${timeoutMs} ms.`)), timeoutMs)
      : undefined;
  const aborted = () => giveUp(signal?.reason as Error);
  signal?.addEventListener("abort", aborted, { once: true });
  return () => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", aborted);
  };
}

function header(procedure: Target, type: number, serial: number, status = 0): FrameHeader {
  return {
    program: procedure.program ?? REMOTE_PROGRAM,
    version: 1,
    procedure: procedure.number,
    type,
    serial,
    status,
  };
}

/** What the daemon says went wrong; ProtocolError when not even that can be read. */
function toError(procedure: string, payload: Buffer): Error {
  try {
    const { message, ...details } = decode(remoteError, payload);
    return new LibvirtError(procedure, { message: message ?? "libvirt gave no message", ...details });
  } catch (cause) {
    return misfit(`error of ${procedure}`, cause);
  }
}

function misfit(what: string, cause: unknown): ProtocolError {
  const text = cause instanceof Error ? cause.message : String(cause);
  return new ProtocolError(`The ${what} does not fit its layout: ${text}`, { cause });
}
