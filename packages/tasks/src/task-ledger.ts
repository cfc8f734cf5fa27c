import { setTimeout as delay } from "node:timers/promises";
import type { AppError, Log, SerializedError } from "@sinter/kit";
import { isDatabaseAway, isSerializationFailure } from "./database-errors.ts";
import type { AnyTask } from "./definition.ts";
import { ProgressScale, Throttle } from "./progress-meter.ts";
import { Interrupted } from "./reign.ts";
import type { RunParts } from "./run-parts.ts";
import { toStoredJson, toStoredText } from "./stored-json.ts";
import type { Claim, StepWrite, Transition } from "./task-store.ts";
import { hasEnded, type StepRecord, type TaskRecord, type TaskState } from "./task-view.ts";

const MESSAGE_LENGTH_MAX = 500;
const LOG_LINES_MAX = 100;
const DATABASE_RETRY_MS = 100;

/** What a transition changes of the task; what is left out stays. */
export type Change = Partial<Pick<Transition, "to" | "currentStep" | "message" | "reason" | "stuckReason">>;
/** What it changes of the steps, by position. */
export type Patches = ReadonlyMap<number, Partial<Omit<StepRecord, "position" | "name">>>;
export interface Entry {
  readonly change: Change;
  readonly patches: Patches;
}

export const NO_PATCHES: Patches = new Map();

/** One task as its run knows it, and the only way in which the run changes it: rows first, then memory, then listeners. */
export class TaskLedger {
  readonly taskId: number;
  readonly #parts: RunParts;
  readonly #noReturnAt: number;
  readonly #scale: ProgressScale;
  readonly #throttle: Throttle;
  readonly #log: Log;
  readonly #halt: AbortSignal;
  #task: TaskRecord;
  #steps: readonly StepRecord[];
  /** May be ahead of the rows, which are not written with each progress. */
  #progress: number;
  #message: string;

  /** `halt` is aborted when the engine stops; then nothing is waited for any more. */
  constructor(parts: RunParts, definition: AnyTask, { task, steps }: Claim, halt: AbortSignal) {
    this.taskId = task.view.id;
    this.#parts = parts;
    this.#noReturnAt = definition.noReturnAt ?? Number.POSITIVE_INFINITY;
    this.#scale = new ProgressScale(definition.steps.map(({ weight }) => weight));
    this.#throttle = new Throttle(parts.clock, () => this.#writeProgress());
    this.#log = parts.log.child({ taskId: this.taskId, task: definition.type });
    this.#halt = halt;
    this.#task = task;
    this.#steps = steps;
    this.#progress = task.view.progress;
    this.#message = task.view.message;
  }

  get task(): TaskRecord {
    return this.#task;
  }

  get state(): TaskState {
    return this.#task.view.state;
  }

  get steps(): readonly StepRecord[] {
    return this.#steps;
  }

  step(position: number): StepRecord {
    const step = this.#steps[position];
    if (step === undefined) throw new Error(`Task ${this.taskId} has no step ${position}.`);
    return step;
  }

  /** Writes a transition. False: the task is in another state than thought, which is now known. */
  async record(change: Change, patches: Patches): Promise<boolean> {
    await this.quiet();
    const transition = this.transition({ change, patches });
    const record = await this.#patiently(() => this.#parts.store.record(transition));
    if (record === undefined) await this.refresh();
    else this.adopt(record, patches);
    return record !== undefined;
  }

