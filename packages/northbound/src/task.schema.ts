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

/** Ours: a task with its steps, as the portal's task pane shows it. */
export const TaskWithSteps = Type.Object(
  {
    ...WireTask.properties,
    steps: Type.Array(
      Type.Object({
        name: Type.String(),
        state: Type.Union([
          Type.Literal("waiting"),
          Type.Literal("running"),
          Type.Literal("done"),
          Type.Literal("undone"),
          Type.Literal("failed"),
        ]),
        attempts: Type.Integer({ minimum: 0, description: "How often it was begun." }),
        startedAt: Type.String({ description: "Epoch milliseconds; empty: not yet." }),
        endedAt: Type.String({ description: "Epoch milliseconds; empty: not yet." }),
        message: Type.String({ description: "What it did last, or why it failed." }),
        log: Type.Array(Type.Object({ at: Type.String(), text: Type.String() })),
      }),
    ),
  },
  { title: "TaskWithSteps" },
);
export type TaskWithSteps = Static<typeof TaskWithSteps>;
