import type { Log } from "@sinter/kit";
import type { ClientBase } from "pg";
import type { RetryPolicies, RetryPolicy } from "./retry-policy.ts";

/**
 * Defines an operation of many steps:
 *
 *     export const createVm = task<CreateVmInput, VmPorts>("vm.create")
 *       .step("define", { run: ({ ports, input }) => …, undo: ({ ports, input }) => … })
 *       .dbStep("settle", { run: ({ input }, tx) => …, noUndo: "one row in the last transaction" });
 *
 * The rules a step must keep, which `crashMatrix` of @sinter/testing checks:
 * - `run` may be repeated, after a crash even when it had succeeded. Ids are chosen before the first step.
 * - Unwinding begins with the step that failed, so `undo` forgives what was never made and may be repeated. The undo
 *   of the first step is called even when that step never began: it takes back what was written with the submission.
 * - Outputs and inputs are JSON, kept in the database and shown to operators: no secrets. `undefined` is kept,
 *   `null` as a whole output becomes `undefined`.
 */
export function task<Input, Ports = object, Secret = undefined>(
  type: string,
  options: TaskOptions = {},
): ReversibleTask<Input, Ports, Secret, object> {
  return reversible({ type, options, steps: [], noReturnAt: undefined });
}

export interface TaskOptions {
  /** Default true; a task that is over in a moment, or that must not be half done, says false. */
  readonly isCancellable?: boolean;
  /** Overrides of the engine's policies. */
  readonly retry?: Partial<RetryPolicies>;
}

/** What is known of a task from outside: its input, and the ports its steps need. */
export interface TaskDefinition<Input, Ports, Secret = undefined> {
  readonly type: string;
  readonly options: TaskOptions;
  readonly steps: readonly Step[];
  /** Position of the first step that is only repeated, never taken back. */
  readonly noReturnAt: number | undefined;
  /** Carries the types; never there. */
  readonly [TYPES]?: { input: Input; secret: Secret; ports: (ports: Ports) => void };
}

declare const TYPES: unique symbol;

/** A definition of any types: `any` because inputs and ports go in and come out. */
export type AnyTask = TaskDefinition<any, any, any>;

/** What an engine must be given so that all these tasks find their ports. */
export type PortsOf<Tasks extends readonly AnyTask[]> = (
  Tasks[number] extends infer One
    ? One extends TaskDefinition<any, infer Ports, any>
      ? (ports: Ports) => void
      : never
    : never
) extends (ports: infer All) => void
  ? All
  : never;

export interface ReversibleTask<Input, Ports, Secret, Done> extends TaskDefinition<Input, Ports, Secret> {
  /** A step with effects outside the database. Done at least once. */
  step<Name extends string, Output>(
    name: Name,
    spec: StepSpec<StepContext<Input, Ports, Secret, Done>, Output> &
      UndoSpec<(context: StepContext<Input, Ports, Secret, Done>) => unknown>,
  ): ReversibleTask<Input, Ports, Secret, Done & { readonly [name in Name]: Output }>;
  /** A step that only writes our database, in the transaction in which it is recorded as done: exactly once. */
  dbStep<Name extends string, Output>(
    name: Name,
    spec: DbStepSpec<StepContext<Input, Ports, Secret, Done>, Output> &
      UndoSpec<(context: StepContext<Input, Ports, Secret, Done>, tx: TaskTx) => unknown>,
  ): ReversibleTask<Input, Ports, Secret, Done & { readonly [name in Name]: Output }>;
  /**
   * From here the task only goes forward: it cannot be cancelled, a failure of any kind is tried again, and when
   * that does not help the task is stuck.
   */
  pointOfNoReturn(): ForwardTask<Input, Ports, Secret, Done>;
}

export interface ForwardTask<Input, Ports, Secret, Done> extends TaskDefinition<Input, Ports, Secret> {
  step<Name extends string, Output>(
    name: Name,
    spec: StepSpec<StepContext<Input, Ports, Secret, Done>, Output>,
  ): ForwardTask<Input, Ports, Secret, Done & { readonly [name in Name]: Output }>;
  dbStep<Name extends string, Output>(
    name: Name,
    spec: DbStepSpec<StepContext<Input, Ports, Secret, Done>, Output>,
  ): ForwardTask<Input, Ports, Secret, Done & { readonly [name in Name]: Output }>;
}

