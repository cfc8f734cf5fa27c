import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AppError } from "@sinter/kit";
import {
  type AnyTask,
  createTaskEngine,
  type Fault,
  type FaultPoint,
  type RetryPolicy,
  type TaskEngine,
  type TaskEngineOptions,
  type TaskState,
  type TaskView,
} from "@sinter/tasks";

/** One small world in which a task can be run from beginning to end, made anew for each case. */
export interface TaskWorld<Definition extends AnyTask> {
  /** Everything an engine needs but the definition and what the matrix itself decides. */
  readonly engineOptions: Omit<TaskEngineOptions<readonly [Definition]>, "definitions" | "fault" | "retry">;
  /** Commits a submission and gives the task's id. */
  submit(engine: TaskEngine): Promise<number>;
  /** Throws unless all that the task promises is there, once. */
  expectDone(): Promise<void>;
  /** Throws unless the world is as it was before the submission. */
  expectNothingLeft(): Promise<void>;
  dispose(): Promise<void>;
}

export interface CrashMatrixOptions<Definition extends AnyTask> {
  readonly definition: Definition;
  makeWorld(): Promise<TaskWorld<Definition>>;
  /** How long one case may take; default 60,000 ms. */
  readonly timeoutMs?: number;
}

const QUICK: RetryPolicy = { attempts: 4, firstDelayMs: 1, delayMsMax: 10 };
const POLL_MS = 50;
const CASE_TIMEOUT_MS = 60_000;

/**
 * Registers the tests that every task owes: it runs; it runs with each step done twice; it goes on after a failure
 * that passes; failing or cancelled at each step in turn it leaves nothing behind; it goes on after a crash before and
 * after each step, and after each undo. A step must not depend on when, or how often, the engine died around it.
 */
export function crashMatrix<Definition extends AnyTask>(options: CrashMatrixOptions<Definition>): void {
  const timeout = options.timeoutMs ?? CASE_TIMEOUT_MS;
  describe(`crash matrix of ${options.definition.type}`, () => {
    for (const matrixCase of crashCases(options.definition)) {
      test(matrixCase.name, { timeout }, () => runCrashCase(options, matrixCase));
    }
  });
}

/** One way for things to go, and how the task must then end. */
export interface CrashCase {
  readonly name: string;
  readonly ends: TaskState;
  /** What the first engine meets. An engine that goes on after a crash meets nothing. */
  readonly fault?: (point: FaultPoint) => Fault;
  readonly cancelAt?: (point: FaultPoint) => boolean;
}

/** All cases of a task, in the order in which they are easiest to understand when several fail. */
export function crashCases(definition: AnyTask): CrashCase[] {
  return [...repetitions(), ...failures(definition), ...interruptions(definition), ...unwindings(definition)];
}

function repetitions(): CrashCase[] {
  return [
    { name: "runs", ends: "succeeded" },
    {
      name: "runs with each step done twice",
      ends: "succeeded",
      fault: ({ phase }) => (phase === "before-run" ? "twice" : undefined),
    },
    {
      name: "goes on when each step fails once with something that passes",
      ends: "succeeded",
      fault: ({ phase, attempt }) => (phase === "after-run" && attempt === 1 ? LOST_ANSWER : undefined),
    },
  ];
}

function failures(definition: AnyTask): CrashCase[] {
  const reversible = reversibleSteps(definition);
  const forward = definition.steps.slice(reversible.length);
  return [
    ...around(reversible, RUN_PHASES, (at, place) => ({
      name: `leaves nothing when it fails at ${place}`,
      ends: "failed",
      fault: (point) => (at(point) ? "fail" : undefined),
    })),
    ...forward.map(
      ({ name }): CrashCase => ({
        name: `goes forward when it fails at ${name}, after the point of no return`,
        ends: "succeeded",
        fault: ({ step, attempt }) => (step === name && attempt < QUICK.attempts ? "fail" : undefined),
      }),
    ),
  ];
}

function interruptions(definition: AnyTask): CrashCase[] {
  const cancellable = definition.options.isCancellable === false ? 0 : reversibleSteps(definition).length;
  return [
    ...around(definition.steps, RUN_PHASES, (at, place) => ({
      name: `goes on after a crash at ${place}`,
      ends: "succeeded",
      fault: (point) => (at(point) ? "crash" : undefined),
    })),
    ...around(definition.steps.slice(0, cancellable), RUN_PHASES, (at, place) => ({
      name: `leaves nothing when it is cancelled at ${place}`,
      ends: "cancelled",
      cancelAt: at,
    })),
    ...around(definition.steps.slice(cancellable), RUN_PHASES, (at, place) => ({
      name: `cannot be cancelled at ${place}`,
      ends: "succeeded",
      cancelAt: at,
    })),
  ];
}

