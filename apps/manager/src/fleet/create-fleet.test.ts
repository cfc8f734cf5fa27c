import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { sampleVm } from "@sinter/agent-link/testing";
import { SimHost, type SimHostOptions, simPort } from "@sinter/agent-sim";
import { AppError, ManualClock, silentLog, waitFor } from "@sinter/kit";
import { type AgentEvent, HEARTBEAT_MS } from "@sinter/southbound";
import { nextId } from "../database/ids.ts";
import { hostStore } from "../host/host.store.ts";
import type { Host } from "../host/host.ts";
import { whileDatabaseIsAway } from "../testing/database-outage.ts";
import { managerDatabase } from "../testing/test-app.ts";
import { createFleet, GRACE_MS } from "./create-fleet.ts";
import type { AgentConnection } from "./fleet.ts";

/** Time moves only by `pass`; what reacts to it is awaited by `until`. */
async function fleetWorld(
  count: number,
  options: SimHostOptions = {},
  wrap: (connection: AgentConnection) => AgentConnection = (connection) => connection,
) {
  const own = await managerDatabase();
  const { database } = own;
  const clock = new ManualClock();
  const sims: SimHost[] = [];
  const ids: number[] = [];
  const connections: AgentConnection[] = [];
  const events: [number, AgentEvent][] = [];
  const changes: [number, string][] = [];
  const make = () =>
    createFleet({
      database,
      clock,
      log: silentLog,
      connect: ({ hostUuid }) => {
        const sim = sims.find((each) => each.hostUuid === hostUuid);
        if (!sim) throw new Error(`There is no simulated host ${hostUuid}.`);
        const connection = wrap(simPort(sim));
        connections.push(connection);
        return connection;
      },
      onEvent: (hostId, event) => events.push([hostId, event]),
    });
  const fleet = make();
  fleet.onHostChanged((hostId, status) => changes.push([hostId, status]));
  const store = hostStore(database.db);
  const add = async (
    sim = new SimHost({ seed: `fleet-${sims.length}`, clock, ...options }),
  ): Promise<number> => {
    sims.push(sim);
    const id = await nextId(database.db);
    await store.insert({
      id,
      uuid: sim.hostUuid,
      name: `h${sims.length}`,
      address: "192.0.2.1",
      port: 7447,
      report: sim.report,
      certificateNotAfter: new Date(clock.now() + 1e9),
    });
    ids.push(id);
    return id;
  };
  for (let i = 0; i < count; i++) await add();
  const world = {
    ...own,
    clock,
    sims,
    ids,
    fleet,
    make,
    connections,
    events,
    changes,
    store,
    add,
    host: async (n = 0): Promise<Host> => {
      const host = await store.find(ids[n] ?? 0);
      assert.ok(host);
      return host;
    },
    /** In steps of half a heartbeat, so that timers meet in the order of time. */
    pass: async (ms: number): Promise<void> => {
      for (let left = ms; left > 0; left -= HEARTBEAT_MS / 2) {
        clock.advance(Math.min(left, HEARTBEAT_MS / 2));
        for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
      }
    },
    until: (what: string, probe: () => Promise<boolean> | boolean): Promise<true> =>
      waitFor(what, async () => ((await probe()) ? true : undefined), { timeoutMs: 15_000, intervalMs: 5 }),
    untilStatus: (status: string, n = 0): Promise<true> =>
      world.until(`host ${n} is ${status}`, async () => (await world.host(n)).status === status),
    [Symbol.asyncDispose]: async () => {
      // The watchdog sleeps on the manual clock; aborting wakes it.
      await fleet.stop();
      for (const sim of sims) sim.dispose();
      await own[Symbol.asyncDispose]();
    },
  };
  return world;
}

