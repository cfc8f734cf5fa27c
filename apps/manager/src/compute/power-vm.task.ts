import { VM_ACTIONS, type VmActionName, type VmState } from "@sinter/rules";
import type { VmObservation } from "@sinter/southbound";
import { task } from "@sinter/tasks";
import { AppError } from "@sinter/kit";
import type { ComputePorts } from "./compute.ports.ts";
import { whenLeasesAreFree } from "./lease-wait.ts";
import { isAway, removeVmOrRemember, unlessHostIsGone } from "./node-work.ts";
import { readSpec } from "./spec-reader.ts";
import { observed, reasonOf, STATE_OF_POWER } from "./vm-observation.ts";
import { vmStore } from "./vm.store.ts";

export interface PowerVmInput {
  readonly vmId: number;
  readonly vmUuid: string;
  /** Where it is to run; for start possibly another host than before. */
  readonly hostId: number;
  /** Where its definition lay until now, when that is another host. */
  readonly formerHostId: number | null;
  readonly action: Exclude<VmActionName, "remove">;
  /** State before the task. */
  readonly from: VmState;
}

const HOST_GONE = "Its host does not answer; what came of the last action is not known.";
/** How long a guest may take to shut down when asked. */
const SAFE_STOP_MS = 180_000;

/** One task for each power action: mark, do it on the node, write down what came of it. */
export const powerVm = task<PowerVmInput, ComputePorts>("vm.power")
  .step("mark", {
    run: async () => {},
    // The state was written with the task. Taking back means: show again what is, as far as anyone can see.
    undo: ({ input, ports }) => restoreState(ports, input),
  })
  .step("prepare", {
    run: async ({ input, ports, signal }) => {
      if (input.action !== "start") return;
      const { spec } = await readSpec(ports.database.db, input.vmId);
      await ports.fleet.agent(input.hostId).defineVm(spec, { signal });
    },
    undo: async ({ input, ports }) => {
      // Only a definition on a new host is taken back; the one at home belongs there.
      if (input.action === "start" && input.formerHostId !== null) {
        await removeVmOrRemember(ports, input.hostId, input.vmUuid);
      }
    },
  })
  .step("act", {
    weight: 4,
    run: async ({ input, ports, signal, note }) => {
      if (input.action !== "start" && input.action !== "resume") return await act(ports, input, signal);
      await whenLeasesAreFree(ports, { vmId: input.vmId, signal, note }, () => act(ports, input, signal));
    },
    undo: async ({ input, ports }) => {
      await unlessHostIsGone(ports, input.hostId, () => takeBack(ports, input));
    },
  })
  .pointOfNoReturn()
  .step("settle", {
    run: async ({ input, ports }) => {
      const { via } = VM_ACTIONS[input.action];
      let seen: VmObservation | undefined;
      await unlessHostIsGone(ports, input.hostId, async () => {
        seen = await ports.fleet.agent(input.hostId).getVm({ vmUuid: input.vmUuid });
      });
      if (seen === undefined) {
        const change = { hostId: input.hostId, stateReason: HOST_GONE };
        await vmStore(ports.database.db).transition(input.vmId, [via], "unknown", change);
        return;
      }
      const observation: VmObservation = seen;
      const isFresh = input.action === "start" || input.action.endsWith("eboot");
      await vmStore(ports.database.db).transition(input.vmId, [via], STATE_OF_POWER[observation.power], {
        ...observed(observation, new Date()),
        // What the guest said before it was started anew is no longer true.
        ...(isFresh ? { guest: null } : {}),
        hostId: input.hostId,
        stateReason: reasonOf(observation),
      });
      if (input.formerHostId !== null) await removeVmOrRemember(ports, input.formerHostId, input.vmUuid);
    },
  });

async function act(ports: ComputePorts, input: PowerVmInput, signal: AbortSignal): Promise<void> {
  const agent = ports.fleet.agent(input.hostId);
  const { vmUuid } = input;
  switch (input.action) {
    case "start":
      await agent.startVm({ vmUuid }, { signal });
      return;
    case "stop":
      await agent.stopVm({ vmUuid, mode: "safe", waitMs: SAFE_STOP_MS }, { signal });
      return;
    case "forceStop":
      await agent.stopVm({ vmUuid, mode: "force", waitMs: 0 }, { signal });
      return;
    case "reboot":
      await agent.rebootVm({ vmUuid, mode: "safe" }, { signal });
      return;
    case "forceReboot":
      await agent.rebootVm({ vmUuid, mode: "force" }, { signal });
      return;
    case "pause":
      await agent.pauseVm({ vmUuid }, { signal });
      return;
    case "resume":
      await agent.resumeVm({ vmUuid }, { signal });
      return;
    case "hibernate":
      await agent.hibernateVm({ vmUuid }, { signal });
      return;
  }
}

/**
 * A start whose answer was lost or that was cancelled ends with the VM stopped, a pause with it running, and so on: as
 * before. What has stopped or was reset is not started again: that is shown as it is.
 */
async function takeBack(ports: ComputePorts, input: PowerVmInput): Promise<void> {
  const agent = ports.fleet.agent(input.hostId);
  const { vmUuid } = input;
  const { power } = await agent.getVm({ vmUuid });
  if (input.action === "start" && power !== "stopped" && power !== "hibernated") {
    if (input.from === "hibernated") await agent.hibernateVm({ vmUuid });
    else await agent.stopVm({ vmUuid, mode: "force", waitMs: 0 });
  }
  if (input.action === "pause" && power === "paused") await agent.resumeVm({ vmUuid });
  if (input.action === "resume" && power === "running") await agent.pauseVm({ vmUuid });
  if (input.action === "hibernate" && power === "hibernated") await agent.startVm({ vmUuid });
}

async function restoreState(ports: ComputePorts, input: PowerVmInput): Promise<void> {
  const { via } = VM_ACTIONS[input.action];
  const home = input.formerHostId ?? input.hostId;
  const store = vmStore(ports.database.db);
  let observation: VmObservation | undefined;
  try {
    observation = await ports.fleet.agent(home).getVm({ vmUuid: input.vmUuid });
  } catch (error) {
    if (isAway(error)) {
      await store.transition(input.vmId, [via], "unknown", { stateReason: HOST_GONE });
      return;
    }
    if (!(error instanceof AppError && error.kind === "notFound")) throw error;
  }
  if (observation === undefined) {
    await store.transition(input.vmId, [via], input.from);
    return;
  }
  await store.transition(input.vmId, [via], STATE_OF_POWER[observation.power], {
    ...observed(observation, new Date()),
    stateReason: reasonOf(observation),
  });
}
