import type { Pool } from "pg";
import type { Executor } from "./submission.ts";
import {
  type StepRow,
  type StepView,
  TASK_COLUMNS,
  type TaskRow,
  type TaskState,
  type TaskView,
  toStepRecord,
  toTaskView,
} from "./task-view.ts";

export interface TaskFilter {
  readonly entityUrn?: string;
  readonly type?: string;
  readonly user?: string;
  readonly states?: readonly TaskState[];
  readonly ids?: readonly number[];
  /** Created at or after, epoch milliseconds. */
  readonly since?: number;
  /** Created before, epoch milliseconds. */
  readonly until?: number;
}

export interface TaskPage {
  readonly items: readonly TaskView[];
  /** Of the filter, not of the page. */
  readonly total: number;
}

export type TaskQueries = ReturnType<typeof createTaskQueries>;

/** What others may ask about tasks, whether or not an engine runs in this process. */
export function createTaskQueries(pool: Pool) {
  return {
    find: async (taskId: number): Promise<TaskView | undefined> => {
      const { rows } = await pool.query<TaskRow>(`select ${TASK_COLUMNS} from task_tasks where id = $1`, [
        taskId,
      ]);
      return rows[0] && toTaskView(rows[0]);
    },

    /** Newest first. `limit` defaults to 100. */
    list: async (filter: TaskFilter & { limit?: number; offset?: number } = {}): Promise<TaskPage> => {
      const values: unknown[] = [];
      const conditions = Object.entries(CONDITIONS).flatMap(([field, condition]) => {
        const value = filter[field as keyof TaskFilter];
        if (value === undefined) return [];
        values.push(field === "since" || field === "until" ? new Date(value as number) : value);
        return [condition(`$${values.length}`)];
      });
      const where = conditions.length === 0 ? "" : `where ${conditions.join(" and ")}`;
      const [page, count] = await Promise.all([
        pool.query<TaskRow>(
          `select ${TASK_COLUMNS} from task_tasks ${where} order by id desc limit $${values.length + 1} offset $${values.length + 2}`,
          [...values, filter.limit ?? 100, filter.offset ?? 0],
        ),
        pool.query<{ total: string }>(`select count(*) as total from task_tasks ${where}`, values),
      ]);
      return { items: page.rows.map(toTaskView), total: Number(count.rows[0]?.total) };
    },

    /** All tasks that wait for a person, oldest first. */
    stuck: async (): Promise<TaskView[]> => {
      const { rows } = await pool.query<TaskRow>(
        `select ${TASK_COLUMNS} from task_tasks where finished_at is null and state = 'stuck' order by id`,
      );
      return rows.map(toTaskView);
    },

    /** Steps of a task in their order; empty when there is no such task. */
    steps: async (taskId: number): Promise<StepView[]> => {
      const { rows } = await pool.query<StepRow>(
        "select * from task_steps where task_id = $1 order by position",
        [taskId],
      );
      return rows.map((row) => {
        const { position: _, ...view } = toStepRecord(row);
        return view;
      });
    },

    /** Which of these objects are being worked on, and by which task. */
    lockedBy: async (urns: readonly string[], executor: Executor = pool): Promise<Map<string, number>> => {
      const { rows } = await executor.query<{ urn: string; task_id: string }>(
        "select urn, task_id from task_locks where urn = any($1)",
        [urns],
      );
      return new Map(rows.map((row) => [row.urn, Number(row.task_id)]));
    },

    /** Forgets tasks that ended before `before` (epoch milliseconds); says how many. */
    prune: async (before: number): Promise<number> => {
      const { rowCount } = await pool.query("delete from task_tasks where finished_at < $1", [
        new Date(before),
      ]);
      return rowCount ?? 0;
    },
  };
}

const CONDITIONS: Record<keyof TaskFilter, (value: string) => string> = {
  entityUrn: (value) => `entity_urn = ${value}`,
  type: (value) => `type = ${value}`,
  user: (value) => `user_name = ${value}`,
  states: (value) => `state = any(${value})`,
  ids: (value) => `id = any(${value}::bigint[])`,
  since: (value) => `created_at >= ${value}`,
  until: (value) => `created_at < ${value}`,
};
