import type { Log } from "./log.ts";

/**
 * Takes back the steps of one function on one host, newest first, unless committed. Lost in a crash: what must
 * survive one is a task.
 *
 *     await using undo = new Undo(log);
 *     await createTap();
 *     undo.add("remove tap", removeTap);
 *     undo.commit();
 */
export class Undo implements AsyncDisposable {
  #steps: { name: string; run: () => Promise<unknown> }[] = [];
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  add(name: string, run: () => Promise<unknown>): void {
    this.#steps.push({ name, run });
  }

  commit(): void {
    this.#steps = [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const step of this.#steps.toReversed()) {
      try {
        await step.run();
      } catch (error) {
        // The first failure is the one the caller sees; this one must not hide it nor stop the others.
        this.#log.warn({ step: step.name, err: error }, "taking back a step failed");
      }
    }
    this.#steps = [];
  }
}
