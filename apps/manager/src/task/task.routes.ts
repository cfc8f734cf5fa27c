import { AppError } from "@sinter/kit";
import { parseUrn, TaskList, TaskWithSteps, VoidAnswer, type WireError, WireTask } from "@sinter/northbound";
import type { TaskEngine, TaskFilter, TaskView } from "@sinter/tasks";
import type { FastifyInstance } from "fastify";
import type { Query } from "../http/query.ts";
import { registerRoute, SITE } from "../http/route.ts";
import type { WireErrors } from "../http/wire-errors.ts";
import { entityOf, statesOfStatus, stepToWire, taskToWire, typeOfName } from "./task.wire.ts";

const taskErrors = {
  notFound: (id: string) =>
    new AppError("notFound", "TASK_NOT_FOUND", `There is no task ${id.slice(0, 32)}.`),
  typeUnknown: (type: string) =>
    new AppError("invalid", "TASK_TYPE_UNKNOWN", `There is no task type ${type.slice(0, 64)}.`),
  cannotCancel: () =>
    new AppError("conflict", "TASK_NOT_CANCELLABLE", "The task cannot be cancelled in this phase."),
  finished: () => new AppError("conflict", "TASK_FINISHED", "The task has finished or does not exist."),
  cancelledAlready: () =>
    new AppError("conflict", "TASK_CANCELLED_ALREADY", "The task is being cancelled already."),
};

export const taskWireErrors = {
  TASK_NOT_FOUND: { code: "10000008", http: 400 },
  TASK_TYPE_UNKNOWN: { code: "10000001", http: 400 },
  TASK_NOT_CANCELLABLE: { code: "10800003", http: 400 },
  TASK_FINISHED: { code: "10800002", http: 400 },
  TASK_CANCELLED_ALREADY: { code: "10800004", http: 400 },
  CANCELLED: { code: "10800006", http: 400 },
} as const satisfies Record<string, WireError>;

export function registerTaskRoutes(
  app: FastifyInstance,
  parts: { tasks: TaskEngine; errors: WireErrors; siteId: () => string },
): void {
  const { tasks } = parts;
  const toWire = (task: TaskView) => taskToWire(task, parts.siteId(), parts.errors);
  const get = async (params: Readonly<Record<string, string>>): Promise<TaskView> => {
    const text = params.taskId ?? "";
    const task = /^\d{1,15}$/.test(text) ? await tasks.find(Number(text)) : undefined;
    if (!task) throw taskErrors.notFound(text);
    return task;
  };

  registerRoute(app, {
    method: "GET",
    url: `${SITE}/tasks`,
    access: "read",
    summary: "Lists tasks, newest first.",
    query: {
      limit: "1 to 100; 0: all",
      offset: "items to skip",
      scope: "URN of the object worked on",
      type: "type name; an unknown one is refused",
      user: "exact",
      status: "waiting, running, success, failed or cancelling",
      startTime: "epoch milliseconds: begun since",
      finishTime: "epoch milliseconds: begun before",
      taskUrns: "repeated",
      cancelled: "boolean",
    },
    reply: TaskList,
    handle: async ({ query }) => {
      const { total, items } = await tasks.list(filterFrom(query));
      return { total, tasks: items.map(toWire) };
    },
  });

  registerRoute(app, {
    method: "GET",
    url: `${SITE}/tasks/:taskId`,
    access: "read",
    summary: "Shows one task.",
    reply: WireTask,
    handle: async ({ params }) => toWire(await get(params)),
  });

  registerRoute(app, {
    method: "POST",
    url: `${SITE}/tasks/:taskId/cancel`,
    access: "operate",
    summary: "Cancels a task; what it did is taken back.",
    reply: VoidAnswer,
    handle: async ({ params, actor }) => {
      const task = await get(params);
      switch (await tasks.cancel(task.id, actor.userName)) {
        case "ok":
          return {};
        case "notFound":
        case "finished":
          throw taskErrors.finished();
        case "alreadyCancelled":
          throw taskErrors.cancelledAlready();
        case "notCancellable":
          throw taskErrors.cannotCancel();
      }
    },
  });

  registerRoute(app, {
    method: "GET",
    url: "/sinter/v1/tasks/:taskId",
    access: "read",
    summary: "Shows one task with its steps and what each said.",
    reply: TaskWithSteps,
    handle: async ({ params }) => {
      const task = await get(params);
      return { ...toWire(task), steps: (await tasks.steps(task.id)).map(stepToWire) };
    },
  });
}

/** Most tasks in one answer when a client names no page. */
const TASKS_MAX = 1000;

function filterFrom(query: Query): TaskFilter & { limit: number; offset: number } {
  const page = query.page();
  const type = query.text("type");
  const ourType = type === undefined ? undefined : typeOfName(type);
  if (type !== undefined && ourType === undefined) throw taskErrors.typeUnknown(type);
  const status = query.text("status");
  const scope = parseUrn(query.text("scope") ?? "");
  const entity = scope && entityOf(scope);
  const user = query.text("user");
  const since = query.integer("startTime");
  const until = query.integer("finishTime");
  const urns = query.list("taskUrns");
  const isCancelled = query.boolean("cancelled");
  return {
    limit: page.limit ?? TASKS_MAX,
    offset: page.offset,
    ...(ourType === undefined ? {} : { type: ourType }),
    ...(status === undefined ? {} : { states: statesOfStatus(status) }),
    ...(entity === undefined ? {} : { entityUrn: entity }),
    ...(user === undefined ? {} : { user }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
    ...(urns.length === 0 ? {} : { ids: urns.map((urn) => parseUrn(urn)?.id ?? -1) }),
    ...(isCancelled === true ? { states: ["cancelling", "cancelled"] } : {}),
  };
}
