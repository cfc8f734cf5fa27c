import type { SerializedError } from "@sinter/kit";
import type { Pool } from "pg";
import type { Executor } from "./submission.ts";
import { CHANNEL } from "./submission.ts";
import { toStoredJson } from "./stored-json.ts";
import {
  type StepRecord,
  type StepRow,
  type StepState,
  TASK_COLUMNS,
  type TaskRecord,
  type TaskRow,
  type TaskState,
  toStepRecord,
  toTaskRecord,
} from "./task-view.ts";

/** A step as it shall be written: whole, so that writing it twice is the same as once. */
export interface StepWrite extends Omit<StepRecord, "output"> {
  /** JSON text. */
  readonly output: string;
}

export interface Transition {
  readonly taskId: number;
  readonly epoch: number;
  /** Only from this state; else nothing is written. */
  readonly from: TaskState;
  readonly to: TaskState;
  readonly progress: number;
  readonly currentStep: string;
  readonly message: string;
  /** True from the moment the point of no return is passed. */
  readonly noReturn: boolean;
  readonly reason: SerializedError | undefined;
  readonly stuckReason: SerializedError | undefined;
  /** Epoch milliseconds; with it the task ends: its locks are released and its secret is erased. */
  readonly finishedAt: number | undefined;
  readonly steps: readonly StepWrite[];
}

/** A task with all that a run of it needs. */
export interface Claim {
  readonly task: TaskRecord;
  readonly input: unknown;
  readonly steps: StepRecord[];
  readonly sealedSecret: string | undefined;
}

type ClaimRow = TaskRow & { input: unknown; steps: StepRow[] | null; sealed_secret: string | null };

const toClaim = (row: ClaimRow): Claim => ({
  task: toTaskRecord(row),
  input: row.input,
  steps: (row.steps ?? []).map(toStepRecord),
  sealedSecret: row.sealed_secret ?? undefined,
});

export interface ProgressWrite {
  readonly taskId: number;
  readonly epoch: number;
  readonly step: string;
  readonly stepState: StepState;
  readonly progress: number;
  readonly message: string;
  readonly log: StepRecord["log"];
}

export type TaskStore = ReturnType<typeof createTaskStore>;

/** What the engine writes and reads while it runs tasks. Every write names the epoch, so that a deposed engine writes nothing. */
export function createTaskStore(pool: Pool) {
  return {
    /** Takes over what other epochs have begun or somebody has cancelled, and up to `limit` waiting tasks, oldest first. */
    claim: async (epoch: number, limit: number, now: number): Promise<Claim[]> => {
      const values = [epoch, limit, new Date(now)];
      const { rows } = await pool.query<ClaimRow>({ name: "task-claim", text: CLAIM, values });
      return rows.map(toClaim);
    },

    /** Open tasks that an engine of this epoch has or should have at hand. */
    openOf: async (epoch: number): Promise<{ id: number; state: TaskState }[]> => {
      const { rows } = await pool.query<{ id: string; state: TaskState }>({
        name: "task-open",
        text: "select id, state from task_tasks where finished_at is null and state <> 'stuck' and epoch = $1",
        values: [epoch],
      });
      return rows.map(({ id, state }) => ({ id: Number(id), state }));
    },

    /** Tasks of this epoch with all that a run needs; those that have ended or are stuck are left out. */
    load: async (ids: readonly number[], epoch: number): Promise<Claim[]> => {
      const { rows } = await pool.query<ClaimRow>({ name: "task-load", text: LOAD, values: [ids, epoch] });
      return rows.map(toClaim);
    },

    steps: async (taskId: number): Promise<StepRecord[]> => {
      const { rows } = await pool.query<StepRow>({
        name: "task-steps",
        text: "select * from task_steps where task_id = $1 order by position",
        values: [taskId],
      });
      return rows.map(toStepRecord);
    },

    find: async (taskId: number): Promise<TaskRecord | undefined> => {
      const { rows } = await pool.query<TaskRow>({
        name: "task-find",
        text: `select ${TASK_COLUMNS} from task_tasks where id = $1`,
        values: [taskId],
      });
      return rows[0] && toTaskRecord(rows[0]);
    },

    /** Writes one transition and gives the task as it then is; undefined when it is another engine's or in another state. */
    record: async (change: Transition, executor: Executor = pool): Promise<TaskRecord | undefined> => {
      const { rows } = await executor.query<TaskRow>({
        name: "task-record",
        text: RECORD,
        values: transitionValues(change),
      });
      return rows[0] && toTaskRecord(rows[0]);
    },

    /** Writes how far a step is, unless it has moved on. */
    recordProgress: async (write: ProgressWrite): Promise<void> => {
      await pool.query({
        name: "task-progress",
        text: PROGRESS,
        values: [
          write.taskId,
          write.epoch,
          write.step,
          write.stepState,
          write.progress,
          write.message,
          toStoredJson(write.log),
        ],
      });
    },

    /** Marks a task as being cancelled, if that is still possible. The row lock decides against a step that just ends. */
    requestCancel: async (
      taskId: number,
      user: string,
      reason: SerializedError,
      now: number,
    ): Promise<boolean> => {
      const { rowCount } = await pool.query({
        name: "task-cancel",
        text: CANCEL,
        values: [taskId, user, toStoredJson(reason), new Date(now)],
      });
      return rowCount === 1;
    },

    /** Lets a stuck task go on where it was. */
    resume: async (taskId: number): Promise<boolean> => {
      const { rowCount } = await pool.query(
        `with resumed as (
           update task_tasks set state = stuck_in, stuck_in = null, stuck_reason = null, epoch = null
           where id = $1 and state = 'stuck' returning id)
         select pg_notify('${CHANNEL}', 'submitted') from resumed`,
        [taskId],
      );
      return rowCount === 1;
    },

    /** Ends a stuck task as failed without taking anything more back. */
    abandon: async (taskId: number, reason: SerializedError, now: number): Promise<boolean> => {
      const { rowCount } = await pool.query(ABANDON, [taskId, toStoredJson(reason), new Date(now)]);
      return rowCount === 1;
    },
  };
}

