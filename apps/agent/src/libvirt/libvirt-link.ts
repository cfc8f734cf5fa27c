import type { Log } from "@sinter/kit";
import {
  type Connection,
  connect,
  type ConnectOptions,
  openReconnecting,
  parseXml,
  type ReconnectingConnection,
  textOf,
} from "@sinter/libvirt";
import { libvirtAway, translated } from "./libvirt-errors.ts";

/**
 * The ways to libvirtd. It works on five requests of one connection at a time and lets the rest wait, so what may
 * take long has a line of its own:
 *
 * | line      | for                                     | longest call        |
 * | --------- | --------------------------------------- | ------------------- |
 * | `reads`   | listing, XML, statistics, events        | a second            |
 * | `changes` | define, start, stop, devices            | a minute            |
 * | `guests`  | whatever waits for a guest's agent      | the command's limit |
 * | `own()`   | one caller alone: memory to disk, a console | hours           |
 */
export class LibvirtLink implements AsyncDisposable {
  readonly reads: ReconnectingConnection;
  readonly changes: ReconnectingConnection;
  readonly guests: ReconnectingConnection;
  readonly #options: ConnectOptions;
  #hostUuid: string | undefined;
  #version: string | undefined;
  readonly #lost: Disposable;

  constructor(options: {
    /** Default: libvirtd's usual socket. */
    readonly socketPath?: string | undefined;
    /** For reads; below what the manager waits for, so that it hears who is silent. */
    readonly readTimeoutMs: number;
    readonly log: Log;
  }) {
    this.#options = {
      ...(options.socketPath === undefined ? {} : { endpoint: { socketPath: options.socketPath } }),
      keepalive: { intervalMs: 3_000, count: 3 },
    };
    const line = (callTimeoutMs: number): ReconnectingConnection =>
      openReconnecting({ ...this.#options, callTimeoutMs, backoffMaxMs: 2_000 });
    this.reads = line(options.readTimeoutMs);
    this.changes = line(120_000);
    this.guests = line(75_000);
    this.#lost = this.reads.onLost((reason) => {
      // It may come back upgraded, or configured anew.
      this.#version = undefined;
      this.#hostUuid = undefined;
      options.log.warn({ err: reason }, "lost libvirtd; running VMs are not affected");
    });
  }

  /** A connection of one's own; dispose of it when done. */
  async own(): Promise<Connection> {
    return await translated(undefined, () => connect(this.#options));
  }

  /** Resolves when calls can be made; rejects with LIBVIRT_AWAY when that takes longer. */
  async ready(timeoutMs: number): Promise<void> {
    const limit = AbortSignal.timeout(timeoutMs);
    try {
      await Promise.all([this.reads, this.changes, this.guests].map((line) => line.connected(limit)));
    } catch (cause) {
      throw libvirtAway(this.reads.lastError ?? cause);
    }
  }

  /** libvirt's host_uuid: what tells hosts apart. It cannot change while libvirtd runs. */
  async hostUuid(): Promise<string> {
    this.#hostUuid ??= uuidOfCapabilities(await translated(undefined, () => this.reads.capabilities()));
    return this.#hostUuid;
  }

  async version(): Promise<string> {
    this.#version ??= await translated(undefined, () => this.reads.libvirtVersion());
    return this.#version;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#lost[Symbol.dispose]();
    await Promise.all([this.reads.close(), this.changes.close(), this.guests.close()]);
  }
}

function uuidOfCapabilities(xml: string): string {
  const host = parseXml(xml).children.find((node) => typeof node !== "string" && node.name === "host");
  const uuid =
    typeof host === "object"
      ? host.children.find((node) => typeof node !== "string" && node.name === "uuid")
      : undefined;
  if (typeof uuid !== "object")
    throw new Error("Broken assumption: libvirt's capabilities name the host's UUID.");
  return textOf(uuid).toLowerCase();
}
