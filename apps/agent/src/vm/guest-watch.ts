import { type Log, mapLimited, systemClock } from "@sinter/kit";
import type { GuestObservation } from "@sinter/southbound";
import type { EventHub } from "../events/event-hub.ts";
import type { LibvirtLink } from "../libvirt/libvirt-link.ts";
import type { DomainReader } from "./domain-reader.ts";
import { guestAddresses } from "./guest-answers.ts";
import { powerOf, type SeenDomain } from "./vm-observation.ts";

const ASKS_AT_ONCE = 2;
/** An agent that hangs costs no more than this a round. */
const ANSWER_S_MAX = 3;

export interface GuestWatchOptions {
  readonly libvirt: LibvirtLink;
  readonly reader: DomainReader;
  readonly hub: EventHub;
  /** Between two rounds. */
  readonly intervalMs: number;
  readonly log: Log;
}

/**
 * What guests last said of themselves. Observations take it from here and never wait for a guest; a VM's state is
 * refreshed in rounds and at once when its agent comes or goes.
 *
 * | at the same time     | what makes it safe                                                        |
 * | -------------------- | ------------------------------------------------------------------------- |
 * | two rounds           | the next begins when the last has ended                                   |
 * | round and hung guest | short limit, few at once, a connection that nothing else waits for        |
 * | answer and stop      | the answer is thrown away when the VM has changed since it was asked      |
 */
export class GuestWatch implements AsyncDisposable {
  readonly #known = new Map<string, GuestObservation>();
  /** Counts what happened to a VM, so that an answer from before is seen to be old. */
  readonly #epochs = new Map<string, number>();
  readonly #options: GuestWatchOptions;
  readonly #stop = new AbortController();
  #round: Promise<void> = Promise.resolve();

  constructor(options: GuestWatchOptions) {
    this.#options = options;
  }

  /** Null until the VM was first asked. */
  of(vmUuid: string): GuestObservation | null {
    return this.#known.get(vmUuid) ?? null;
  }

  begin(): void {
    this.#round = this.#goRound();
  }

  /** The VM stopped: what its guest said is of the past. */
  forget(vmUuid: string): void {
    this.#epochs.set(vmUuid, (this.#epochs.get(vmUuid) ?? 0) + 1);
    this.#known.delete(vmUuid);
  }

  /** Its agent came or went. */
  agentChanged(vmUuid: string, isConnected: boolean): void {
    if (!isConnected) {
      this.#set(vmUuid, NOT_RUNNING);
      return;
    }
    this.#ask(vmUuid).catch((error: unknown) =>
      this.#options.log.debug({ vmUuid, err: error }, "could not look into a guest"),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#round;
  }

  async #goRound(): Promise<void> {
    const { intervalMs, log } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.#lookAtAll().catch((error: unknown) =>
        log.debug({ err: error }, "could not look into the guests"),
      );
      await systemClock.sleep(intervalMs, signal).catch(() => {}); // the loop's condition sees the end
    }
  }

  async #lookAtAll(): Promise<void> {
    const seen = await this.#options.reader.list();
    const there = new Set(seen.map(({ uuid }) => uuid));
    for (const uuid of this.#known.keys()) if (!there.has(uuid)) this.forget(uuid);
    for (const uuid of this.#epochs.keys()) if (!there.has(uuid)) this.#epochs.delete(uuid);
    const running = seen.filter((one) => powerOf(one) === "running");
    await mapLimited(running, ASKS_AT_ONCE, async (one) => {
      if (this.#stop.signal.aborted) return;
      if (hasOpenChannel(one)) await this.#ask(one.uuid);
      else this.#set(one.uuid, NOT_RUNNING);
    });
  }

  async #ask(vmUuid: string): Promise<void> {
    const epoch = this.#epochs.get(vmUuid) ?? 0;
    const answer = await askGuest(this.#options.libvirt, vmUuid, this.#stop.signal);
    if ((this.#epochs.get(vmUuid) ?? 0) === epoch) this.#set(vmUuid, answer);
  }

  #set(vmUuid: string, observation: GuestObservation): void {
    const before = this.#known.get(vmUuid);
    if (before !== undefined && JSON.stringify(before) === JSON.stringify(observation)) return;
    this.#known.set(vmUuid, observation);
    this.#options.hub.vmChanged(vmUuid);
  }
}

const NOT_RUNNING: GuestObservation = {
  agent: "notRunning",
  agentVersion: null,
  hostname: null,
  osName: null,
  addresses: [],
};

function hasOpenChannel({ current }: SeenDomain): boolean {
  return (current.devices?.channels ?? []).some(
    ({ target }) => target?.name === "org.qemu.guest_agent.0" && target.state === "connected",
  );
}

/** The first question decides whether there is anybody; each further one may fail by itself (an older agent). */
async function askGuest(
  libvirt: LibvirtLink,
  vmUuid: string,
  signal: AbortSignal,
): Promise<GuestObservation> {
  const domain = libvirt.guests.domain({ uuid: vmUuid });
  const ask = async <T>(command: string): Promise<T> =>
    (await domain.agentCommand({ execute: command }, ANSWER_S_MAX, {
      signal,
      timeoutMs: (ANSWER_S_MAX + 2) * 1000,
    })) as T; // as QEMU's guest agent documents it
  let info: { version?: string };
  try {
    info = await ask("guest-info");
  } catch {
    return NOT_RUNNING;
  }
  const optional = <T>(command: string): Promise<T | undefined> => ask<T>(command).catch(() => undefined);
  const host = await optional<{ "host-name"?: string }>("guest-get-host-name");
  const os = await optional<{ "pretty-name"?: string; name?: string }>("guest-get-osinfo");
  const interfaces = await optional<unknown>("guest-network-get-interfaces");
  return {
    agent: "running",
    agentVersion: info.version ?? null,
    hostname: host?.["host-name"] ?? null,
    osName: os?.["pretty-name"] ?? os?.name ?? null,
    addresses: guestAddresses(interfaces),
  };
}