const STEPS_AND_SECRET = (task: string): string => `
  (select jsonb_agg(to_jsonb(step) order by position) from task_steps step where task_id = ${task}.id) as steps,
  (select sealed from task_secrets where task_id = ${task}.id) as sealed_secret`;

const CLAIM = `
with open_task as (
  select id, state from task_tasks
  where finished_at is null and state <> 'stuck' and epoch is distinct from $1::bigint
    -- An engine that has been deposed since it asked must not get any.
    and $1::bigint = (select epoch from task_engine)
),
candidate as (
  (select id from open_task where state <> 'waiting')
  union all
  (select id from open_task where state = 'waiting' order by id limit $2)
),
claimed as (
  update task_tasks set
    epoch = $1::bigint,
    state = case when state = 'waiting' then 'running' else state end,
    started_at = coalesce(started_at, greatest($3, created_at))
  from candidate
  where task_tasks.id = candidate.id and finished_at is null and state <> 'stuck'
  returning task_tasks.*
)
select claimed.*, ${STEPS_AND_SECRET("claimed")} from claimed`;

const LOAD = `
select task_tasks.*, ${STEPS_AND_SECRET("task_tasks")} from task_tasks
where id = any($1::bigint[]) and epoch = $2 and finished_at is null and state <> 'stuck'`;

const RECORD = `
with changed as (
  update task_tasks set
    state = $4,
    progress = greatest(progress, $5::integer),
    current_step = $6,
    message = $7,
    no_return = no_return or $8,
    reason = coalesce(reason, $9::jsonb),
    stuck_in = case when $4 = 'stuck' then $3::text end,
    stuck_reason = $10::jsonb,
    finished_at = $11
  where id = $1 and epoch = $2 and state = $3
  returning *
),
written as (
  update task_steps set
    state = step.state, attempts = step.attempts, undo_attempts = step."undoAttempts",
    started_at = to_timestamp(step."startedAt" / 1000.0), finished_at = to_timestamp(step."finishedAt" / 1000.0),
    output = step.output::jsonb, message = step.message, log = step.log, error = step.error
  from changed, jsonb_to_recordset($12::jsonb) as step (
    position integer, state text, attempts integer, "undoAttempts" integer, "startedAt" float8, "finishedAt" float8,
    output text, message text, log jsonb, error jsonb)
  where task_steps.task_id = changed.id and task_steps.position = step.position
),
released as (
  delete from task_locks using changed where task_locks.task_id = changed.id and changed.finished_at is not null
),
erased as (
  delete from task_secrets using changed where task_secrets.task_id = changed.id and changed.finished_at is not null
)
select ${TASK_COLUMNS} from changed`;

const PROGRESS = `
with changed as (
  update task_tasks set progress = greatest(progress, $5::integer), message = $6
  where id = $1 and epoch = $2 and current_step = $3 and finished_at is null
  returning id
)
update task_steps set message = $6, log = $7::jsonb
from changed where task_id = changed.id and name = $3 and task_steps.state = $4`;

const CANCEL = `
with cancelled as (
  update task_tasks set state = 'cancelling', cancelled_by = $2, reason = $3::jsonb, cancel_requested_at = $4
  where id = $1 and state in ('waiting', 'running') and is_cancellable and not no_return
  returning id
)
select pg_notify('${CHANNEL}', 'cancel:' || id) from cancelled`;

const ABANDON = `
with ended as (
  update task_tasks set state = 'failed', stuck_in = null, progress = 100, finished_at = $3,
    reason = coalesce(reason, $2::jsonb)
  where id = $1 and state = 'stuck' returning id
),
released as (delete from task_locks using ended where task_locks.task_id = ended.id),
erased as (delete from task_secrets using ended where task_secrets.task_id = ended.id)
select id from ended`;

function transitionValues(change: Transition): unknown[] {
  return [
    change.taskId,
    change.epoch,
    change.from,
    change.to,
    change.progress,
    change.currentStep,
    change.message,
    change.noReturn,
    change.reason === undefined ? null : toStoredJson(change.reason),
    change.stuckReason === undefined ? null : toStoredJson(change.stuckReason),
    change.finishedAt === undefined ? null : new Date(change.finishedAt),
    toStoredJson(change.steps),
  ];
}
