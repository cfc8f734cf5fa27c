import type { Duplex } from "node:stream";
import { AppError, type Clock, KeyedQueue, type Log } from "@sinter/kit";
import { guardedScreen, type GuardOutcome } from "@sinter/rfb";
import type { VncEndpoint } from "@sinter/southbound";
import type { EventHub } from "../events/event-hub.ts";
import type { DomainReader } from "../vm/domain-reader.ts";
import { vmErrors } from "../vm/vm.errors.ts";
import { isUp, powerOf } from "../vm/vm-observation.ts";
import { LIBVIRT_DIRECTORY, openQemuScreen, screenSocketOf } from "./qemu-screen.ts";
import { ScreenGate } from "./screen-gate.ts";

export type Screens = ReturnType<typeof createScreens>;

export interface ScreenOptions {
  readonly reader: Pick<DomainReader, "get" | "find">;
  readonly hub: EventHub;
  /** Where gates listen; read at each opening, since joining again may change it. */
  readonly address: () => string;
  readonly ports: { readonly first: number; readonly last: number };
  /** Where this process finds what libvirt calls LIBVIRT_DIRECTORY; another path when libvirtd has a root of its own. */
  readonly libvirtDirectory: string;
  readonly clock: Clock;
  readonly onDecided: (way: "stream" | "gate", outcome: GuardOutcome) => void;
  readonly log: Log;
}

/** A viewer behind the manager answers at once: a person has nothing to type there. */
const STREAM_HANDSHAKE_MS_MAX = 30_000;

/**
 * The screens of this host's VMs. QEMU's VNC servers listen on unix sockets; every viewer comes through here and says
 * a password first (CON-04): that of its session in a stream from the manager, that of the VM at a gate.
 *
 * | at the same time                   | what makes it safe                                                         |
 * | ---------------------------------- | -------------------------------------------------------------------------- |
 * | opening one VM's gate, twice       | one after the other; the second renews                                     |
 * | opening a gate and the VM's end    | the end is told by an event that comes after, and closes it                |
 * | viewers of one VM                  | each has its own connection to QEMU, and all share the screen              |
 * | start of the VM while a gate is up | the gate asks libvirt for the socket anew for each viewer                  |
 */
export function createScreens(options: ScreenOptions) {
  const { reader, hub, log } = options;
  const gates = new Map<string, ScreenGate>();
  const queue = new KeyedQueue();
  let nextPort = options.ports.first;

  /** Throws VM_NOT_ON_HOST, VM_NOT_RUNNING, VM_HAS_NO_SCREEN. */
  async function socketOf(vmUuid: string): Promise<string> {
    const seen = await reader.get(vmUuid);
    const power = powerOf(seen);
    if (!isUp(power)) throw vmErrors.notRunning(vmUuid, power);
    const path = screenSocketOf(seen.current);
    if (path === undefined) throw vmErrors.noScreen(vmUuid);
    return path.startsWith(`${LIBVIRT_DIRECTORY}/`)
      ? options.libvirtDirectory + path.slice(LIBVIRT_DIRECTORY.length)
      : path;
  }

  /** For guards, whose viewers hear no more than that it did not work. */
  async function enter(vmUuid: string, findSocket: () => Promise<string>): Promise<Duplex> {
    try {
      return await openQemuScreen(await findSocket());
    } catch (error) {
      log.warn({ err: error, vmUuid }, "a screen could not be reached");
      throw error;
    }
  }

  async function openGate(vmUuid: string): Promise<ScreenGate> {
    const { first, last } = options.ports;
    for (let tries = first; tries <= last; tries++) {
      const port = nextPort;
      nextPort = port >= last ? first : port + 1;
      try {
        const gate = await ScreenGate.open({
          host: options.address(),
          port,
          clock: options.clock,
          open: () => enter(vmUuid, () => socketOf(vmUuid)),
          onDecided: (outcome, peer) => {
            options.onDecided("gate", outcome);
            log.info({ vmUuid, peer, outcome }, "a VNC client came to a gate");
          },
          onClosed: () => {
            if (gates.get(vmUuid) === gate) gates.delete(vmUuid);
            hub.vmChanged(vmUuid);
          },
        });
        gates.set(vmUuid, gate);
        return gate;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
      }
    }
    throw new AppError("exhausted", "NO_VNC_PORT", `All ports from ${first} to ${last} are in use.`, {
      params: { first, last },
    });
  }

  /** Gates end with their VM. */
  async function lookAgain(vmUuid: string): Promise<void> {
    const seen = await reader.find(vmUuid);
    if (seen && isUp(powerOf(seen))) return;
    gates.get(vmUuid)?.close();
    gates.delete(vmUuid);
  }
  const stopListening = hub.subscribe((event) => {
    if (event.type !== "vmChanged" || !gates.has(event.vmUuid)) return;
    const { vmUuid } = event;
    queue
      .run(vmUuid, () => lookAgain(vmUuid))
      .catch((error: unknown) => log.debug({ err: error, vmUuid }, "could not look whether a VM still runs"));
  });

  return {
    /** See SCREEN_PATH of the contract. */
    async openScreen(vmUuid: string, password: string): Promise<Duplex> {
      const path = await socketOf(vmUuid);
      return guardedScreen({
        password,
        handshakeMsMax: STREAM_HANDSHAKE_MS_MAX,
        open: () => enter(vmUuid, async () => path),
        onDecided: (outcome) => options.onDecided("stream", outcome),
      });
    },

    /** See openVncGate of the contract. */
    openGate: (input: { vmUuid: string; password: string; seconds: number }): Promise<VncEndpoint> =>
      queue.run(input.vmUuid, async () => {
        const { vmUuid, password, seconds } = input;
        await socketOf(vmUuid);
        const isNew = !gates.has(vmUuid);
        const gate = gates.get(vmUuid) ?? (await openGate(vmUuid));
        gate.renew(password, seconds);
        if (isNew) log.info({ vmUuid, ...gate.endpoint, seconds }, "opened a gate for VNC clients");
        return gate.endpoint;
      }),

    gateOf: (vmUuid: string): VncEndpoint | null => gates.get(vmUuid)?.endpoint ?? null,

    async [Symbol.asyncDispose](): Promise<void> {
      stopListening();
      for (const gate of gates.values()) gate.close();
      gates.clear();
    },
  };
}
