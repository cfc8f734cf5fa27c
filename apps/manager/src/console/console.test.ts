import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { after, before, describe, test } from "node:test";
import { ManualClock, silentLog, waitFor } from "@sinter/kit";
import { CreateVmRequest, readBody, vmWireId } from "@sinter/northbound";
import { Viewer } from "@sinter/rfb";
import { createWebSocketStream, WebSocket } from "ws";
import { createDirectVnc, createVmLists, registerVmRoutes, vmWireErrors } from "../compute/index.ts";
import { createUpgrades } from "../http/upgrades.ts";
import { createWireErrors } from "../http/wire-errors.ts";
import type { Actor } from "../identity/user.ts";
import { type ComputeWorld, computeWorld, OPERATOR } from "../testing/compute-world.ts";
import { TEST_SITE, type TestApp, testAppOn } from "../testing/test-app.ts";
import { createConsoleCheck } from "./console-check.ts";
import { createConsoleSessions, PER_VM_MAX } from "./console-sessions.ts";
import { registerConsoleRoutes } from "./console.routes.ts";
import { createConsoleService } from "./console.service.ts";
import { registerConsoles } from "./console.upgrade.ts";
import { TICKET_MS } from "./ticket-book.ts";

const SOON = { timeoutMs: 10_000, intervalMs: 10 };
interface Ticket {
  readonly url: string;
  readonly path: string;
  readonly ticket: string;
  readonly password: string;
  readonly expiresInS: number;
}

