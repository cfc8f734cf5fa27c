import { isDeepStrictEqual } from "node:util";
import { type Clock, KeyedQueue } from "@sinter/kit";
import type { VncEndpoint } from "@sinter/southbound";
import type { Database } from "../database/database.ts";
import type { Fleet } from "../fleet/fleet.ts";
import { vmStore } from "./vm.store.ts";
import type { Vm } from "./vm.ts";

/** How long VNC clients may come in after somebody has read where. */
export const GATE_S = 600;
/** With less than this left, reading again prolongs it. */
const RENEW_MS = (GATE_S / 2) * 1000;
/** Reading a VM does not wait longer for its host. */
const OPEN_MS_MAX = 3_000;
const WINDOWS_MAX = 50_000;

interface Window {
  readonly endpoint: VncEndpoint;
  readonly password: string;
  readonly hostId: number;
  readonly until: number;
}

export type DirectVnc = ReturnType<typeof createDirectVnc>;

/**
 * VNC clients that connect to the host by themselves, as the contract's `vncAcessInfo` tells them. QEMU is never
 * reached so: the agent opens a port for a while and asks for the VM's password there (ADR 7).
 *
 * | at the same time                    | what makes it safe                                                       |
 * | ----------------------------------- | ------------------------------------------------------------------------ |
 * | opening for one VM, several times   | one after the other; each reads the VM anew, so the last password counts |
 * | opening and an older observation    | the observation hides the port in the database; the next reader renews   |
 * | the agent restarts, the VM moves    | likewise: what the database shows is no longer what is remembered        |
 */
export function createDirectVnc(parts: {
  readonly database: Database;
  readonly fleet: Fleet;
  readonly clock: Clock;
  /** Off: no port is ever opened. */
  readonly isOn: boolean;
}) {
  const { database, fleet, clock } = parts;
  const windows = new Map<number, Window>();
  const queue = new KeyedQueue();

  const isUp = (vm: Vm): vm is Vm & { hostId: number } =>
    vm.hostId !== null && (vm.state === "running" || vm.state === "paused");

  const isOpen = (vm: Vm): boolean => {
    const window = windows.get(vm.id);
    return (
      window !== undefined &&
      window.hostId === vm.hostId &&
      window.password === vm.vncPassword &&
      window.until - clock.now() > RENEW_MS &&
      isDeepStrictEqual(window.endpoint, vm.vnc)
    );
  };

  /** Throws as the agent does. */
  async function openFor(vm: Vm & { hostId: number }, password: string): Promise<VncEndpoint> {
    const endpoint = await fleet
      .agent(vm.hostId)
      .openVncGate({ vmUuid: vm.uuid, password, seconds: GATE_S }, { timeoutMs: OPEN_MS_MAX });
    windows.delete(vm.id);
    windows.set(vm.id, { endpoint, password, hostId: vm.hostId, until: clock.now() + GATE_S * 1000 });
    for (const [oldest] of windows) {
      if (windows.size <= WINDOWS_MAX) break;
      windows.delete(oldest);
    }
    return endpoint;
  }

  return {
    /** Where VNC clients may connect from now on; null when they cannot, for whatever reason. */
    async open(seen: Vm): Promise<VncEndpoint | null> {
      if (!parts.isOn || !isUp(seen)) return null;
      if (isOpen(seen)) return seen.vnc;
      return await queue.run(String(seen.id), async () => {
        const vm = await vmStore(database.db).find(seen.id);
        if (!vm || !isUp(vm)) return null;
        if (isOpen(vm)) return vm.vnc;
        try {
          const vnc = await openFor(vm, vm.vncPassword);
          await vmStore(database.db).update(vm.id, { vnc });
          return vnc;
        } catch {
          // A host that does not answer now, a VM that has just stopped: there is no port, which is the answer.
          return null;
        }
      });
    },

    /** A running VM's open port takes the new password before it is written down. Throws when its host does not answer. */
    changePassword: (id: number, password: string): Promise<void> =>
      queue.run(String(id), async () => {
        const vm = await vmStore(database.db).find(id);
        if (!vm) return;
        const vnc = parts.isOn && isUp(vm) ? await openFor(vm, password) : vm.vnc;
        await vmStore(database.db).update(id, { vncPassword: password, vnc });
      }),
  };
}
