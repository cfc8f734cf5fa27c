import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock, silentLog } from "@sinter/kit";
import { createTaskEngine } from "@sinter/tasks";
import { createWireErrors } from "../http/wire-errors.ts";
import { TEST_SITE, testApp } from "../testing/test-app.ts";
import { registerTaskRoutes, taskWireErrors } from "./task.routes.ts";

/** Tasks as rows: an engine that was not started only reads them. */
async function openWorld() {
  const world = await testApp({
    errors: [taskWireErrors],
    extend: (app, { pool }) => {
      const tasks = createTaskEngine({
        pool,
        definitions: [],
        ports: {},
        log: silentLog,
        clock: new ManualClock(),
        idSequence: "object_id_seq",
      });
      const errors = createWireErrors([taskWireErrors]);
      registerTaskRoutes(app, { tasks, errors, siteId: () => TEST_SITE });
    },
  });
  await world.database.pool.query(`
    insert into task_tasks (id, type, title, state, entity_urn, entity_name, user_name, attributes, input,
      is_cancellable, no_return, progress, created_at)
    values (7, 'vm.create', '', 'unwinding', 'vm:52', 'web', 'admin', '{}', '{}', true, false, 40, to_timestamp(1000));
    insert into task_steps (task_id, position, name, state, attempts, started_at, finished_at, message, log, error)
    values
      (7, 0, 'reserve', 'undoing', 3, to_timestamp(1001), to_timestamp(1002), 'on h1', '[{"at": 1001500, "text": "chose h1"}]', null),
      (7, 1, 'define', 'failed', 2, to_timestamp(1002), to_timestamp(1003), '', '[]',
        '{"kind": "unavailable", "code": "HOST_AWAY", "message": "Host h1 does not answer.", "params": {}}'),
      (7, 2, 'start', 'pending', 0, null, null, '', '[]', null)`);
  return world;
}

test("a task is shown with its steps: where each stands, when, and what it said", async () => {
  await using world = await openWorld();
  const headers = { "x-auth-token": await world.login() };
  const get = async (url: string) => (await world.app.inject({ url, headers })).json();
  const { steps, ...task } = await get("/sinter/v1/tasks/7");
  assert.deepEqual(task, await get(`/service/sites/${TEST_SITE}/tasks/7`), "the same as the contract's task");
  assert.deepEqual(steps, [
    {
      name: "reserve",
      state: "running",
      attempts: 3,
      startedAt: "1001000",
      endedAt: "1002000",
      message: "on h1",
      log: [{ at: "1001500", text: "chose h1" }],
    },
    {
      name: "define",
      state: "failed",
      attempts: 2,
      startedAt: "1002000",
      endedAt: "1003000",
      message: "Host h1 does not answer.",
      log: [],
    },
    { name: "start", state: "waiting", attempts: 0, startedAt: "", endedAt: "", message: "", log: [] },
  ]);
});

test("a task that is not there has its code, whatever the id looks like", async () => {
  await using world = await openWorld();
  const headers = { "x-auth-token": await world.login() };
  for (const id of ["8", "x", "-1", "1e3", "9999999999999999", "%27"]) {
    const answer = await world.app.inject({ url: `/sinter/v1/tasks/${id}`, headers });
    assert.deepEqual([answer.statusCode, answer.json().errorCode], [400, "10000008"], id);
  }
});
