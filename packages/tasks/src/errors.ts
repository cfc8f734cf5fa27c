import { AppError, type SerializedError } from "@sinter/kit";

export const taskErrors = {
  /** The object is worked on by another task. `taskId` is undefined when that one has ended in the meantime. */
  objectBusy: (urn: string, taskId: number | undefined) =>
    new AppError(
      "conflict",
      "OBJECT_BUSY",
      taskId === undefined ? `${urn} is busy; try again.` : `Task ${taskId} is working on ${urn}.`,
      { params: { urn, taskId } },
    ),
  notFound: (taskId: number) =>
    new AppError("notFound", "TASK_NOT_FOUND", `There is no task ${taskId}.`, { params: { taskId } }),
  cancelled: (taskId: number, user: string) =>
    new AppError(
      "cancelled",
      "TASK_CANCELLED",
      `Task ${taskId} was cancelled${user === "" ? "" : ` by ${user}`}.`,
      {
        params: { taskId, user },
      },
    ),
  engineStopping: () =>
    new AppError(
      "unavailable",
      "TASK_ENGINE_STOPPING",
      "The task engine stops; the step goes on after its next start.",
    ),
  unknownType: (type: string) =>
    new AppError("internal", "TASK_TYPE_UNKNOWN", `This version does not know tasks of the type ${type}.`, {
      params: { type },
    }),
  stepsChanged: (type: string, stored: readonly string[], known: readonly string[]) =>
    new AppError(
      "internal",
      "TASK_STEPS_CHANGED",
      `The task was begun with the steps ${stored.join(", ")}; in this version ${type} has ${known.join(", ")}.`,
      { params: { type, stored, known } },
    ),
  injectedFault: (step: string, phase: string) =>
    new AppError("internal", "FAULT_INJECTED", `A failure was injected at ${phase} of ${step}.`, {
      params: { step, phase },
    }),
};

export const cancelReason = (taskId: number, user: string): SerializedError =>
  taskErrors.cancelled(taskId, user).toJSON();
