import { type AppError, type Log, toAppError } from "@sinter/kit";
import type { AnyTask, Step } from "./definition.ts";
import { taskErrors } from "./errors.ts";
import { Interrupted } from "./reign.ts";
import { delayAfter, isRetryable, type RetryPolicies, type RetryPolicy } from "./retry-policy.ts";
import type { RunParts } from "./run-parts.ts";
import { callStep, type Failure } from "./step-call.ts";
import { deepFreeze, toStoredJson } from "./stored-json.ts";
import { type Change, type Entry, NO_PATCHES, type Patches, serialize, TaskLedger } from "./task-ledger.ts";
import type { Claim } from "./task-store.ts";
import { hasEnded, type StepRecord } from "./task-view.ts";

/** The life of one task in one term of an engine: forward, and when need be back. */
export class TaskRun {
  readonly #parts: RunParts;
  readonly #definition: AnyTask;
  readonly #policies: RetryPolicies;
  readonly #ledger: TaskLedger;
  readonly #log: Log;
  readonly #input: unknown;
  readonly #openSecret: () => unknown;
  #secret: unknown;
  /** Ends runs and undos: the engine stops. */
  readonly #halt = new AbortController();
  /** Ends runs only: the engine stops or the task is cancelled. */
  readonly #forward = new AbortController();

  constructor(parts: RunParts, definition: AnyTask, claim: Claim, openSecret: () => unknown) {
    this.#parts = parts;
    this.#definition = definition;
    this.#policies = { ...parts.policies, ...definition.options.retry };
    this.#ledger = new TaskLedger(parts, definition, claim, this.#halt.signal);
    this.#log = parts.log.child({ taskId: this.#ledger.taskId, task: definition.type });
    this.#input = deepFreeze(claim.input);
    this.#openSecret = openSecret;
  }

  /** Tells the step under way that the task is cancelled. The database already says so. */
  cancel(): void {
    this.#forward.abort(taskErrors.cancelled(this.#ledger.taskId, this.#ledger.task.view.cancelledBy ?? ""));
  }

  /** Tells the step under way that the engine stops. Nothing is taken back. */
  interrupt(): void {
    this.#forward.abort(taskErrors.engineStopping());
    this.#halt.abort(taskErrors.engineStopping());
  }

  /** Resolves when the task has ended, is stuck or was interrupted; never rejects. */
  async drive(): Promise<void> {
    const ledger = this.#ledger;
    try {
      ledger.publish();
      this.#checkSteps();
      this.#secret = deepFreeze(this.#openSecret());
      while (!hasEnded(ledger.state) && ledger.state !== "stuck") {
        if (ledger.state === "running") await this.#goForward();
        else await this.#unwind();
      }
    } catch (error) {
      if (error instanceof Interrupted) return;
      this.#log.error({ err: error }, "a task cannot go on");
      // When even that cannot be written, the task stays as it is and the engine's next look tries again.
      await this.#getStuck(toAppError(error), NO_PATCHES).catch(() => {});
    } finally {
      await ledger.quiet();
    }
  }

  // ── forward ────────────────────────────────────────────────────────────────────────────────────────────────────

