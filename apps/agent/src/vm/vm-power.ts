import { rm } from "node:fs/promises";
import type { Log } from "@sinter/kit";
import {
  buildDomainXml,
  type Domain,
  isLibvirtError,
  parseDomainXml,
  SHUTDOWN,
  START,
  XML,
} from "@sinter/libvirt";
import type { CallContext, VmPower } from "@sinter/southbound";
import type { EventHub } from "../events/event-hub.ts";
import { translated } from "../libvirt/libvirt-errors.ts";
import type { LibvirtLink } from "../libvirt/libvirt-link.ts";
import type { DomainReader } from "./domain-reader.ts";
import { waitForPower } from "./power-wait.ts";
import { vmErrors } from "./vm.errors.ts";
import { isUp, powerOf } from "./vm-observation.ts";

export type VmPowerControl = ReturnType<typeof createVmPowerControl>;

/** A guest that is busy booting misses the button: it is pressed again. */
const PRESS_AGAIN_MS = 10_000;
/** How long the guest's agent may take to accept the request to shut down. */
const AGENT_ANSWER_MS = 6_000;

/** libvirt has no code of its own for it, and several places that say it. */
const NO_CPU_TUNING =
  /CPU tuning is not available|cgroup cpu\w* is required|cgroup.*(not available|not mounted)/i;

