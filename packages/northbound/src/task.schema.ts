import { Type, type Static } from "typebox";
import { TextMap } from "./common.schema.ts";

/** A task on the wire (contract 1.11). Progress is 100 when it has ended, also on failure. */
export const WireTask = Type.Object(
  {
    urn: Type.String(),
    uri: Type.String(),
    type: Type.String(),
    entityUrn: Type.String(),
    entityName: Type.String(),
    startTime: Type.String(),
    finishTime: Type.String(),
    user: Type.String(),
    status: Type.String(),
    progress: Type.Integer({ minimum: 0, maximum: 100 }),
    reason: Type.String(),
    reasonDes: Type.String(),
    cancelable: Type.Boolean(),
    cancelled: Type.Boolean(),
    params: TextMap,
  },
  { title: "Task" },
);
export type WireTask = Static<typeof WireTask>;

export const TaskList = Type.Object(
  { total: Type.Integer(), tasks: Type.Array(WireTask) },
  { title: "TaskList" },
);

/** Ours: the steps of a task with their log, for the portal's task pane. */
export const TaskSteps = Type.Object(
  {
    steps: Type.Array(
      Type.Object({
        name: Type.String(),
        state: Type.String(),
        attempts: Type.Integer(),
        startTime: Type.String(),
        finishTime: Type.String(),
        message: Type.String(),
      }),
    ),
  },
  { title: "TaskSteps" },
);