  async #goForward(): Promise<void> {
    let position = this.#ledger.steps.findIndex(({ state }) => state !== "done");
    let failures = 0;
    if (!(await this.#begin(position))) return;
    while (this.#ledger.state === "running") {
      const failure = await this.#call(position, "run");
      if (failure === undefined) {
        position += 1;
        failures = 0;
      } else {
        failures += 1;
        if (!(await this.#isWorthRepeating(position, failure.error, failures))) return;
      }
    }
  }

  async #begin(position: number): Promise<boolean> {
    return await this.#ledger.record(
      { currentStep: this.#step(position).name, message: "" },
      this.#begun(position),
    );
  }

  #begun(position: number): Patches {
    const { attempts, startedAt } = this.#ledger.step(position);
    const begun = { state: "running", attempts: attempts + 1, finishedAt: undefined } as const;
    return new Map([[position, { ...begun, startedAt: startedAt ?? this.#parts.clock.now() }]]);
  }

  #afterRun(position: number, output: unknown): Entry {
    const next = position + 1;
    const kept = (JSON.parse(toStoredJson(output)) as unknown) ?? undefined;
    const done = {
      state: "done",
      output: kept,
      error: undefined,
      finishedAt: this.#parts.clock.now(),
    } as const;
    if (next === this.#ledger.steps.length) {
      return {
        change: { to: "succeeded", currentStep: "", message: "" },
        patches: new Map([[position, done]]),
      };
    }
    // The end of one step and the beginning of the next are one write, which halves what a step costs.
    const patches = new Map([...this.#begun(next), [position, done]]);
    return { change: { currentStep: this.#step(next).name, message: "" }, patches };
  }

  /** Decides after a failed run: again (true, after the pause), or the task's state has changed (false). */
  async #isWorthRepeating(position: number, error: unknown, failures: number): Promise<boolean> {
    const ledger = this.#ledger;
    ledger.assertNotHalted();
    if (this.#forward.signal.aborted) {
      await ledger.refresh();
      return false;
    }
    const step = this.#step(position);
    const { noReturn } = ledger.task;
    const policy = step.retry ?? (noReturn ? this.#policies.noReturn : this.#policies.run);
    const reason = toAppError(error);
    this.#log.warn({ err: error, step: step.name, failures }, "a step failed");
    const patch = this.#failed(position, reason, `attempt ${ledger.step(position).attempts}`);
    if (failures < policy.attempts && (noReturn || isRetryable(error))) {
      const isWritten = await ledger.record({ message: reason.message }, new Map([[position, patch]]));
      return (
        isWritten &&
        (await this.#pause(failures, policy, this.#forward.signal)) &&
        (await this.#begin(position))
      );
    }
    const ended = { ...patch, state: "failed", finishedAt: this.#parts.clock.now() } as const;
    const patches = new Map([[position, ended]]);
    if (noReturn) await this.#getStuck(reason, patches);
    else
      await ledger.record({ to: "unwinding", reason: serialize(reason), message: reason.message }, patches);
    return false;
  }

  // ── back ───────────────────────────────────────────────────────────────────────────────────────────────────────

  async #unwind(): Promise<void> {
    const targets = this.#toUndo();
    const [first] = targets;
    if (first === undefined) {
      await this.#ledger.record(this.#ending(), this.#leftovers());
      return;
    }
    if (!(await this.#beginUndo(first))) return;
    for (const [index, position] of targets.entries()) {
      for (let failures = 1; ; failures++) {
        const failure = await this.#call(position, "undo", targets[index + 1]);
        if (failure === undefined) break;
        if (!(await this.#isUndoWorthRepeating(position, failure.error, failures))) return;
      }
    }
  }

  /** From the newest step that has begun to the first, which is taken back even if it never began. */
  #toUndo(): number[] {
    const newest = this.#ledger.steps.findLastIndex(({ state }) => state !== "pending");
    return this.#ledger.steps
      .slice(0, Math.max(newest, 0) + 1)
      .filter(({ position, state }) => state !== "undone" && this.#step(position).undo !== undefined)
      .map(({ position }) => position)
      .toReversed();
  }

  async #beginUndo(position: number): Promise<boolean> {
    return await this.#ledger.record({ currentStep: this.#step(position).name }, this.#undoBegun(position));
  }

  #undoBegun(position: number): Patches {
    const { undoAttempts } = this.#ledger.step(position);
    return new Map([[position, { state: "undoing", undoAttempts: undoAttempts + 1 }]]);
  }

  #afterUndo(position: number, next: number | undefined): Entry {
    const undone = { state: "undone", finishedAt: this.#parts.clock.now() } as const;
    if (next === undefined) {
      return { change: this.#ending(), patches: new Map([...this.#leftovers(), [position, undone]]) };
    }
    const patches = new Map([...this.#undoBegun(next), [position, undone]]);
    return { change: { currentStep: this.#step(next).name }, patches };
  }

  async #isUndoWorthRepeating(position: number, error: unknown, failures: number): Promise<boolean> {
    const ledger = this.#ledger;
    ledger.assertNotHalted();
    const reason = toAppError(error);
    this.#log.warn({ err: error, step: this.#step(position).name, failures }, "taking back a step failed");
    const patch = this.#failed(position, reason, `undo attempt ${ledger.step(position).undoAttempts}`);
    const patches = new Map([[position, patch]]);
    if (failures >= this.#policies.undo.attempts) {
      await this.#getStuck(reason, patches);
      return false;
    }
    if (!(await ledger.record({}, patches))) return false;
    await this.#pause(failures, this.#policies.undo, this.#halt.signal);
    return await this.#beginUndo(position);
  }

  #ending(): Change {
    return { to: this.#ledger.state === "cancelling" ? "cancelled" : "failed", currentStep: "" };
  }

  /** Steps without an undo that were interrupted. */
  #leftovers(): Patches {
    const failed = { state: "failed", finishedAt: this.#parts.clock.now() } as const;
    const running = this.#ledger.steps.filter(({ state }) => state === "running");
    return new Map(running.map(({ position }) => [position, failed]));
  }

  // ── both ways ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Calls a step once. When that succeeds it is recorded together with the beginning of what comes `next`. */
  async #call(position: number, what: "run" | "undo", next?: number): Promise<Failure> {
    return await callStep({
      parts: this.#parts,
      definition: this.#definition,
      ledger: this.#ledger,
      input: this.#input,
      secret: this.#secret,
      position,
      what,
      signal: (what === "run" ? this.#forward : this.#halt).signal,
      after: (output) =>
        what === "run" ? this.#afterRun(position, output) : this.#afterUndo(position, next),
    });
  }

  /** What a failure leaves in the step's row. */
  #failed(position: number, reason: AppError, attempt: string): Partial<StepRecord> {
    const log = this.#ledger.logWith(position, `${attempt} failed: ${reason.message}`);
    return { error: serialize(reason), log };
  }

  async #getStuck(reason: AppError, patches: Patches): Promise<void> {
    const stuckReason = serialize(reason);
    await this.#ledger.record({ to: "stuck", stuckReason, message: stuckReason.message }, patches);
  }

  /** False when the task was cancelled meanwhile. */
  async #pause(failures: number, policy: RetryPolicy, signal: AbortSignal): Promise<boolean> {
    try {
      signal.throwIfAborted();
      await this.#parts.clock.sleep(delayAfter(failures, policy), signal);
      return true;
    } catch {
      this.#ledger.assertNotHalted();
      await this.#ledger.refresh();
      return false;
    }
  }

  /** A task whose steps are not those of this version must not guess which of them it has done. */
  #checkSteps(): void {
    const stored = this.#ledger.steps.map(({ name }) => name);
    const known = this.#definition.steps.map(({ name }) => name);
    if (known.length === 0) throw taskErrors.unknownType(this.#definition.type);
    if (stored.join("\n") !== known.join("\n"))
      throw taskErrors.stepsChanged(this.#definition.type, stored, known);
  }

  #step(position: number): Step {
    const step = this.#definition.steps[position];
    if (step === undefined) throw new Error(`The task ${this.#definition.type} has no step ${position}.`);
    return step;
  }
}