  /** The transition of an entry, for one who writes it in a transaction of his own and then calls `adopt`. */
  transition({ change, patches }: Entry): Transition {
    const { view } = this.#task;
    const to = change.to ?? view.state;
    const steps = this.#steps.map((step) => ({ ...step, ...patches.get(step.position) }));
    const firstOpen = steps.findIndex(({ state }) => state !== "done");
    const percent = to === "running" && firstOpen >= 0 ? this.#scale.percent(firstOpen, 0) : 0;
    return {
      taskId: this.taskId,
      epoch: this.#parts.reign.epoch,
      from: view.state,
      to,
      progress: hasEnded(to) ? 100 : Math.max(percent, this.#progress),
      currentStep: change.currentStep ?? view.currentStep,
      message: toStoredText(change.message ?? this.#message, MESSAGE_LENGTH_MAX),
      noReturn: firstOpen >= this.#noReturnAt,
      reason: change.reason,
      stuckReason: change.stuckReason,
      finishedAt: hasEnded(to) ? this.#parts.clock.now() : undefined,
      steps: steps.filter(({ position }) => patches.has(position)).map(toStepWrite),
    };
  }

  /** Takes over what has been written. */
  adopt(record: TaskRecord, patches: Patches): void {
    this.#task = record;
    this.#steps = this.#steps.map((step) => ({ ...step, ...patches.get(step.position) }));
    this.#progress = record.view.progress;
    this.#message = record.view.message;
    this.publish();
    if (record.view.state === "stuck") this.#parts.onStuck(record.view);
    if (hasEnded(record.view.state)) this.#log.info({ state: record.view.state }, "a task has ended");
  }

  /** Reads the task's state again, after a write that met another one. */
  async refresh(): Promise<void> {
    const task = await this.#patiently(() => this.#parts.store.find(this.taskId));
    if (task === undefined || task.epoch !== this.#parts.reign.epoch) {
      throw new Interrupted("Another engine has the task.");
    }
    this.#task = task;
    this.#progress = Math.max(this.#progress, task.view.progress);
    this.publish();
  }

  /** Reads everything again, after a commit whose answer was lost. */
  async reload(): Promise<void> {
    await this.refresh();
    this.#steps = await this.#patiently(() => this.#parts.store.steps(this.taskId));
  }

  /** Progress of a step: told at once, written soon. */
  progressed(position: number, fraction: number, message: string | undefined): void {
    const isForward = this.state === "running" && Number.isFinite(fraction);
    const percent = isForward ? this.#scale.percent(position, fraction) : 0;
    const text = message === undefined ? this.#message : toStoredText(message, MESSAGE_LENGTH_MAX);
    if (percent <= this.#progress && text === this.#message) return;
    this.#progress = Math.max(this.#progress, percent);
    this.#message = text;
    this.#patch(position, { message: text });
    this.publish();
    this.#throttle.request();
  }

  noted(position: number, line: string): void {
    this.#patch(position, { log: this.logWith(position, line) });
    this.#throttle.request();
  }

  /** A step's log with one more line. */
  logWith(position: number, line: string): StepRecord["log"] {
    const text = toStoredText(line, MESSAGE_LENGTH_MAX);
    return [...this.step(position).log, { at: this.#parts.clock.now(), text }].slice(-LOG_LINES_MAX);
  }

  /** Resolves when no progress is being written; what waited to be is dropped, for the next transition carries it. */
  async quiet(): Promise<void> {
    await this.#throttle.quiet();
  }

  publish(): void {
    this.#parts.publish({ ...this.#task.view, progress: this.#progress, message: this.#message });
  }

  assertNotHalted(): void {
    this.#parts.reign.assertMayWrite();
    if (this.#halt.aborted) throw new Interrupted("The engine stops.");
  }

  #patch(position: number, patch: Partial<StepRecord>): void {
    this.#steps = this.#steps.map((step) => (step.position === position ? { ...step, ...patch } : step));
  }

  async #writeProgress(): Promise<void> {
    const { reign, store } = this.#parts;
    const step = this.#steps.find(({ state }) => state === "running" || state === "undoing");
    if (step === undefined) return;
    try {
      reign.assertMayWrite();
      await store.recordProgress({
        taskId: this.taskId,
        epoch: reign.epoch,
        step: step.name,
        stepState: step.state,
        progress: this.#progress,
        message: this.#message,
        log: step.log,
      });
    } catch (error) {
      // Only how far it is; the next transition writes it again.
      this.#log.debug({ err: error }, "progress was not written");
    }
  }

  /** Repeats a query while PostgreSQL is away, for as long as the engine lives. */
  async #patiently<T>(query: () => Promise<T>): Promise<T> {
    for (;;) {
      this.#parts.reign.assertMayWrite();
      try {
        return await query();
      } catch (error) {
        if (!isDatabaseAway(error) && !isSerializationFailure(error)) throw error;
        this.assertNotHalted();
      }
      // Real time: this waits for a server, not for an hour of the task's clock. A halt is seen after the next failure.
      await delay(DATABASE_RETRY_MS, undefined, { signal: this.#halt }).catch(() => {});
    }
  }
}

/** Bounded and without what PostgreSQL refuses. */
export function serialize(error: AppError): SerializedError {
  const { kind, code, message, params } = error.toJSON();
  return { kind, code, message: toStoredText(message, MESSAGE_LENGTH_MAX), params };
}

const toStepWrite = ({ output, ...step }: StepRecord): StepWrite => ({
  ...step,
  output: toStoredJson(output),
});
