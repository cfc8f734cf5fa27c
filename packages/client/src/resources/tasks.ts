import type { TaskAnswer, TaskList, TaskWithSteps, WireTask } from "@sinter/northbound";
import { AppError } from "@sinter/kit/errors";
import { type Clock, systemClock } from "@sinter/kit/clock";
import type { Static } from "typebox";
import type { Api } from "../api.ts";
import { iteratePages, type Page, type PageQuery } from "../pages.ts";
import { pathOf, type Reference } from "../references.ts";
import { ApiError, clientErrors } from "../wire-error.ts";

export type TaskQuery = PageQuery & {
  /** URN of the object worked on. */
  readonly scope?: string;
  readonly type?: string;
  readonly user?: string;
  readonly status?: "waiting" | "running" | "success" | "failed" | "cancelling";
  readonly taskUrns?: readonly string[];
};

export interface WaitOptions {
  /** Called at the first look and whenever status or progress has changed. */
  readonly onProgress?: (task: WireTask) => void;
  /** Ends the waiting, not the task. */
  readonly signal?: AbortSignal;
  /** Default: no limit. */
  readonly timeoutMs?: number;
}

/** Pauses between looks at a task grow from the first to the last. */
const POLL_MS = { first: 100, factor: 1.5, max: 2_000 } as const;
/** How long a manager may be away while a task is waited for: it restarts within seconds, and the task goes on. */
const ABSENCE_MS_MAX = 120_000;

export function createTasks(api: Api, clock: Clock = systemClock) {
  const list = async (query: TaskQuery = {}): Promise<Page<WireTask>> => {
    const answer = await api.get<Static<typeof TaskList>>(await api.inSite("tasks"), query);
    return { total: answer.total, items: answer.tasks };
  };
  const get = (task: Reference, signal?: AbortSignal) => api.get<WireTask>(pathOf(task), undefined, signal);

  return {
    /** Newest first. */
    list,
    iterate: (query: Omit<TaskQuery, keyof PageQuery> = {}) =>
      iteratePages(
        (page) => list({ ...query, ...page }),
        (task) => task.urn,
      ),
    get: (task: Reference) => get(task),
    /** The task and what it is made of, with the log of each step. */
    getWithSteps: (task: Reference) =>
      api.get<TaskWithSteps>(`/sinter/v1/tasks/${pathOf(task).split("/").at(-1)}`),
    async cancel(task: Reference): Promise<void> {
      await api.post(`${pathOf(task)}/cancel`);
    },

    /**
     * Waits for the end of a task and gives the finished task. Throws ApiError with the task's own reason when it
     * failed, `cancelled` when it was cancelled, `unavailable` TASK_TIMEOUT after `timeoutMs`, and the signal's reason
     * when that is aborted. A manager that is away for a while is waited for.
     */
    async wait(answer: TaskAnswer | Reference, options: WaitOptions = {}): Promise<WireTask> {
      const path = pathOf(typeof answer === "object" && "taskUri" in answer ? answer.taskUri : answer);
      const { signal, timeoutMs } = options;
      const deadline = timeoutMs === undefined ? Number.POSITIVE_INFINITY : clock.now() + timeoutMs;
      let lastAnswerAt = clock.now();
      /** Undefined while the manager is away. */
      const look = async (): Promise<WireTask | undefined> => {
        try {
          const task = await get(path, signal);
          lastAnswerAt = clock.now();
          return task;
        } catch (error) {
          const isAway = error instanceof AppError && error.retryable;
          if (!isAway || clock.now() - lastAnswerAt > ABSENCE_MS_MAX) throw error;
          return undefined;
        }
      };
      let shown = "";
      let pauseMs: number = POLL_MS.first;
      for (;;) {
        const task = await look();
        if (task !== undefined) {
          const state = `${task.status} ${task.progress}`;
          if (state !== shown) options.onProgress?.(task);
          shown = state;
          if (task.status === "success") return task;
          if (task.status === "failed") throw new TaskFailure(task);
        }
        if (clock.now() >= deadline) throw clientErrors.waitedTooLong(path, timeoutMs ?? 0);
        await clock.sleep(Math.min(pauseMs, Math.max(deadline - clock.now(), 0)), signal);
        pauseMs = Math.min(pauseMs * POLL_MS.factor, POLL_MS.max);
      }
    },
  };
}

/** Why a task failed, as the manager told it; `params.task` is the task. */
export class TaskFailure extends ApiError {
  readonly task: WireTask;

  constructor(task: WireTask) {
    super(200, task.reason || (task.cancelled ? "10800006" : ""), failureText(task), { params: { task } });
    this.name = "TaskFailure";
    this.task = task;
  }
}

function failureText(task: WireTask): string {
  if (task.reasonDes !== "") return task.reasonDes;
  return task.cancelled ? "The task was cancelled." : "The task failed without saying why.";
}
