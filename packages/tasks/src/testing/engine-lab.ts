import { type Clock, silentLog } from "@sinter/kit";
import { testDatabase } from "@sinter/testing";
import { Client, type Pool } from "pg";
import type { AnyTask, TaskDefinition } from "../definition.ts";
import { createTaskEngine, type TaskEngine, type TaskEngineOptions } from "../engine.ts";
import type { RetryPolicy } from "../retry-policy.ts";
import { TASK_TABLES_SQL } from "../schema.ts";
import type { Order } from "../submission.ts";

export const QUICK: RetryPolicy = { attempts: 4, firstDelayMs: 1, delayMsMax: 10 };

export async function migrateTasks(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`${TASK_TABLES_SQL} create table if not exists effects (name text primary key)`);
  } finally {
    await client.end();
  }
}

export type LabOptions = Partial<Omit<TaskEngineOptions<readonly AnyTask[]>, "definitions">>;
export type LabOrder<Input, Secret> = Partial<Order<Input, Secret>>;

/** A database with the engine's tables, and engines on it that end with it. */
export interface EngineLab extends AsyncDisposable {
  readonly url: string;
  readonly pool: Pool;
  /** An engine with quick retries, not yet started. */
  engine(definitions: readonly AnyTask[], options?: LabOptions): TaskEngine;
  /** Commits a submission; by default about an object of its own, which it locks. */
  submit<Input, Secret>(
    engine: TaskEngine,
    definition: TaskDefinition<Input, any, Secret>,
    order?: LabOrder<NoInfer<Input>, NoInfer<Secret>>,
  ): Promise<number>;
  rows(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
}

export async function openLab(): Promise<EngineLab> {
  const database = await testDatabase({ migrate: migrateTasks, templateKey: "engine lab" });
  const pool = database.pool({ max: 20 });
  const engines: TaskEngine[] = [];
  let objects = 0;
  return {
    url: database.url,
    pool,
    engine: (definitions, options = {}) => {
      const engine = createTaskEngine({
        pool,
        ports: {},
        log: silentLog,
        pollMs: 100,
        retry: { run: QUICK, undo: QUICK, noReturn: QUICK },
        ...options,
        definitions,
      });
      engines.push(engine);
      return engine;
    },
    submit: async (engine, definition, order = {}) => {
      const urn = `urn:objects:${++objects}`;
      const client = await pool.connect();
      try {
        await client.query("begin");
        const taskId = await engine.submit(client, definition, {
          // A test that leaves the input out has a definition that reads none.
          input: {} as never,
          entity: { urn, name: `object ${objects}` },
          user: "tester",
          locks: [urn],
          ...order,
        });
        await client.query("commit");
        return taskId;
      } catch (error) {
        await client.query("rollback");
        throw error;
      } finally {
        client.release();
      }
    },
    rows: async (text, values = []) => (await pool.query<Record<string, unknown>>(text, values)).rows,
    [Symbol.asyncDispose]: async () => {
      await Promise.all(engines.map((engine) => engine.stop()));
      await database[Symbol.asyncDispose]();
    },
  };
}

/** A place in a step at which a test can meet it: the step arrives and waits until it is let go or aborted. */
export class Meeting {
  readonly #arrived = Promise.withResolvers<void>();
  readonly #leave = Promise.withResolvers<void>();
  /** How often a step has come here. */
  visits = 0;

  /** To be awaited by the test. */
  get arrived(): Promise<void> {
    return this.#arrived.promise;
  }

  letGo(): void {
    this.#leave.resolve();
  }

  /** To be awaited by the step. */
  async visit(signal?: AbortSignal): Promise<void> {
    this.visits++;
    this.#arrived.resolve();
    const aborted = Promise.withResolvers<never>();
    const onAbort = (): void => aborted.reject(signal?.reason);
    if (signal?.aborted) onAbort();
    signal?.addEventListener("abort", onAbort);
    await Promise.race([this.#leave.promise, aborted.promise]);
  }
}

/** The system's time for the rows, and no waiting between attempts; keeps what it was asked to wait. */
export class ImpatientClock implements Clock {
  readonly sleeps: number[] = [];

  now(): number {
    return Date.now();
  }

  async sleep(ms: number): Promise<void> {
    this.sleeps.push(ms);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
