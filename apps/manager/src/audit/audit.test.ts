import assert from "node:assert/strict";
import { appendFile, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { ManualClock, silentLog } from "@sinter/kit";
import { AuditList, AuditVerification } from "@sinter/northbound";
import type { FastifyReply, FastifyRequest } from "fastify";
import { Check } from "typebox/value";
import { whileDatabaseIsAway } from "../testing/database-outage.ts";
import { TEST_PASSWORD, type TestApp, testApp } from "../testing/test-app.ts";
import { type AuditService, createAudit } from "./index.ts";

interface AuditWorld extends TestApp {
  readonly audit: AuditService;
  readonly stateDir: string;
  readonly clock: ManualClock;
  /** What another manager process would use. */
  another(): Promise<AuditService>;
  sql(text: string): Promise<unknown[]>;
  paths(): Promise<unknown[]>;
}

async function auditWorld(): Promise<AuditWorld> {
  const stateDir = await mkdtemp(join(tmpdir(), "sinter-audit-"));
  const clock = new ManualClock();
  const opened: AuditService[] = [];
  const world = await testApp({
    clock,
    onMutation: async (request, reply, actor) => await opened[0]?.recordCall(request, reply, actor),
    extend: async (app, database) => {
      opened.push(await createAudit({ database, stateDir, clock, log: silentLog }));
      opened[0]?.routes(app);
    },
  });
  const [audit] = opened;
  if (!audit) throw new Error("Broken assumption: the app was extended.");
  const sql = async (text: string): Promise<unknown[]> =>
    (await world.database.pool.query(text)).rows as unknown[];
  return {
    ...world,
    audit,
    stateDir,
    clock,
    another: () => createAudit({ database: world.database, stateDir, clock, log: silentLog }),
    sql,
    paths: async () =>
      (await sql("select path from audit_records order by sequence")).map(
        (row) => (row as { path: string }).path,
      ),
    [Symbol.asyncDispose]: async () => {
      await audit[Symbol.asyncDispose]();
      await world[Symbol.asyncDispose]();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}

/** A finished call, as the server hands it over. */
function call(path: string): [FastifyRequest, FastifyReply] {
  const request = { is404: false, ip: "10.0.0.1", headers: {}, method: "POST", url: path };
  // Only what is recorded of it.
  return [request as unknown as FastifyRequest, { statusCode: 200 } as unknown as FastifyReply];
}

const WHO = { userId: "1", userName: "gandalf", roles: [], access: "operate" } as const;
const record = (audit: AuditService, path: string) => audit.recordCall(...call(path), WHO);

describe("audit records", () => {
  test("each mutating call leaves one, refused and failed ones too, with who, what and how it ended", async () => {
    await using world = await auditWorld();
    const token = await world.login();
    const headers = { "x-auth-token": token };
    await world.login("admin", "Wrong-Password1").catch(() => {});
    await world.app.inject({ method: "DELETE", url: "/service/users/none?force=1", headers });
    await world.app.inject({ method: "POST", url: "/service/users", payload: { userName: "x" } });
    await world.app.inject({ method: "GET", url: "/service/users", headers });
    await world.app.inject({ method: "POST", url: "/service/nosuch", headers });
    await world.app.inject({ method: "POST", url: "/service/users", headers, payload: "{" });
    await world.app.inject({ method: "DELETE", url: "/service/session", headers, remoteAddress: "10.1.2.3" });
    const { records } = await world.audit.list({}, { limit: 100, offset: 0 });
    assert.deepEqual(
      records
        .toReversed()
        .map((r) => [r.sequence, r.userName, r.clientAddress, r.method, r.path, r.status, r.errorCode]),
      [
        [1, "admin", "127.0.0.1", "POST", "/service/session", 200, ""],
        [2, "admin", "127.0.0.1", "POST", "/service/session", 400, "10100103"],
        [3, "admin", "127.0.0.1", "DELETE", "/service/users/none", 400, "10100307"],
        [4, "", "127.0.0.1", "POST", "/service/users", 401, "10000002"],
        [5, "admin", "127.0.0.1", "POST", "/service/users", 400, "10000001"],
        [6, "admin", "10.1.2.3", "DELETE", "/service/session", 200, ""],
      ],
    );
    assert.deepEqual(await world.audit.verifyAuditChain(), {
      intact: true,
      records: 6,
      brokenAt: null,
      reason: "",
    });
  });

  test("hold no password, key or token, whatever was sent where", async () => {
    await using world = await auditWorld();
    const token = await world.login();
    const headers = { "x-auth-token": token };
    const secret = "Very-Secret-9";
    await world.app.inject({
      method: "POST",
      url: `/service/users?password=${secret}`,
      headers,
      payload: { userName: "x", password: secret, roles: [] },
    });
    const body = { oldPassword: secret, password: secret };
    await world.app.inject({ method: "POST", url: "/service/users/password/modify", headers, payload: body });
    const text = JSON.stringify(await world.sql("select * from audit_records"));
    for (const word of [secret, TEST_PASSWORD, token]) assert.ok(!text.includes(word), word);
  });

  test("stay one line of bounded length, whatever name or path comes", async () => {
    await using world = await auditWorld();
    const names = ["a\tb", "\ud83d", "x".repeat(4_000), "李雷"];
    for (const name of names) {
      await world.app.inject({
        method: "POST",
        url: "/service/session",
        headers: { "x-auth-user": Buffer.from(name).toString("latin1"), "x-auth-key": "0" },
      });
    }
    await world.app.inject({
      method: "DELETE",
      url: `/service/users/${encodeURIComponent("\n'\u0000")}${"y".repeat(200)}`,
    });
    const { records, total } = await world.audit.list({}, { limit: 10, offset: 0 });
    assert.equal(total, 5);
    for (const { userName, path } of records) {
      assert.ok(userName.length <= 128 && path.length <= 512);
      assert.doesNotMatch(userName + path, /\p{Cc}/u);
    }
    assert.ok(records.some(({ userName }) => userName === "李雷"));
    assert.equal((await world.audit.verifyAuditChain()).intact, true);
  });

  test("are listed for administrators, newest first, by user and time", async () => {
    await using world = await auditWorld();
    const headers = { "x-auth-token": await world.login() };
    world.clock.advance(60_000);
    for (let index = 0; index < 5; index++) await record(world.audit, `/service/${index}`);
    const list = async (query: string) => {
      const answer = await world.app.inject({ method: "GET", url: `/sinter/v1/audit?${query}`, headers });
      assert.equal(answer.statusCode, 200, answer.body);
      const body = answer.json<AuditList>();
      assert.ok(Check(AuditList, body), answer.body);
      return [body.total, body.records.map(({ path }) => path)];
    };
    assert.deepEqual(await list("limit=2&offset=1"), [6, ["/service/3", "/service/2"]]);
    assert.deepEqual(await list("user=GAND&limit=1"), [5, ["/service/4"]]);
    assert.deepEqual((await list("user=%25"))[0], 0);
    assert.deepEqual((await list(`since=${world.clock.now()}`))[0], 5);
    assert.deepEqual((await list("limit=0"))[0], 6);
    assert.deepEqual(await list("offset=90"), [6, []]);
    const checked = await world.app.inject({ method: "GET", url: "/sinter/v1/audit/verification", headers });
    assert.ok(Check(AuditVerification, checked.json()));
    assert.equal(checked.json<AuditVerification>().records, 6);
  });

  test("callers without a session cannot fill the disk with refusals; users are always recorded", async () => {
    await using world = await auditWorld();
    const token = await world.login();
    const refuse = (remoteAddress: string) =>
      world.app.inject({ method: "POST", url: "/service/users", remoteAddress });
    for (let attempt = 0; attempt < 100; attempt++) await refuse("10.6.6.6");
    await refuse("10.1.1.1");
    const count = async () => (await world.audit.list({}, { limit: 1, offset: 0 })).total;
    assert.equal(await count(), 1 + 60 + 1);
    for (let attempt = 0; attempt < 70; attempt++) {
      const headers = { "x-auth-token": token };
      await world.app.inject({
        method: "DELETE",
        url: "/service/users/x",
        remoteAddress: "10.6.6.6",
        headers,
      });
    }
    assert.equal(await count(), 62 + 70);
    world.clock.advance(60_000);
    await refuse("10.6.6.6");
    assert.equal(await count(), 133);
  });
});

describe("audit chain", () => {
  const TAMPERING: Record<string, [string, number]> = {
    "a changed user": ["update audit_records set user_name = 'frodo' where sequence = 5", 5],
    "a changed time": ["update audit_records set at = at + interval '1 millisecond' where sequence = 5", 5],
    "a changed status": ["update audit_records set status = 403 where sequence = 5", 5],
    "fields that swap a piece": [
      "update audit_records set method = method || '/', path = substr(path, 2) where sequence = 5",
      5,
    ],
    "a removed record": ["delete from audit_records where sequence = 5", 5],
    "the first one removed": ["delete from audit_records where sequence = 1", 1],
    "the last ones removed": ["delete from audit_records where sequence > 7", 8],
    "all removed": ["delete from audit_records", 1],
    "all removed, with the end of the chain": ["delete from audit_records; delete from audit_head", 1],
    "two that changed places": [
      "update audit_records set sequence = case sequence when 5 then -6 else -5 end where sequence in (5, 6);" +
        "update audit_records set sequence = -sequence where sequence < 0",
      5,
    ],
    "the end moved back together with the records": [
      "delete from audit_records where sequence > 7;" +
        "update audit_head set sequence = 7, hash = (select hash from audit_records where sequence = 7)",
      8,
    ],
    "the seal of the end changed": ["update audit_head set seal = 'x'", 10],
  };

  for (const [name, [statement, brokenAt]] of Object.entries(TAMPERING)) {
    test(`${name} shows`, async () => {
      await using world = await auditWorld();
      for (let index = 0; index < 10; index++) await record(world.audit, `/service/${index}`);
      await world.audit.sweep();
      assert.equal((await world.audit.verifyAuditChain()).intact, true);
      await world.sql(statement);
      const found = await world.audit.verifyAuditChain();
      assert.deepEqual([found.intact, found.brokenAt], [false, brokenAt], found.reason);
      await record(world.audit, "/service/after");
      await world.audit.sweep();
      assert.equal(
        (await world.audit.verifyAuditChain()).intact,
        false,
        "and still shows after the next record",
      );
    });
  }

  test("an older state of the database, put back whole, shows by the note outside of it", async () => {
    await using world = await auditWorld();
    for (let index = 0; index < 3; index++) await record(world.audit, `/service/${index}`);
    await world.sql(
      "create table old_records as table audit_records; create table old_head as table audit_head",
    );
    for (let index = 3; index < 6; index++) await record(world.audit, `/service/${index}`);
    await world.audit.sweep();
    await world.sql(
      "truncate audit_records, audit_head; insert into audit_records table old_records; insert into audit_head table old_head",
    );
    assert.deepEqual(await world.audit.verifyAuditChain(), {
      intact: false,
      records: 3,
      brokenAt: 4,
      reason: "Records 4 to 6 are missing.",
    });
    for (let index = 6; index < 10; index++) await record(world.audit, `/service/${index}`);
    assert.equal((await world.audit.verifyAuditChain()).brokenAt, 6);
  });

  test("without the key nobody can compute a chain that fits", async () => {
    await using world = await auditWorld();
    await record(world.audit, "/service/x");
    assert.equal((await stat(join(world.stateDir, "audit.key"))).mode & 0o777, 0o600);
    await writeFile(join(world.stateDir, "audit.key"), Buffer.alloc(32, 7).toString("base64url"));
    await using other = await world.another();
    assert.equal((await other.verifyAuditChain()).intact, false);
  });

  test("two managers that record at the same time keep one chain without gaps", async () => {
    await using world = await auditWorld();
    await using other = await world.another();
    await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        record(index % 2 === 0 ? world.audit : other, `/service/${index}`),
      ),
    );
    assert.deepEqual(await world.audit.verifyAuditChain(), {
      intact: true,
      records: 200,
      brokenAt: null,
      reason: "",
    });
    assert.equal(new Set(await world.paths()).size, 200);
  });

  test("a record costs a call little, and little more when many come at once", async (t) => {
    await using world = await auditWorld();
    const startedAt = performance.now();
    for (let index = 0; index < 100; index++) await record(world.audit, "/service/one");
    const alone = (performance.now() - startedAt) / 100;
    const manyAt = performance.now();
    await Promise.all(Array.from({ length: 2_000 }, () => record(world.audit, "/service/many")));
    const together = (performance.now() - manyAt) / 2_000;
    const checkedAt = performance.now();
    assert.equal((await world.audit.verifyAuditChain()).records, 2_100);
    const checked = (performance.now() - checkedAt) / 2_100;
    t.diagnostic(
      `${alone.toFixed(2)} ms alone, ${together.toFixed(3)} ms of 2,000 at once, ${(checked * 1_000).toFixed(0)} µs to check one`,
    );
    assert.ok(together < alone, "what waits together is committed together");
  });
});

const journal = (world: AuditWorld): string => join(world.stateDir, "audit-journal.ndjson");

describe("audit journal", () => {
  test("takes the records while the database is away, and gives them back in order", async () => {
    await using world = await auditWorld();
    await record(world.audit, "/service/before");
    await whileDatabaseIsAway(world.databaseName, async () => {
      await record(world.audit, "/service/away-1");
      await Promise.all([2, 3].map((index) => record(world.audit, `/service/away-${index}`)));
      assert.equal((await stat(journal(world))).mode & 0o777, 0o600);
      assert.equal(
        (await readFile(journal(world), "utf8")).trim().split("\n").length,
        4,
        "a head and three records",
      );
    });
    await record(world.audit, "/service/after");
    assert.deepEqual(await world.paths(), [
      "/service/before",
      "/service/away-1",
      "/service/away-2",
      "/service/away-3",
      "/service/after",
    ]);
    await assert.rejects(stat(journal(world)), { code: "ENOENT" });
    assert.equal((await world.audit.verifyAuditChain()).intact, true);
  });

  test("outlives the manager: the next start takes it over, once", async () => {
    await using world = await auditWorld();
    await whileDatabaseIsAway(world.databaseName, () => record(world.audit, "/service/away"));
    const text = await readFile(journal(world), "utf8");
    await using restarted = await world.another();
    assert.deepEqual(await world.paths(), ["/service/away"]);
    // A crash after the commit, before the file was removed.
    await writeFile(journal(world), text);
    await using again = await world.another();
    assert.deepEqual(await world.paths(), ["/service/away"]);
    await assert.rejects(stat(journal(world)), { code: "ENOENT" });
    assert.equal((await again.verifyAuditChain()).intact, true);
    assert.equal((await restarted.verifyAuditChain()).intact, true);
  });

  test("a line that a crash cut off takes no other with it", async () => {
    await using world = await auditWorld();
    await whileDatabaseIsAway(world.databaseName, async () => {
      await record(world.audit, "/service/one");
      await appendFile(journal(world), '{"at":"2026-01-01T00:00:00.000Z","pa');
      await record(world.audit, "/service/two");
    });
    await world.audit.sweep();
    assert.deepEqual(await world.paths(), ["/service/one", "/service/two"]);
  });

  test("a sweep while calls are recorded loses none of them", async () => {
    await using world = await auditWorld();
    const work: Promise<void>[] = [];
    for (let index = 0; index < 50; index++) {
      work.push(record(world.audit, `/service/${index}`));
      if (index % 7 === 0) work.push(world.audit.sweep());
    }
    await Promise.all(work);
    assert.equal((await world.paths()).length, 50);
    assert.equal((await world.audit.verifyAuditChain()).intact, true);
  });
});
