import type { Clock, Log } from "@sinter/kit";
import type { Pool } from "pg";
import type { FaultHook } from "./fault.ts";
import type { Reign } from "./reign.ts";
import type { RetryPolicies } from "./retry-policy.ts";
import type { TaskStore } from "./task-store.ts";
import type { TaskView } from "./task-view.ts";

/** What the run of a task needs of its engine. */
export interface RunParts {
  readonly reign: Reign;
  readonly store: TaskStore;
  readonly pool: Pool;
  readonly ports: unknown;
  readonly clock: Clock;
  readonly log: Log;
  readonly policies: RetryPolicies;
  readonly fault: FaultHook | undefined;
  /** Lets a bounded number of database steps hold a connection at a time. */
  readonly withConnection: <T>(work: () => Promise<T>) => Promise<T>;
  readonly publish: (view: TaskView) => void;
  readonly onStuck: (view: TaskView) => void;
  /** Makes the engine vanish, as a fault asks. */
  readonly crash: () => void;
}
