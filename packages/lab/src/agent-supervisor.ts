import { AppError, type Log, systemClock } from "@sinter/kit";
import { isRunning } from "./process-table.ts";
import type { LabHost } from "./lab.ts";
import type { HostState, LabStateFile } from "./lab-state.ts";

/** As a node's service manager would: look every second, start again what ended by itself. */
const INTERVAL_MS = 1_000;

export interface Supervision {
  /** Resolves when nothing will be started any more. */
  stop(): Promise<void>;
}

/**
 * Starts agents that ended on hosts that are on, except those stopped on purpose. It looks at the state each time, so
 * that it serves agents which another process started, and leaves alone what another process stopped.
 */
export function supervise(files: LabStateFile, hosts: readonly LabHost[], log: Log): Supervision {
  const ended = new AbortController();
  const loop = (async () => {
    while (!ended.signal.aborted) {
      try {
        await systemClock.sleep(INTERVAL_MS, ended.signal);
        for (const state of (await files.find())?.hosts ?? []) {
          if (!(await needsAgent(state)) || ended.signal.aborted) continue;
          log.warn({ host: state.name }, "agent ended by itself; starting it again");
          await hosts.find((host) => host.name === state.name)?.start("agent");
        }
      } catch (error) {
        if (ended.signal.aborted) return;
        // A host that was powered off between looking and starting; the next round sees it so.
        if (error instanceof AppError && error.code === "LAB_HOST_OFF") continue;
        log.error({ err: error }, "an agent could not be started again");
      }
    }
  })();
  return {
    stop: async () => {
      ended.abort();
      await loop;
    },
  };
}

async function needsAgent(host: HostState): Promise<boolean> {
  if (host.agentCommand === undefined || host.resting.includes("agent")) return false;
  if (!(await isRunning(host.init))) return false;
  return !(await isRunning(host.processes.agent));
}