describe("consoles of VMs on simulated hosts", () => {
  let world: ComputeWorld;
  let served: TestApp;
  let sessions: ReturnType<typeof createConsoleSessions>;
  let tokens: { read: string; operate: string; administer: string };
  let address: string;
  const clock = new ManualClock();
  const records: string[] = [];
  const streams = new WeakMap<WebSocket, Duplex>();
  const streamOf = (client: WebSocket): Duplex => {
    const stream = streams.get(client);
    assert.ok(stream);
    return stream;
  };
  /** Who a token stands for, in place of what the database says. */
  const changed = new Map<string, Actor>();
  let publicPort: number | undefined = 6084;

  before(async () => {
    world = await computeWorld();
    const { database, vms, fleet } = world;
    served = await testAppOn(
      { database, url: "", name: "" },
      {
        clock,
        errors: [vmWireErrors],
        extend: (app, _database, identity) => {
          const authenticate = async (token: string, isBackground?: boolean) =>
            changed.get(token) ?? (await identity.authenticate(token, isBackground));
          sessions = createConsoleSessions({
            authenticate,
            record: async (event, { kind, userName }, code) => {
              records.push(`${event} ${kind} ${userName} ${code}`);
            },
            log: silentLog,
          });
          const consoles = createConsoleService({ vms, fleet, sessions, authenticate, clock });
          const upgrades = createUpgrades({
            authenticate,
            errors: createWireErrors([identity.wireErrors, vmWireErrors]),
            log: silentLog,
          });
          upgrades.attach(app.server, "api");
          registerConsoles(upgrades, consoles);
          registerConsoleRoutes(app, {
            consoles,
            proxy: { publicPort: () => publicPort },
            check: createConsoleCheck({
              vms,
              fleet,
              proxy: { ports: () => ({ served: [6083], missing: publicPort === undefined ? [6084] : [] }) },
            }),
            advertisedAddress: "manager.example",
          });
          registerVmRoutes(app, {
            vms,
            lists: createVmLists({ database, siteId: () => TEST_SITE }),
            database,
            siteId: () => TEST_SITE,
          });
          app.addHook("preClose", async () => upgrades.close());
        },
      },
    );
    await served.app.listen({ host: "127.0.0.1", port: 0 });
    address = `127.0.0.1:${(served.app.server.address() as AddressInfo).port}`;
    tokens = {
      read: await served.loginAs("readonly"),
      operate: await served.loginAs("operator"),
      administer: await served.login(),
    };
  });
  after(async () => {
    await served[Symbol.asyncDispose]();
    await world[Symbol.asyncDispose]();
  });

  /** A running VM, removed when the scope ends. */
  async function runningVm(): Promise<AsyncDisposable & { id: number; wireId: string }> {
    const wish = {
      name: "screen",
      location: world.urns.cluster,
      osOptions: { osType: "Linux", osVersion: 302 },
      vmConfig: {
        cpu: { quantity: 1 },
        memory: { quantityMB: 256 },
        disks: [{ sequenceNum: 1, quantityGB: 1, datastoreUrn: world.urns.datastore, isThin: true }],
      },
    };
    const begun = await world.vms.create(OPERATOR, readBody(CreateVmRequest, wish));
    await world.done(begun);
    return {
      id: begun.id,
      wireId: vmWireId(begun.id),
      [Symbol.asyncDispose]: async () => {
        await world.done(await world.vms.remove(OPERATOR, begun.id, { isKeepingDisks: false }));
      },
    };
  }

  async function ask(vm: { wireId: string }, payload: object = {}, token = tokens.operate) {
    const answer = await served.app.inject({
      method: "POST",
      url: `/service/sites/${TEST_SITE}/vms/${vm.wireId}/action/console`,
      headers: { "x-auth-token": token },
      payload,
    });
    return { status: answer.statusCode, body: answer.json<Ticket & { errorCode?: string }>() };
  }
  const ticketFor = async (vm: { wireId: string }, kind = "vnc", token = tokens.operate): Promise<Ticket> =>
    (await ask(vm, { kind }, token)).body;

  /** The open socket, or the code of the refusal. */
  async function connect(path: string, headers: Record<string, string> = {}): Promise<WebSocket | string> {
    const client = new WebSocket(`ws://${address}${path}`, ["binary"], { headers });
    // The server speaks first, maybe in the same packet as its consent.
    const stream = createWebSocketStream(client);
    stream.on("error", () => {});
    streams.set(client, stream);
    return await new Promise((resolve) => {
      client.once("open", () => resolve(client));
      client.once("unexpected-response", (_request, response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => (text += chunk.toString()));
        response.on("end", () => {
          resolve(`${response.statusCode} ${(JSON.parse(text) as { errorCode: string }).errorCode}`);
        });
      });
    });
  }
  async function opened(path: string): Promise<WebSocket> {
    const client = await connect(path);
    if (typeof client === "string") assert.fail(client);
    return client;
  }
  const closeOf = async (client: WebSocket): Promise<number> => {
    const [code] = (await once(client, "close", { signal: AbortSignal.timeout(10_000) })) as [number];
    return code;
  };
  const view = (client: WebSocket, password: string): Promise<Viewer> =>
    Viewer.open(streamOf(client), { password, signal: AbortSignal.timeout(10_000) });
  const hear = async (client: WebSocket): Promise<string> => {
    const [data] = (await once(streamOf(client), "data", { signal: AbortSignal.timeout(10_000) })) as [
      Buffer,
    ];
    return data.toString();
  };

  test("CON-01, CON-03: a ticket opens the screen once, with sub-protocol binary", async () => {
    await using vm = await runningVm();
    const { status, body } = await ask(vm);
    assert.equal(status, 200);
    assert.equal(body.path, `/sinter/v1/consoles/${body.ticket}`);
    assert.equal(body.url, `wss://localhost:6084/websockify?token=${body.ticket}`);
    assert.equal(body.expiresInS, 30);
    assert.match(body.password, /^[A-Za-z0-9]{8}$/);
    const client = await opened(body.path);
    assert.equal(client.protocol, "binary");
    using viewer = await view(client, body.password);
    const picture = await viewer.look();
    assert.deepEqual([picture.width, picture.height], [64, 48]);
    await viewer.type("a");
    assert.notDeepEqual((await viewer.look()).pixels, picture.pixels);
    assert.equal(await connect(body.path), "403 10000003");
    assert.equal(await connect(`/websockify?token=${body.ticket}`), "403 10000003");
  });

  test("CON-02: the same by the path that websockify has; without a port of its own the URL is the API's", async () => {
    await using vm = await runningVm();
    const ticket = await ticketFor(vm);
    using viewer = await view(await opened(`/websockify?token=${ticket.ticket}`), ticket.password);
    await viewer.look();
    publicPort = undefined;
    try {
      const fallback = await ticketFor(vm);
      assert.equal(fallback.url, `wss://localhost:80/sinter/v1/consoles/${fallback.ticket}`);
    } finally {
      publicPort = 6084;
    }
  });

  test("CON-05: a session has its own password; the VM's own and none do not fit", async () => {
    await using vm = await runningVm();
    const { vncPassword } = (await world.vms.get(vm.id)).vm;
    const other = await ticketFor(vm);
    for (const password of [vncPassword, other.password, ""]) {
      const ticket = await ticketFor(vm);
      await assert.rejects(view(await opened(ticket.path), password), /password is wrong/);
    }
  });

  test("a ticket is worth nothing after half a minute, and what never was one neither", async () => {
    await using vm = await runningVm();
    const { path } = await ticketFor(vm);
    clock.advance(TICKET_MS);
    assert.equal(await connect(path), "403 10000003");
    assert.equal(await connect(`/sinter/v1/consoles/${"x".repeat(43)}`), "403 10000003");
    assert.equal(await connect("/websockify"), "403 10000003");
  });

  test("a ticket is of one user: another one's credentials spoil it", async () => {
    await using vm = await runningVm();
    const { path } = await ticketFor(vm);
    assert.equal(await connect(path, { "x-auth-token": tokens.administer }), "403 10000003");
    assert.equal(await connect(path, { "x-auth-token": tokens.operate }), "403 10000003", "spoilt");
    const again = await ticketFor(vm);
    const client = await connect(again.path, { "x-auth-token": tokens.operate });
    assert.ok(typeof client !== "string");
    client.terminate();
  });

  test("who may not operate gets no ticket, and who has lost the right cannot use one", async () => {
    await using vm = await runningVm();
    assert.equal((await ask(vm, {}, tokens.read)).body.errorCode, "10000003");
    const { path } = await ticketFor(vm);
    changed.set(tokens.operate, { userId: "9", userName: "test-operator", roles: [], access: "read" });
    try {
      assert.equal(await connect(path), "403 10000003");
    } finally {
      changed.clear();
    }
  });

  test("a console ends when its user is logged out or loses the right", async () => {
    await using vm = await runningVm();
    const token = await served.login();
    const out = await opened((await ticketFor(vm, "vnc", token)).path);
    const unused = await ticketFor(vm, "vnc", token);
    const demoted = await opened((await ticketFor(vm)).path);
    const stays = await opened((await ticketFor(vm, "vnc", tokens.administer)).path);
    await sessions.recheck();
    assert.equal(sessions.countOf(vm.id), 3);
    await served.app.inject({
      method: "DELETE",
      url: "/service/session",
      headers: { "x-auth-token": token },
    });
    changed.set(tokens.operate, { userId: "9", userName: "test-operator", roles: [], access: "read" });
    const ends = Promise.all([closeOf(out), closeOf(demoted)]);
    await sessions.recheck();
    assert.deepEqual(await ends, [4401, 4403]);
    changed.clear();
    assert.equal(await connect(unused.path), "403 10000003");
    assert.equal(sessions.countOf(vm.id), 1);
    stays.terminate();
    await waitFor("its end", async () => sessions.countOf(vm.id) === 0 || undefined, SOON);
  });

  test("what does not run has no console: none is promised, and an open one ends for good", async () => {
    await using vm = await runningVm();
    const early = await ticketFor(vm);
    const open = await opened((await ticketFor(vm)).path);
    const end = closeOf(open);
    await world.done(await world.vms.stop(OPERATOR, vm.id, "force"));
    assert.equal(await end, 1000);
    assert.equal(await connect(early.path), "400 10300470");
    assert.equal((await ask(vm)).body.errorCode, "10300470");
    assert.equal((await ask({ wireId: "i-000FFFFF" })).body.errorCode, "10300001");
    assert.equal((await ask({ wireId: "x" })).body.errorCode, "10300001");
  });

  test("a console whose way is lost asks to be opened again", async () => {
    await using vm = await runningVm();
    const sim = world.sims.find((each) => each.vms.size > 0);
    const open = await opened((await ticketFor(vm)).path);
    const end = closeOf(open);
    sim?.restartAgent();
    assert.equal(await end, 1012);
    const again = await ticketFor(vm);
    using viewer = await view(await opened(again.path), again.password);
    await viewer.look();
  });

  test("the serial line by ticket; whoever opens it takes it", async () => {
    await using vm = await runningVm();
    const ticket = await ticketFor(vm, "serial");
    assert.equal(ticket.password, "");
    const first = await opened(ticket.path);
    assert.match(await hear(first), /login: $/);
    first.send(Buffer.from("root"));
    assert.equal(await hear(first), "root");
    const end = closeOf(first);
    const second = await connect(`/sinter/v1/vms/${vm.wireId}/console`, { "x-auth-token": tokens.operate });
    assert.ok(typeof second !== "string");
    assert.equal(await end, 4409);
    second.terminate();
  });

  test(`no more than ${PER_VM_MAX} consoles of one VM, and each that ends makes room`, async () => {
    await using vm = await runningVm();
    const open: WebSocket[] = [];
    for (let index = 0; index < PER_VM_MAX; index++) open.push(await opened((await ticketFor(vm)).path));
    assert.equal(await connect((await ticketFor(vm)).path), "400 10000009");
    open[0]?.terminate();
    await waitFor("room", async () => sessions.countOf(vm.id) < PER_VM_MAX || undefined, SOON);
    open.push(await opened((await ticketFor(vm)).path));
    for (const client of open) client.terminate();
    await waitFor("the end of all", async () => sessions.countOf(vm.id) === 0 || undefined, SOON);
  });

  test("consoles are recorded as they begin and end, with who and how", async () => {
    await using vm = await runningVm();
    records.length = 0;
    const client = await opened((await ticketFor(vm)).path);
    client.close(1000);
    await waitFor("both records", async () => records.length === 2 || undefined, SOON);
    assert.deepEqual(records, ["OPEN vnc test-operator 0", "CLOSE vnc test-operator 1000"]);
  });

  describe("CON-07, CON-08: the check", () => {
    const check = async (vm: string) => {
      const answer = await served.app.inject({
        url: `/sinter/v1/consoles/check?vm=${vm}`,
        headers: { "x-auth-token": tokens.operate },
      });
      const body = answer.json<{
        isWorking: boolean;
        links: { link: string; isOk: boolean; message: string }[];
      }>();
      return {
        ...body,
        text: body.links?.map(({ link, isOk, message }) => `${link} ${isOk}: ${message}`).join("\n"),
      };
    };

    test("goes the whole way", async () => {
      await using vm = await runningVm();
      for (const name of [vm.wireId, `urn:sites:${TEST_SITE}:vms:${vm.wireId}`]) {
        const { isWorking, text, links } = await check(name);
        assert.ok(isWorking, text);
        assert.deepEqual(
          links.map(({ link }) => link),
          ["vm", "host", "agent", "target", "screen", "proxy"],
        );
        assert.match(text, /QEMU shows 64 × 48 pixels/);
      }
    });

    test("names the link that fails", async () => {
      await using vm = await runningVm();
      const sim = world.sims.find((each) => each.vms.size > 0);
      assert.ok(sim);
      sim.disconnect();
      const away = await check(vm.wireId);
      assert.match(away.text, /^host false: The host of VM \S+ is not connected\.$/m);
      assert.equal(away.isWorking, false);
      sim.reconnect();
      sim.isLibvirtAway = true;
      assert.match((await check(vm.wireId)).text, /^agent false: libvirt does not answer/m);
      sim.isLibvirtAway = false;
      const [record] = sim.vms.values();
      assert.ok(record);
      record.spec = { ...record.spec, vmId: "i-0BADF00D" };
      assert.match((await check(vm.wireId)).text, /^target false: .* would lead to i-0BADF00D/m);
      record.spec = { ...record.spec, vmId: vm.wireId };
      await world.done(await world.vms.stop(OPERATOR, vm.id, "force"));
      assert.match((await check(vm.wireId)).text, /^vm false: .*does not run/m);
    });
  });

  describe("CON-04: ports for VNC clients", () => {
    const read = async (vm: { wireId: string }, token: string) => {
      const url = `/service/sites/${TEST_SITE}/vms/${vm.wireId}`;
      const answer = await served.app.inject({ url, headers: { "x-auth-token": token } });
      return answer.json<{
        vncAcessInfo: { hostIp: string | null; vncPort: number; vncPassword: string | null };
      }>().vncAcessInfo;
    };
    const closed = { hostIp: null, vncPort: -1, vncPassword: null };
    const gatesAsked = (): number =>
      world.sims.reduce((sum, sim) => sum + sim.calls("openVncGate").length, 0);

    test("are opened by who reads a VM and may operate it, and shown to others while they are", async () => {
      await using vm = await runningVm();
      assert.deepEqual(await read(vm, tokens.read), closed);
      const shown = await read(vm, tokens.operate);
      assert.ok(shown.hostIp === "127.0.0.1" && shown.vncPort > 0);
      assert.equal(shown.vncPassword, (await world.vms.get(vm.id)).vm.vncPassword);
      assert.deepEqual(await read(vm, tokens.read), { ...shown, vncPassword: "" });
      const asked = gatesAsked();
      await read(vm, tokens.operate);
      assert.equal(gatesAsked(), asked, "open already");
      await world.vms.setVncPassword(vm.id, "fresh123");
      assert.equal(gatesAsked(), asked + 1, "the new password is told at once");
      assert.equal((await read(vm, tokens.operate)).vncPassword, "fresh123");
      await world.done(await world.vms.stop(OPERATOR, vm.id, "force"));
      assert.deepEqual(await read(vm, tokens.operate), closed);
    });

    test("are none while the host is away, and none at all when they are turned off", async () => {
      await using vm = await runningVm();
      const sim = world.sims.find((each) => each.vms.size > 0);
      sim?.disconnect();
      assert.deepEqual(await read(vm, tokens.operate), closed);
      await assert.rejects(world.vms.setVncPassword(vm.id, "fresh123"), { code: "AGENT_AWAY" });
      sim?.reconnect();
      const { database, fleet } = world;
      const off = createDirectVnc({ database, fleet, clock, isOn: false });
      const asked = gatesAsked();
      assert.equal(await off.open((await world.vms.get(vm.id)).vm), null);
      await off.changePassword(vm.id, "other123");
      assert.equal((await world.vms.get(vm.id)).vm.vncPassword, "other123");
      assert.equal(gatesAsked(), asked);
    });

    test("are opened anew when what the host reports differs from what is remembered", async () => {
      await using vm = await runningVm();
      await read(vm, tokens.operate);
      const asked = gatesAsked();
      await world.database.pool.query("update vms set vnc = null where id = $1", [vm.id]);
      assert.ok((await read(vm, tokens.operate)).vncPort > 0);
      assert.equal(gatesAsked(), asked + 1);
    });
  });
});