/** What goes wrong while a task unwinds whose last reversible step has had its effect and then failed. */
function unwindings(definition: AnyTask): CrashCase[] {
  const reversible = reversibleSteps(definition);
  const last = reversible.at(-1)?.name;
  if (last === undefined) return [];
  const orFailLast = (point: FaultPoint, fault: Fault): Fault =>
    point.step === last && point.phase === "after-run" ? "fail" : fault;
  const undoable = reversible.filter(({ undo }) => undo !== undefined).toReversed();
  if (undoable.length === 0) return [];
  return [
    {
      name: "unwinds with each undo done twice",
      ends: "failed",
      fault: (point) => orFailLast(point, point.phase === "before-undo" ? "twice" : undefined),
    },
    {
      name: "unwinds although each undo fails once",
      ends: "failed",
      fault: (point) =>
        orFailLast(point, point.phase === "after-undo" && point.attempt === 1 ? "fail" : undefined),
    },
    ...around(undoable, ["before-undo", "after-undo"], (at, place) => ({
      name: `unwinds on after a crash at ${place}`,
      ends: "failed",
      fault: (point) => orFailLast(point, at(point) ? "crash" : undefined),
    })),
  ];
}

const RUN_PHASES = ["before-run", "after-run"] as const;
const LOST_ANSWER = new AppError("unavailable", "FAULT_INJECTED", "The answer was lost.");

const reversibleSteps = ({ steps, noReturnAt }: AnyTask): AnyTask["steps"] => steps.slice(0, noReturnAt);

/** One case for each phase of each step. */
function around(
  steps: AnyTask["steps"],
  phases: readonly FaultPoint["phase"][],
  make: (isHere: (point: FaultPoint) => boolean, place: string) => CrashCase,
): CrashCase[] {
  return steps.flatMap(({ name }) =>
    phases.map((phase) => make((point) => point.step === name && point.phase === phase, `${name}, ${phase}`)),
  );
}

/** Runs one case in a world of its own; rejects when the task does not keep what it owes. */
export async function runCrashCase<Definition extends AnyTask>(
  options: CrashMatrixOptions<Definition>,
  plan: CrashCase,
): Promise<void> {
  const world = await options.makeWorld();
  const engines: TaskEngine[] = [];
  const makeEngine = (fault: TaskEngineOptions<readonly [Definition]>["fault"]): TaskEngine => {
    const engine = createTaskEngine<readonly [Definition]>({
      pollMs: POLL_MS,
      ...world.engineOptions,
      definitions: [options.definition],
      retry: { run: QUICK, undo: QUICK, noReturn: QUICK },
      ...(fault === undefined ? {} : { fault }),
    });
    engines.push(engine);
    return engine;
  };
  try {
    const outcome: Outcome = { injected: 0, cancelled: [] };
    const first = makeEngine(async (point) => {
      if (outcome.cancelled.length === 0 && plan.cancelAt?.(point) === true) {
        outcome.cancelled.push(await first.cancel(point.taskId, "tester"));
      }
      const fault = plan.fault?.(point);
      if (fault !== undefined) outcome.injected++;
      return fault;
    });
    first.start();
    const taskId = await world.submit(first);
    const impatience = AbortSignal.timeout((options.timeoutMs ?? CASE_TIMEOUT_MS) - 1_000);
    let ended = await Promise.race([first.whenEnded(taskId, impatience), first.crashed]);
    if (ended === undefined) {
      const second = makeEngine(undefined);
      second.start();
      ended = await second.whenEnded(taskId, impatience);
    }
    assert.equal(ended.state, plan.ends, await story(first, ended));
    await checkRemains(world, ended, plan, outcome);
    await (plan.ends === "succeeded" ? world.expectDone() : world.expectNothingLeft());
  } finally {
    await Promise.all(engines.map((engine) => engine.stop()));
    await world.dispose();
  }
}

interface Outcome {
  injected: number;
  cancelled: string[];
}

/** What every ended task owes, and that the case has met what it was about. */
async function checkRemains<Definition extends AnyTask>(
  world: TaskWorld<Definition>,
  task: TaskView,
  plan: CrashCase,
  outcome: Outcome,
): Promise<void> {
  assert.equal(task.progress, 100);
  for (const table of ["task_locks", "task_secrets"]) {
    const { rows } = await world.engineOptions.pool.query(`select * from ${table} where task_id = $1`, [
      task.id,
    ]);
    assert.deepEqual(rows, [], `${table} still has rows of the task that ended`);
  }
  if (plan.fault !== undefined) assert.ok(outcome.injected > 0, "the place of the fault was never reached");
  if (plan.cancelAt !== undefined) {
    assert.deepEqual(outcome.cancelled, [plan.ends === "cancelled" ? "ok" : "notCancellable"]);
  }
}

/** The task as an operator would read it, for the message of a failed test. */
async function story(engine: TaskEngine, task: TaskView): Promise<string> {
  const steps = await engine.steps(task.id);
  const lines = steps.map(
    ({ name, state, log }) => `  ${name}: ${state} ${log.map(({ text }) => text).join("; ")}`,
  );
  return [
    `The task is ${task.state}: ${task.reason?.message ?? task.stuckReason?.message ?? ""}`,
    ...lines,
  ].join("\n");
}
