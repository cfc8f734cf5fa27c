export {
  type AnyTask,
  type ForwardTask,
  type PortsOf,
  type ReversibleTask,
  type StepContext,
  type TaskDefinition,
  type TaskOptions,
  type TaskTx,
  task,
} from "./definition.ts";
export { type CancelOutcome, type TaskEngine, type TaskEngineOptions, createTaskEngine } from "./engine.ts";
export { taskErrors } from "./errors.ts";
export type { Fault, FaultHook, FaultPoint } from "./fault.ts";
export { DEFAULT_RETRY_POLICIES, type RetryPolicies, type RetryPolicy } from "./retry-policy.ts";
export { TASK_TABLES_SQL } from "./schema.ts";
export type { Executor, Order, Sealer } from "./submission.ts";
export { type TaskFilter, type TaskPage, type TaskQueries, createTaskQueries } from "./task-list.ts";
export {
  type StepLogLine,
  type StepState,
  type StepView,
  TASK_STATES,
  type TaskState,
  type TaskView,
  hasEnded,
} from "./task-view.ts";
