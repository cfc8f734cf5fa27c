import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "@sinter/kit";
import { PrivatePostgres } from "@sinter/postgres";
import { type AnyTask, createTaskEngine, TASK_TABLES_SQL, type TaskEngine, task } from "@sinter/tasks";
import { Pool } from "pg";

/*
 * What the engine costs, on a PostgreSQL that writes to disk: `node packages/tasks/bench/step-overhead.ts`.
 * Prints each figure beside the cost of one committed update over the same connection, measured in the same run.
 */
const STEPS = 50;
const ROUNDS = 7;
let objects = 0;

const folder = await mkdtemp(join(tmpdir(), "sinter-bench-"));
await chmod(folder, 0o755);
const server = await PrivatePostgres.start({
  dataDir: join(folder, "data"),
  socketDir: join(folder, "socket"),
  log: silentLog,
  durable: true,
});
const pool = new Pool({ connectionString: server.url(), max: 12 });
pool.on("error", () => {}); // the server's end is announced to idle connections
try {
  await pool.query(
    `${TASK_TABLES_SQL} create table raw (id integer primary key, n integer); insert into raw values (1, 0)`,
  );
  const plain = manySteps("plain");
  const database = manySteps("database");
  const single = task<object>("single").step("only", { run: () => undefined, noUndo: "nothing is made" });
  const engine = createTaskEngine({
    pool,
    definitions: [plain, database, single],
    ports: {},
    log: silentLog,
  });
  engine.start();
  await finish(engine, single);

  const raw = await median(ROUNDS, async () => {
    for (let update = 0; update < STEPS; update++)
      await pool.query({ name: "raw", text: "update raw set n = n + 1 where id = $1", values: [1] });
  });
  const rawMs = raw / STEPS;
  const print = (what: string, ms: number): void =>
    console.log(
      `${what.padEnd(52)} ${ms.toFixed(2).padStart(7)} ms  ${(ms / rawMs).toFixed(1).padStart(5)}x`,
    );
  print("one committed update", rawMs);
  print("step", (await median(ROUNDS, () => finish(engine, plain))) / STEPS);
  print("database step", (await median(ROUNDS, () => finish(engine, database))) / STEPS);
  print("task of one step, from submit to known end", await median(ROUNDS * 5, () => finish(engine, single)));
  const together = await median(3, () =>
    Promise.all(Array.from({ length: 500 }, () => finish(engine, single))),
  );
  print("the same, 500 submitted together, per task", together / 500);
  await engine.stop();
} finally {
  await pool.end();
  await server.stop();
  await rm(folder, { recursive: true });
}

function manySteps(kind: "plain" | "database"): AnyTask {
  const spec = { run: () => ({ answer: 42 }), noUndo: "nothing is made" } as const;
  let definition = task<object>(kind);
  for (let index = 0; index < STEPS; index++) {
    const name: string = `step ${index}`;
    definition = kind === "plain" ? definition.step(name, spec) : definition.dbStep(name, spec);
  }
  return definition;
}

async function finish(engine: TaskEngine, definition: AnyTask): Promise<void> {
  const urn = `urn:objects:${++objects}`;
  const ended = Promise.withResolvers<void>();
  let taskId = 0;
  const early = new Set<number>();
  const leave = engine.onChange(({ id, progress }) => {
    if (progress < 100) return;
    early.add(id);
    if (id === taskId) ended.resolve();
  });
  taskId = await engine.submit(pool, definition, {
    input: {},
    entity: { urn, name: "" },
    user: "",
    locks: [urn],
  });
  if (!early.has(taskId)) await ended.promise;
  leave();
}

async function median(rounds: number, work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const begun = performance.now();
    await work();
    times.push(performance.now() - begun);
  }
  return times.toSorted((a, b) => a - b)[Math.floor(rounds / 2)] ?? Number.NaN;
}