describe("fleet", () => {
  test("an enrolled host is initial, then normal with its report, and its events arrive", async () => {
    await using world = await fleetWorld(1);
    assert.equal((await world.host()).status, "initial");
    await world.fleet.start();
    await world.untilStatus("normal");
    assert.ok(world.fleet.isConnected(world.ids[0] ?? 0));
    assert.deepEqual(world.fleet.connectedHosts(), world.ids);
    world.sims[0]?.changeReport({ hostname: "renamed" });
    await world.until("the new report", async () => (await world.host()).report.hostname === "renamed");
    assert.deepEqual(
      world.events.map(([, event]) => event.type),
      ["hostChanged"],
      "hello and heartbeats are the fleet's own",
    );
    assert.deepEqual(world.changes, [[world.ids[0], "normal"]]);
  });

  test("silence: fault after the grace with a reason, calls fail at once, normal upon return", async () => {
    await using world = await fleetWorld(2);
    const [sim] = world.sims;
    const [id = 0] = world.ids;
    await world.fleet.start();
    await world.untilStatus("normal", 0);
    await world.untilStatus("normal", 1);
    sim?.powerOff();
    await world.until("the stream has broken", () => !world.fleet.isConnected(id));
    await world.pass(GRACE_MS - HEARTBEAT_MS);
    assert.equal((await world.host()).status, "normal", "not yet");
    await world.pass(3 * HEARTBEAT_MS);
    await world.untilStatus("fault");
    assert.match((await world.host()).statusReason, /^The host does not answer: /);
    await assert.rejects(world.fleet.agent(id).getHost({}), { code: "AGENT_AWAY", kind: "unavailable" });
    assert.equal((await world.host(1)).status, "normal", "the other is not concerned");

    sim?.powerOn();
    await world.pass(25_000);
    await world.untilStatus("normal");
    assert.equal((await world.host()).statusReason, "");
    assert.equal((await world.fleet.agent(id).getHost({})).hostUuid, sim?.hostUuid);
    await world.until(
      "the new boot is known",
      async () => (await world.host()).report.bootId === sim?.report.bootId,
    );
    const mine = world.changes.filter(([hostId]) => hostId === id).map(([, status]) => status);
    assert.deepEqual(mine, ["normal", "fault", "normal"]);
  });

  test("a stopped agent: its open stream counts as silence, calls under way end, also endless ones", async () => {
    await using world = await fleetWorld(1);
    const [id = 0] = world.ids;
    await world.fleet.start();
    await world.untilStatus("normal");
    world.sims[0]?.stall();
    // May last six hours by the table of calls.
    const call = world.fleet.agent(id).listVms({}, { timeoutMs: 6 * 3_600_000 });
    call.catch(() => {});
    await world.pass(GRACE_MS + 3 * HEARTBEAT_MS);
    await assert.rejects(call, { code: "AGENT_AWAY" });
    await world.untilStatus("fault");
    world.sims[0]?.resume();
    await world.pass(25_000);
    await world.untilStatus("normal");
    assert.deepEqual((await world.fleet.agent(id).listVms({})).vms, []);
  });

  test("consoles end when their host is given up, not before", async () => {
    await using world = await fleetWorld(1);
    const [sim] = world.sims;
    assert.ok(sim);
    await world.fleet.start();
    await world.untilStatus("normal");
    const agent = world.fleet.agent(world.ids[0] ?? 0);
    const spec = sampleVm();
    await agent.defineVm(spec);
    await agent.startVm({ vmUuid: spec.vmUuid });
    const lines = [await agent.openConsole(spec.vmUuid), await agent.openScreen(spec.vmUuid, "secret")];
    sim.stall();
    await world.pass(HEARTBEAT_MS);
    assert.deepEqual(
      lines.map((line) => line.destroyed),
      [false, false],
    );
    await world.pass(GRACE_MS + 3 * HEARTBEAT_MS);
    await world.until("both have ended", () => lines.every((line) => line.destroyed));
    await assert.rejects(agent.openScreen(spec.vmUuid, "secret"), { code: "AGENT_AWAY" });
    sim.resume();
  });

  test("an agent that restarts within the grace is no fault, and everyone looks again", async () => {
    await using world = await fleetWorld(1);
    await world.fleet.start();
    await world.untilStatus("normal");
    world.sims[0]?.restartAgent();
    await world.pass(2_000);
    await world.until("the second hello", () => world.changes.length === 2);
    assert.deepEqual(new Set(world.changes.map(([, status]) => status)), new Set(["normal"]));
    assert.equal((await world.host()).status, "normal");
  });

  test("the manager's own stall is nobody's silence", async () => {
    await using world = await fleetWorld(3);
    await world.fleet.start();
    for (const n of [0, 1, 2]) await world.untilStatus("normal", n);
    // One jump, as for a process that was stopped: every timer is late at once.
    world.clock.advance(60_000);
    await world.pass(HEARTBEAT_MS);
    for (const n of [0, 1, 2]) assert.equal((await world.host(n)).status, "normal");
    assert.ok(world.changes.every(([, status]) => status === "normal"));
  });

  test("statuses wait for PostgreSQL and are not lost", async () => {
    await using world = await fleetWorld(1);
    await world.fleet.start();
    await world.untilStatus("normal");
    await whileDatabaseIsAway(world.name, async () => {
      world.sims[0]?.powerOff();
      await world.pass(GRACE_MS + 3 * HEARTBEAT_MS);
    });
    await world.until("the status is written", async () => {
      await world.pass(HEARTBEAT_MS);
      return (await world.host()).status === "fault";
    });
  });

  test("a host that answers for another is not taken", async () => {
    await using world = await fleetWorld(1);
    const impostor = new SimHost({ seed: "impostor", clock: world.clock });
    const wrong = await world.add(new SimHost({ seed: "expected", clock: world.clock }));
    world.sims[1] = impostor;
    Object.defineProperty(impostor, "hostUuid", { value: (await world.host(1)).uuid });
    await world.fleet.start();
    await world.untilStatus("normal", 0);
    // The stream says who it is by its report, whatever name it was reached under.
    impostor.events.hello = () => ({ hostUuid: impostor.report.hostUuid, bootId: "b", agentStartedAt: 0 });
    world.sims[1].restartAgent();
    await world.pass(GRACE_MS + 10 * HEARTBEAT_MS);
    await world.untilStatus("fault", 1);
    assert.match((await world.host(1)).statusReason, /answers another host/);
    assert.ok(!world.fleet.isConnected(wrong));
  });

  test("an agent of another contract is shown as faulty with what to do", async () => {
    await using world = await fleetWorld(1, { report: { contractVersion: "2.0" } });
    await world.fleet.start();
    await world.untilStatus("fault");
    assert.match((await world.host()).statusReason, /speaks contract 2\.0.*upgrade/);
  });

  test("a host that was ordered off and is silent stays off", async () => {
    await using world = await fleetWorld(1);
    await world.fleet.start();
    await world.untilStatus("normal");
    await world.store.setStatus(world.ids, ["normal"], "poweroff", { reason: "ordered", at: new Date() });
    world.sims[0]?.powerOff();
    await world.pass(GRACE_MS + 3 * HEARTBEAT_MS);
    assert.equal((await world.host()).status, "poweroff");
    world.sims[0]?.powerOn();
    await world.pass(25_000);
    await world.untilStatus("normal");
  });

  test("enrolled while running, again under another address, removed", async () => {
    await using world = await fleetWorld(0);
    await world.fleet.start();
    const id = await world.add();
    assert.throws(() => world.fleet.agent(id), { kind: "notFound", code: "HOST_NOT_FOUND" });
    await world.fleet.onEnrolled(id);
    await world.untilStatus("normal");
    await world.store.update(id, { address: "192.0.2.77" });
    await world.fleet.onEnrolled(id);
    assert.equal(world.connections.length, 2);
    await assert.rejects(async () => world.connections[0]?.getHost({}), { code: "AGENT_AWAY" }, "closed");
    await world.until("connected anew", () => world.fleet.isConnected(id));
    await world.fleet.onRemoved(id);
    assert.throws(() => world.fleet.agent(id), { code: "HOST_NOT_FOUND" });
    assert.deepEqual(world.fleet.connectedHosts(), []);
    await world.fleet.onRemoved(id);
    await world.fleet.onEnrolled(999_999);
  });

  test("a caller's own abort stays the caller's, and does not end others' calls", async () => {
    await using world = await fleetWorld(1);
    const [id = 0] = world.ids;
    await world.fleet.start();
    await world.untilStatus("normal");
    world.sims[0]?.faults.stall("listVms");
    const mine = new AbortController();
    const [aborted, other] = [
      world.fleet.agent(id).listVms({}, { signal: mine.signal }),
      world.fleet.agent(id).listVms({}),
    ];
    other.catch(() => {});
    mine.abort();
    await assert.rejects(aborted, { kind: "cancelled" });
    world.sims[0]?.faults.release();
    assert.deepEqual((await other).vms, []);
    world.sims[0]?.faults.fail("getHost", new AppError("internal", "BROKEN", "as it came"));
    await assert.rejects(world.fleet.agent(id).getHost({}), { code: "BROKEN" });
  });

  test("a report is asked for again within some hour, and now and then when it was last seen", async () => {
    await using world = await fleetWorld(1);
    await world.fleet.start();
    await world.untilStatus("normal");
    await world.until("the first report", () => world.sims[0]?.calls("getHost").length === 1);
    const before = (await world.host()).lastSeenAt?.getTime() ?? 0;
    await world.pass(40_000);
    await world.until("seen later", async () => ((await world.host()).lastSeenAt?.getTime() ?? 0) > before);
    await world.pass(80 * 60_000);
    await world.until("another report", () => (world.sims[0]?.calls("getHost").length ?? 0) >= 2);
  });

  test("stopping ends calls and links and leaves statuses as they are", async () => {
    await using world = await fleetWorld(2);
    await world.fleet.start();
    await world.untilStatus("normal", 0);
    await world.untilStatus("normal", 1);
    await world.fleet.stop();
    assert.deepEqual(world.fleet.connectedHosts(), []);
    assert.equal((await world.host()).status, "normal");
    const second = world.make();
    await second.start();
    await world.until("the next manager is connected", () => second.connectedHosts().length === 2);
    await second.stop();
  });

  test("waiting for a turn to be connected is no silence", async () => {
    const held = Promise.withResolvers<void>();
    const slow = (connection: AgentConnection): AgentConnection => {
      const events = connection.events.bind(connection);
      connection.events = async function* (signal) {
        await held.promise;
        yield* events(signal);
      };
      return connection;
    };
    await using world = await fleetWorld(40, {}, slow);
    await world.store.setStatus(world.ids, ["initial"], "normal", { reason: "", at: new Date() });
    await world.fleet.start();
    const count = async (status: Host["status"]) => (await world.store.countByStatus()).get(status) ?? 0;
    // 32 are tried at once and keep their turn for two seconds, so that the other eight begin later.
    await world.pass(12_000);
    await world.until("the first are lost", async () => (await count("fault")) >= 32);
    assert.equal(await count("normal"), 8);
    held.resolve();
    await world.pass(25_000);
    await world.until("all are there", async () => (await count("normal")) === 40);
  });

  test("200 hosts: all normal with few at the gate at once, half of them lost and back", async (t) => {
    let connecting = 0;
    let most = 0;
    const counted = (connection: AgentConnection): AgentConnection => {
      const events = connection.events.bind(connection);
      connection.events = async function* (signal) {
        most = Math.max(most, ++connecting);
        let hasBegun = false;
        const begin = (): void => {
          if (!hasBegun) connecting--;
          hasBegun = true;
        };
        try {
          // A connection takes a few turns of the event loop.
          for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
          for await (const event of events(signal)) {
            begin();
            yield event;
          }
        } finally {
          begin();
        }
      };
      return connection;
    };
    await using world = await fleetWorld(200, {}, counted);
    const startedAt = performance.now();
    await world.fleet.start();
    const normal = async (): Promise<number> => (await world.store.countByStatus()).get("normal") ?? 0;
    await world.until("all are normal", async () => (await normal()) === 200);
    t.diagnostic(
      `200 hosts normal after ${Math.round(performance.now() - startedAt)} ms, most at once ${most}`,
    );
    assert.ok(most <= 32, `${most} at once`);
    for (const sim of world.sims.slice(0, 100)) sim.disconnect();
    await world.pass(GRACE_MS + 3 * HEARTBEAT_MS);
    await world.until(
      "a hundred are lost",
      async () => (await world.store.countByStatus()).get("fault") === 100,
    );
    for (const sim of world.sims.slice(0, 100)) sim.reconnect();
    await world.pass(30_000);
    await world.until("all are back", async () => (await normal()) === 200);
  });
});
