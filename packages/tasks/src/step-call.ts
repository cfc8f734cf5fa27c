import { isDatabaseAway } from "./database-errors.ts";
import type { AnyTask, Step, StepContext, TaskTx } from "./definition.ts";
import { taskErrors } from "./errors.ts";
import type { FaultPoint } from "./fault.ts";
import { Interrupted } from "./reign.ts";
import type { RunParts } from "./run-parts.ts";
import { deepFreeze } from "./stored-json.ts";
import type { Entry, TaskLedger } from "./task-ledger.ts";

/** What a call threw; a call whose end was recorded leaves nothing to say. */
export type Failure = { readonly error: unknown } | undefined;

export interface StepCallOptions {
  readonly parts: RunParts;
  readonly definition: AnyTask;
  readonly ledger: TaskLedger;
  readonly input: unknown;
  readonly secret: unknown;
  readonly position: number;
  readonly what: "run" | "undo";
  readonly signal: AbortSignal;
  /** What is to be recorded when the body has succeeded; throws when its output cannot be kept. */
  readonly after: (output: unknown) => Entry;
}

type Context = StepContext<never, never, never, never>;

/** Calls the body of one step once and records its end: for a database step in the body's own transaction. */
export async function callStep(options: StepCallOptions): Promise<Failure> {
  const { definition, ledger, position, what } = options;
  const step = definition.steps[position] as Step; // the ledger has it, so the definition has it
  const { attempts, undoAttempts } = ledger.step(position);
  const attempt = what === "run" ? attempts : undoAttempts;
  const body = (what === "run" ? step.run : step.undo) ?? (() => undefined);
  const { context, leave } = makeContext(options, step, attempt);
  const fault = (when: "before" | "after"): Promise<"twice" | undefined> =>
    meetFault(options, { step: step.name, phase: `${when}-${what}`, attempt });
  try {
    ledger.assertNotHalted();
    if (step.kind === "database") return await callInTransaction(options, (tx) => body(context, tx), fault);
    if ((await fault("before")) === "twice") await body(context, NO_TX);
    const output = await body(context, NO_TX);
    await fault("after");
    const { change, patches } = options.after(output);
    await ledger.record(change, patches);
    return undefined;
  } catch (error) {
    if (error instanceof Interrupted) throw error;
    return { error };
  } finally {
    leave();
  }
}

async function callInTransaction(
  { parts, ledger, position, what, after }: StepCallOptions,
  body: (tx: TaskTx) => unknown,
  fault: (when: "before" | "after") => Promise<"twice" | undefined>,
): Promise<Failure> {
  const { reign, pool, store, withConnection } = parts;
  await ledger.quiet();
  try {
    const before = await fault("before");
    const written = await withConnection(() =>
      reign.transaction(pool, async (tx) => {
        if (before === "twice") {
          await tx.query("savepoint first_time");
          await body(tx);
          await tx.query("rollback to savepoint first_time");
        }
        const entry = after(await body(tx));
        await fault("after");
        const record = await store.record(ledger.transition(entry), tx);
        return record && { record, patches: entry.patches };
      }),
    );
    if (written === undefined) await ledger.refresh();
    else ledger.adopt(written.record, written.patches);
    return undefined;
  } catch (error) {
    if (!isDatabaseAway(error)) throw error;
    // Whether the commit arrived is unknown; the rows tell.
    await ledger.reload();
    if (ledger.step(position).state === (what === "run" ? "done" : "undone")) return undefined;
    throw error;
  }
}

function makeContext(
  { parts, definition, ledger, input, secret, position, signal }: StepCallOptions,
  step: Step,
  attempt: number,
): { context: Context; leave: () => void } {
  let isCurrent = true;
  const { view } = ledger.task;
  const before = ledger.steps.slice(0, position);
  const context: StepContext<unknown, unknown, unknown, unknown> = {
    taskId: view.id,
    operationId: `${view.id}:${step.name}`,
    attempt,
    entity: view.entity,
    user: view.user,
    input,
    secret,
    done: deepFreeze(Object.fromEntries(before.map(({ name, output }) => [name, output]))),
    ports: parts.ports,
    signal,
    log: parts.log.child({ taskId: view.id, task: definition.type, step: step.name }),
    progress: (fraction, message) => {
      if (isCurrent) ledger.progressed(position, fraction, message);
    },
    note: (line) => {
      if (isCurrent) ledger.noted(position, line);
    },
  };
  return {
    // The definition's types were checked where it was written; here they are unknown.
    context: context as Context,
    // A body may leave something running that still reports; by then it would be about another step.
    leave: () => {
      isCurrent = false;
    },
  };
}

async function meetFault(
  { parts, definition, ledger }: StepCallOptions,
  point: Pick<FaultPoint, "step" | "phase" | "attempt">,
): Promise<"twice" | undefined> {
  const fault = await parts.fault?.({ taskId: ledger.taskId, type: definition.type, ...point });
  if (fault === undefined || fault === "twice") return fault;
  if (fault === "fail") throw taskErrors.injectedFault(point.step, point.phase);
  if (fault !== "crash") throw fault;
  parts.crash();
  throw new Interrupted("The engine has crashed.");
}

/** What stands in place of a transaction for steps that were not promised one. */
const NO_TX = undefined as unknown as TaskTx;
