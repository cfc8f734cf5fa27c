import { VM_ACTIONS, type VmActionName, type VmState } from "@sinter/rules";
import type { VmObservation } from "@sinter/southbound";
import { task } from "@sinter/tasks";
import { AppError } from "@sinter/kit";
import type { ComputePorts } from "./compute.ports.ts";
import { isAway, removeVmOrRemember } from "./node-work.ts";
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
    run: ({ input, ports, signal }) => act(ports, input, signal),
    noUndo: "the state is observed afterwards and shown as it is",
  })
  .step("settle", {
    run: async ({ input, ports }) => {
      const observation = await ports.fleet.agent(input.hostId).getVm({ vmUuid: input.vmUuid });
      const isFresh = input.action === "start" || input.action === "reboot";
      await vmStore(ports.database.db).transition(
        input.vmId,
        [VM_ACTIONS[input.action].via],
        STATE_OF_POWER[observation.power],
        {
          ...observed(observation, new Date()),
          // What the guest said before it was started anew is no longer true.
          ...(isFresh ? { guest: null } : {}),
          hostId: input.hostId,
          stateReason: reasonOf(observation),
        },
      );
      if (input.formerHostId !== null) await removeVmOrRemember(ports, input.formerHostId, input.vmUuid);
    },
    noUndo: "last step: what is, is written down",
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

async function restoreState(ports: ComputePorts, input: PowerVmInput): Promise<void> {
  const { via } = VM_ACTIONS[input.action];
  const home = input.formerHostId ?? input.hostId;
  const store = vmStore(ports.database.db);
  let observation: VmObservation | undefined;
  try {
    observation = await ports.fleet.agent(home).getVm({ vmUuid: input.vmUuid });
  } catch (error) {
    if (isAway(error)) {
      const reason = "Its host does not answer; what came of the last action is not known.";
      await store.transition(input.vmId, [via], "unknown", { stateReason: reason });
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
