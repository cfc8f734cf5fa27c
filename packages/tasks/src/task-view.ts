import type { SerializedError } from "@sinter/kit";

export const TASK_STATES = [
  "waiting",
  "running",
  "unwinding",
  "cancelling",
  "succeeded",
  "failed",
  "cancelled",
  "stuck",
] as const;

/**
 * `unwinding` ends as failed, `cancelling` as cancelled. `stuck` is not an end: the task keeps its locks until somebody
 * has helped it on.
 */
export type TaskState = (typeof TASK_STATES)[number];
export type StepState = "pending" | "running" | "done" | "failed" | "undoing" | "undone";

const ENDED: ReadonlySet<TaskState> = new Set(["succeeded", "failed", "cancelled"]);
export const hasEnded = (state: TaskState): boolean => ENDED.has(state);

/** A task as others may see it. Times are epoch milliseconds. */
export interface TaskView {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly state: TaskState;
  readonly entity: { readonly urn: string; readonly name: string };
  /** Who asked; empty for the system itself. */
  readonly user: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** 0 to 100, never falls; 100 exactly when the task has ended, however it ended. */
  readonly progress: number;
  readonly currentStep: string;
  readonly message: string;
  /** Whether `cancel` would be accepted now. */
  readonly isCancellable: boolean;
  readonly isCancelRequested: boolean;
  readonly cancelledBy: string | undefined;
  /** Why it failed or was cancelled; known as soon as it unwinds. */
  readonly reason: SerializedError | undefined;
  /** What stopped a stuck task. */
  readonly stuckReason: SerializedError | undefined;
  readonly createdAt: number;
  readonly startedAt: number | undefined;
  readonly finishedAt: number | undefined;
}

export interface StepView {
  readonly name: string;
  readonly state: StepState;
  /** How often its run was begun; undo is counted apart. */
  readonly attempts: number;
  readonly undoAttempts: number;
  readonly startedAt: number | undefined;
  readonly finishedAt: number | undefined;
  readonly message: string;
  readonly log: readonly StepLogLine[];
  readonly output: unknown;
  readonly error: SerializedError | undefined;
}

export interface StepLogLine {
  readonly at: number;
  readonly text: string;
}

/** What the engine keeps of a task while it runs. */
export interface TaskRecord {
  readonly view: TaskView;
  readonly noReturn: boolean;
  readonly stuckIn: TaskState | undefined;
  readonly epoch: number | undefined;
}

export interface StepRecord extends StepView {
  readonly position: number;
}

/** All columns of task_tasks but the input, which may be large and is read once. */
export const TASK_COLUMNS = `id, type, title, state, entity_urn, entity_name, user_name, attributes, is_cancellable, no_return,
  progress, current_step, message, reason, stuck_in, stuck_reason, cancelled_by, cancel_requested_at,
  created_at, started_at, finished_at, epoch`;

/** Row of task_tasks as pg delivers it. */
export interface TaskRow {
  id: string;
  type: string;
  title: string;
  state: TaskState;
  entity_urn: string;
  entity_name: string;
  user_name: string;
  attributes: Record<string, unknown>;
  is_cancellable: boolean;
  no_return: boolean;
  progress: number;
  current_step: string;
  message: string;
  reason: SerializedError | null;
  stuck_in: TaskState | null;
  stuck_reason: SerializedError | null;
  cancelled_by: string | null;
  cancel_requested_at: Date | null;
  created_at: Date;
  started_at: Date | null;
  finished_at: Date | null;
  epoch: string | null;
}

/** Row of task_steps as pg delivers it: times are dates in a row, text in a row that came as JSON. */
export interface StepRow {
  task_id: string | number;
  position: number;
  name: string;
  state: StepState;
  attempts: number;
  undo_attempts: number;
  started_at: Date | string | null;
  finished_at: Date | string | null;
  output: unknown;
  message: string;
  log: StepLogLine[];
  error: SerializedError | null;
}

export function toTaskRecord(row: TaskRow): TaskRecord {
  return {
    view: toTaskView(row),
    noReturn: row.no_return,
    stuckIn: row.stuck_in ?? undefined,
    epoch: row.epoch === null ? undefined : Number(row.epoch),
  };
}

export const toTaskView = (row: TaskRow): TaskView => ({
  id: Number(row.id),
  type: row.type,
  title: row.title,
  state: row.state,
  entity: { urn: row.entity_urn, name: row.entity_name },
  user: row.user_name,
  attributes: row.attributes,
  progress: row.progress,
  currentStep: row.current_step,
  message: row.message,
  isCancellable: row.is_cancellable && !row.no_return && (row.state === "waiting" || row.state === "running"),
  isCancelRequested: row.cancel_requested_at !== null,
  cancelledBy: row.cancelled_by ?? undefined,
  reason: row.reason ?? undefined,
  stuckReason: row.stuck_reason ?? undefined,
  createdAt: row.created_at.getTime(),
  startedAt: row.started_at?.getTime(),
  finishedAt: row.finished_at?.getTime(),
});

export const toStepRecord = (row: StepRow): StepRecord => ({
  position: row.position,
  name: row.name,
  state: row.state,
  attempts: row.attempts,
  undoAttempts: row.undo_attempts,
  startedAt: toMs(row.started_at),
  finishedAt: toMs(row.finished_at),
  message: row.message,
  log: row.log,
  output: row.output ?? undefined,
  error: row.error ?? undefined,
});

const toMs = (time: Date | string | null): number | undefined =>
  time === null ? undefined : new Date(time).getTime();