/** Starting, stopping and what lies between. Callers see to it that each VM has one change at a time. */
export function createVmPowerControl(options: {
  readonly libvirt: LibvirtLink;
  readonly reader: DomainReader;
  readonly hub: EventHub;
  /** Told when libvirt turns out not to be able to weigh CPU time here. */
  readonly onNoCpuTuning: () => void;
  readonly log: Log;
}) {
  const { libvirt, reader, hub, log } = options;
  const changes = (vmUuid: string): Domain => libvirt.changes.domain({ uuid: vmUuid });
  const power = async (vmUuid: string): Promise<VmPower> => powerOf(await reader.get(vmUuid));

  async function start(vmUuid: string, flags: number, isWaking: boolean): Promise<void> {
    if (!isWaking) {
      await changes(vmUuid).start(flags);
      return;
    }
    // Reading memory back may take minutes.
    await using connection = await libvirt.own();
    await connection.domain({ uuid: vmUuid }).start(flags);
  }

  /** Left when the host or libvirtd died before the VM; libvirt would refuse to start. */
  async function dropTransientWrites(vmUuid: string): Promise<void> {
    const { stored } = await reader.get(vmUuid);
    for (const { transient, source } of stored.devices?.disks ?? []) {
      if (transient === undefined || source?.file === undefined) continue;
      await rm(`${source.file}.TRANSIENT-${stored.name}`, { force: true });
    }
  }

  /** libvirt refuses to start a VM with CPU weights where it has no control groups: better without than not at all. */
  async function dropCpuTuning(vmUuid: string): Promise<void> {
    const text = await changes(vmUuid).xml(XML.inactive | XML.secure);
    const { cpuTune: _dropped, ...domain } = parseDomainXml(text);
    await libvirt.changes.defineDomain(buildDomainXml(domain));
    log.warn({ vmUuid }, "this host cannot weigh CPU time; started a VM without its shares and limit");
    options.onNoCpuTuning();
  }

  return {
    async start(vmUuid: string, paused: boolean): Promise<void> {
      const before = await power(vmUuid);
      if (before === "running" || before === "paused" || before === "stopping") return;
      const flags = paused ? START.paused : 0;
      await translated(vmUuid, async () => {
        // A crashed guest was kept for a look; its QEMU must go before a new one comes.
        if (before === "crashed") await changes(vmUuid).destroy();
        if (before !== "hibernated") await dropTransientWrites(vmUuid);
        try {
          await start(vmUuid, flags, before === "hibernated");
        } catch (error) {
          if (!isNoCpuTuning(error)) throw missingDisk(vmUuid, error);
          await dropCpuTuning(vmUuid);
          await start(vmUuid, flags, before === "hibernated");
        }
      });
      log.info({ vmUuid, from: before, paused }, "started a VM");
    },

    /** Pulls the plug; a saved memory image is thrown away as well. */
    async stopByForce(vmUuid: string): Promise<void> {
      const before = await power(vmUuid);
      if (before === "stopped") return;
      await translated(vmUuid, async () => {
        if (before === "hibernated") await changes(vmUuid).removeManagedSave();
        else await ignoreOffAlready(changes(vmUuid).destroy());
      });
      log.info({ vmUuid, from: before }, "stopped a VM by force");
    },

    /**
     * Asks the guest and waits. This is not under the VM's queue, so that somebody who loses patience can still pull
     * the plug; asking twice at the same time does no harm.
     */
    async stopSafely(vmUuid: string, waitMs: number, { signal }: CallContext): Promise<void> {
      const before = await power(vmUuid);
      if (before === "stopped") return;
      if (before === "hibernated") throw vmErrors.notRunning(vmUuid, before);
      const deadline = performance.now() + waitMs;
      for (let attempt = 0; ; attempt++) {
        await askToShutDown(vmUuid, attempt);
        const leftMs = deadline - performance.now();
        const isOff = await waitForPower({
          hub,
          vmUuid,
          look: () => power(vmUuid),
          until: (now) => !isUp(now),
          timeoutMs: Math.min(Math.max(leftMs, 0), PRESS_AGAIN_MS),
          signal,
        });
        if (isOff) break;
        if (performance.now() >= deadline) throw vmErrors.didNotStop(vmUuid, waitMs);
      }
      log.info({ vmUuid }, "the guest shut down");
    },

    async rebootSafely(vmUuid: string): Promise<void> {
      await requireRunning(vmUuid);
      if (await hasGuestAgent(vmUuid)) {
        try {
          const guest = libvirt.guests.domain({ uuid: vmUuid });
          await guest.call("domainReboot", { flags: SHUTDOWN.guestAgent }, { timeoutMs: AGENT_ANSWER_MS });
          return;
        } catch (error) {
          log.info({ vmUuid, err: error }, "the guest agent did not take the reboot; pressing the button");
        }
      }
      await translated(vmUuid, () => changes(vmUuid).reboot(SHUTDOWN.acpiPowerButton));
    },

    async reset(vmUuid: string): Promise<void> {
      await requireRunning(vmUuid);
      await translated(vmUuid, () => changes(vmUuid).reset());
    },

    async pause(vmUuid: string): Promise<void> {
      const before = await power(vmUuid);
      if (before === "paused") return;
      if (before !== "running") throw vmErrors.notRunning(vmUuid, before);
      await translated(vmUuid, () => changes(vmUuid).suspend());
    },

    async resume(vmUuid: string): Promise<void> {
      const { status } = await reader.get(vmUuid);
      const before = await power(vmUuid);
      if (before === "running") return;
      if (before !== "paused") throw vmErrors.notRunning(vmUuid, before);
      await translated(vmUuid, async () => {
        if (status.state === "pmSuspended") await changes(vmUuid).call("domainPMWakeup", { flags: 0 });
        else await changes(vmUuid).resume();
      });
    },

    async hibernate(vmUuid: string): Promise<void> {
      const before = await power(vmUuid);
      if (before === "hibernated") return;
      if (before !== "running" && before !== "paused") throw vmErrors.notRunning(vmUuid, before);
      await translated(vmUuid, async () => {
        await using connection = await libvirt.own();
        await connection.domain({ uuid: vmUuid }).managedSave();
      });
      log.info({ vmUuid }, "hibernated a VM");
    },
  };

  async function requireRunning(vmUuid: string): Promise<void> {
    const now = await power(vmUuid);
    if (now === "stopped" || now === "hibernated") throw vmErrors.notRunning(vmUuid, now);
  }

  /** Whether the guest has opened its end of the agent's channel. */
  async function hasGuestAgent(vmUuid: string): Promise<boolean> {
    const { current } = await reader.get(vmUuid);
    return (current.devices?.channels ?? []).some(
      ({ target }) => target?.name === "org.qemu.guest_agent.0" && target.state === "connected",
    );
  }

  /** The agent first, which no screen lock ignores; then the power button. */
  async function askToShutDown(vmUuid: string, attempt: number): Promise<void> {
    try {
      if (attempt === 0 && (await hasGuestAgent(vmUuid))) {
        const guest = libvirt.guests.domain({ uuid: vmUuid });
        await guest.call(
          "domainShutdownFlags",
          { flags: SHUTDOWN.guestAgent },
          { timeoutMs: AGENT_ANSWER_MS },
        );
        return;
      }
    } catch (error) {
      log.info({ vmUuid, err: error }, "the guest agent did not take the shutdown; pressing the button");
    }
    await translated(vmUuid, () => ignoreOffAlready(changes(vmUuid).shutdown(SHUTDOWN.acpiPowerButton)));
  }
}

/** It went off by itself between our look and our call. */
async function ignoreOffAlready(call: Promise<void>): Promise<void> {
  await call.catch((error: unknown) => {
    if (!(isLibvirtError(error, "OPERATION_INVALID") && /not running/.test(error.message))) throw error;
  });
}

function isNoCpuTuning(error: unknown): boolean {
  return isLibvirtError(error) && NO_CPU_TUNING.test(error.message);
}

function missingDisk(vmUuid: string, error: unknown): unknown {
  if (!isLibvirtError(error)) return error;
  const [, path] = /Cannot access storage file '([^']+)'/.exec(error.message) ?? [];
  return path === undefined ? error : vmErrors.diskMissing(vmUuid, path, "its datastore", error);
}