/** What a step may use. */
export interface StepContext<Input, Ports, Secret, Done> {
  readonly taskId: number;
  /** `<taskId>:<step>`: the same in each attempt, so that another side can tell a repetition. */
  readonly operationId: string;
  /** 1 for the first attempt; counted separately for run and undo. */
  readonly attempt: number;
  readonly entity: { readonly urn: string; readonly name: string };
  /** Who asked; empty for the system itself. */
  readonly user: string;
  readonly input: Input;
  readonly secret: Secret;
  /** Outputs of the steps before this one. An undo sees the same as its own run did. */
  readonly done: Done;
  readonly ports: Ports;
  /** Aborted when the task is cancelled (a run only) or the engine stops. The step is waited for all the same. */
  readonly signal: AbortSignal;
  readonly log: Log;
  /** How much of this step is done, 0 to 1, and a line that says what is going on. Cheap; may be called often. */
  readonly progress: (fraction: number, message?: string) => void;
  /** Adds a line to what the operator reads of this step; the last 100 are kept. */
  readonly note: (line: string) => void;
}

/** A connection inside the step's transaction. Use nothing else that reads or writes the database beside it. */
export type TaskTx = ClientBase;

interface StepTraits {
  /** Share of the task's progress; default 1. */
  readonly weight?: number;
  /** Overrides the policy for repeating this step's run. */
  readonly retry?: RetryPolicy;
}

export interface StepSpec<Context, Output> extends StepTraits {
  run(context: Context): Promise<Output> | Output;
}

export interface DbStepSpec<Context, Output> extends StepTraits {
  run(context: Context, tx: TaskTx): Promise<Output> | Output;
}

/** How a step is taken back, or why it need not be. */
export type UndoSpec<Undo> =
  | { readonly undo: Undo; readonly noUndo?: never }
  | { readonly noUndo: string; readonly undo?: never };

/** A step as the engine sees it. */
export interface Step {
  readonly name: string;
  readonly kind: "plain" | "database";
  readonly weight: number;
  readonly retry: RetryPolicy | undefined;
  readonly run: StepBody;
  /** Undefined for a step that has nothing to take back or lies after the point of no return. */
  readonly undo: StepBody | undefined;
}

/** Types end here: the builder above has checked them. `tx` is there for steps of the kind `database`. */
export type StepBody = (context: StepContext<never, never, never, never>, tx: TaskTx) => unknown;

type Definition = Pick<AnyTask, "type" | "options" | "steps" | "noReturnAt">;
interface ErasedSpec extends StepTraits {
  readonly run: StepBody;
  readonly undo?: StepBody;
}

function reversible<Input, Ports, Secret, Done>(
  definition: Definition,
): ReversibleTask<Input, Ports, Secret, Done> {
  // The casts erase what a step's context looks like; its name and its place in `Done` are kept by the signature.
  return {
    ...definition,
    step: (name, spec) => reversible(withStep(definition, "plain", name, spec as unknown as ErasedSpec)),
    dbStep: (name, spec) => reversible(withStep(definition, "database", name, spec as unknown as ErasedSpec)),
    pointOfNoReturn: () => forward({ ...definition, noReturnAt: definition.steps.length }),
  };
}

function forward<Input, Ports, Secret, Done>(
  definition: Definition,
): ForwardTask<Input, Ports, Secret, Done> {
  return {
    ...definition,
    step: (name, spec) => forward(withStep(definition, "plain", name, spec as unknown as ErasedSpec)),
    dbStep: (name, spec) => forward(withStep(definition, "database", name, spec as unknown as ErasedSpec)),
  };
}

function withStep(definition: Definition, kind: Step["kind"], name: string, spec: ErasedSpec): Definition {
  if (definition.steps.some((step) => step.name === name)) {
    throw new Error(`The task ${definition.type} has two steps named ${name}.`);
  }
  const { run, undo, weight = 1, retry } = spec;
  const step: Step = { name, kind, weight, retry, run, undo };
  return { ...definition, steps: [...definition.steps, step] };
}
