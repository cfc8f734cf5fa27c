import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { certificateInfo, createKeyAndCsr, parseJoinToken } from "@sinter/agent-link";
import { ManualClock, silentLog, waitFor } from "@sinter/kit";
import { type CreatedJoinToken, JoinTokenList, type WireJoinToken } from "@sinter/northbound";
import { agentName, EnrolmentReply, MANAGER_NAME } from "@sinter/southbound";
import type { LightMyRequestResponse } from "fastify";
import { Check } from "typebox/value";
import { hostStore } from "../host/host.store.ts";
import type { ThrottleOptions } from "../identity/index.ts";
import { hostReport } from "../testing/host-report.ts";
import { TEST_SITE, type TestApp, testApp } from "../testing/test-app.ts";
import { createAuthorityStore, createEnrolment, enrolmentWireErrors } from "./index.ts";
import { createJoinTokenService } from "./join-token.service.ts";

interface EnrolmentWorld extends TestApp {
  readonly token: string;
  readonly clock: ManualClock;
  readonly connected: Set<number>;
  readonly enrolled: number[];
  makeToken(body?: object): Promise<string>;
  /** What an agent sends. */
  enrol(body: object): Promise<LightMyRequestResponse>;
}

async function enrolmentWorld(options: { throttle?: ThrottleOptions } = {}): Promise<EnrolmentWorld> {
  const stateDir = await mkdtemp(join(tmpdir(), "sinter-enrolment-"));
  const clock = new ManualClock(Date.now());
  const connected = new Set<number>();
  const enrolled: number[] = [];
  const world = await testApp({
    clock,
    errors: [enrolmentWireErrors],
    extend: async (app, database) => {
      const authority = await createAuthorityStore({
        db: database.db,
        stateDir,
        serverNames: ["localhost"],
        clock,
        log: silentLog,
      });
      const enrolment = createEnrolment({
        database,
        authority,
        siteId: () => TEST_SITE,
        isConnected: (hostId) => connected.has(hostId),
        onEnrolled: async (hostId) => void enrolled.push(hostId),
        managerAddress: "manager.example:7443",
        // Slowing down waits on the clock, which stands still.
        throttle: { free: 1_000_000 },
        ...options,
        clock,
        log: silentLog,
      });
      enrolment.routes(app);
    },
  });
  const token = await world.login();
  return {
    ...world,
    token,
    clock,
    connected,
    enrolled,
    makeToken: async (body = {}) => {
      const answer = await world.app.inject({
        method: "POST",
        url: "/sinter/v1/join-tokens",
        headers: { "x-auth-token": token },
        payload: body,
      });
      assert.equal(answer.statusCode, 200, answer.body);
      return answer.json<{ token: string }>().token;
    },
    enrol: (body) => world.app.inject({ method: "POST", url: "/sinter/v1/enrolments", payload: body }),
    [Symbol.asyncDispose]: async () => {
      await world[Symbol.asyncDispose]();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}

async function request(
  token: string,
  hostUuid: string = randomUUID(),
  address = "10.0.0.1",
): Promise<object> {
  const { csrPem } = await createKeyAndCsr("whatever");
  return { token, csr: csrPem, hostUuid, address, port: 7447, report: hostReport(hostUuid) };
}

const hostUrn = (id: number): string => `urn:sites:${TEST_SITE}:hosts:${id}`;

describe("enrolment", () => {
  test("a host joins with a token and gets a certificate in its own name", async () => {
    await using world = await enrolmentWorld();
    const hostUuid = randomUUID();
    const answer = await world.enrol(await request(await world.makeToken(), hostUuid));
    assert.equal(answer.statusCode, 200, answer.body);
    const reply = answer.json<EnrolmentReply>();
    assert.ok(Check(EnrolmentReply, reply));
    assert.deepEqual(certificateInfo(reply.certificate).dnsNames, [agentName(hostUuid)]);
    assert.equal(reply.managerName, MANAGER_NAME);
    const host = await hostStore(world.database.db).findByUuid(hostUuid);
    assert.ok(host);
    assert.deepEqual(
      [host.name, host.address, host.port, host.status, host.clusterId],
      ["host-1", "10.0.0.1", 7447, "initial", null],
    );
    assert.deepEqual(host.report, hostReport(hostUuid));
    assert.equal(host.certificateNotAfter.getTime(), certificateInfo(reply.certificate).notAfter);
    assert.deepEqual(world.enrolled, [host.id]);
  });

  test("a token works once, in its time, and whole", async (t) => {
    await using world = await enrolmentWorld();
    const refusal = async (token: string): Promise<string> => {
      const answer = await world.enrol(await request(token));
      assert.equal(answer.statusCode, 403, answer.body);
      return answer.json<{ errorDes: string }>().errorDes;
    };
    const used = await world.makeToken();
    assert.equal((await world.enrol(await request(used))).statusCode, 200);
    const valid = await world.makeToken({ validMinutes: 5 });
    const [, id = "", secret = "", fingerprint = ""] = valid.split(".");
    const cases: Record<string, [string, RegExp]> = {
      "used already": [used, /used already/],
      "another secret": [["sinter1", id, "A".repeat(22), fingerprint].join("."), /not known/],
      "another id": [["sinter1", "nosuchid", secret, fingerprint].join("."), /not known/],
      "cut off": [valid.slice(0, -1), /not a join token/],
      SQL: ["sinter1.' or 1=1.x.y", /not a join token/],
      "something else": ["hello", /not a join token/],
    };
    for (const [name, [token, expected]] of Object.entries(cases)) {
      await t.test(name, async () => {
        const text = await refusal(token);
        assert.match(text, expected);
        assert.ok(!text.includes(token) && !text.includes(secret), "the token is not repeated");
      });
    }
    world.clock.advance(5 * 60_000);
    assert.match(await refusal(valid), /expired/);
    assert.equal(world.enrolled.length, 1);
  });

  test("of ten hosts that use one token at once, one joins", async () => {
    await using world = await enrolmentWorld();
    const token = await world.makeToken();
    const requests = await Promise.all(Array.from({ length: 10 }, () => request(token)));
    const answers = await Promise.all(requests.map((body) => world.enrol(body)));
    assert.equal(answers.filter(({ statusCode }) => statusCode === 200).length, 1);
    assert.equal((await hostStore(world.database.db).allIds()).length, 1);
  });

  test("a host that joins again keeps its id, name and cluster, and moves to its new address", async () => {
    await using world = await enrolmentWorld();
    const hostUuid = randomUUID();
    const { rows } = await world.database.pool.query<{ id: string }>(
      "insert into clusters (id, name) values (nextval('object_id_seq'), 'c') returning id",
    );
    const clusterUrn = `urn:sites:${TEST_SITE}:clusters:${rows[0]?.id}`;
    await world.enrol(await request(await world.makeToken({ clusterUrn }), hostUuid));
    const before = await hostStore(world.database.db).findByUuid(hostUuid);
    assert.equal(before?.clusterId, Number(rows[0]?.id));
    await hostStore(world.database.db).update(before.id, { name: "renamed" });

    const tokens = await Promise.all([world.makeToken(), world.makeToken()]);
    const bodies = await Promise.all(tokens.map((token) => request(token, hostUuid, "10.0.0.2")));
    const answers = await Promise.all(bodies.map((body) => world.enrol(body)));
    assert.deepEqual(
      answers.map(({ statusCode }) => statusCode),
      [200, 200],
      "also twice at once",
    );
    const after = await hostStore(world.database.db).findByUuid(hostUuid);
    assert.deepEqual(
      [after?.id, after?.name, after?.clusterId, after?.address],
      [before.id, "renamed", before.clusterId, "10.0.0.2"],
    );
    assert.deepEqual(world.enrolled, [before.id, before.id, before.id]);
  });

  test("a connected host's place can be taken only with a token that was made for that host", async () => {
    await using world = await enrolmentWorld();
    const hostUuid = randomUUID();
    await world.enrol(await request(await world.makeToken(), hostUuid));
    await world.enrol(await request(await world.makeToken(), randomUUID(), "10.0.0.9"));
    const [hostId = 0, otherId = 0] = world.enrolled;
    world.connected.add(hostId);
    const token = await world.makeToken();
    const refused = await world.enrol(await request(token, hostUuid, "10.6.6.6"));
    assert.deepEqual(
      [refused.statusCode, refused.json<{ errorCode: string }>().errorCode],
      [400, "10000009"],
    );
    assert.equal((await hostStore(world.database.db).find(hostId))?.address, "10.0.0.1");
    assert.equal(
      (await world.enrol(await request(token, hostUuid))).statusCode,
      200,
      "from where it is; the token was not used up",
    );
    const ofOther = await world.makeToken({ rejoiningHostUrn: hostUrn(otherId) });
    assert.equal((await world.enrol(await request(ofOther, hostUuid, "10.6.6.6"))).statusCode, 403);
    assert.equal(
      (await world.enrol(await request(ofOther, randomUUID()))).statusCode,
      403,
      "nor by a new host",
    );
    const own = await world.makeToken({ rejoiningHostUrn: hostUrn(hostId) });
    assert.equal((await world.enrol(await request(own, hostUuid, "10.6.6.6"))).statusCode, 200);
    assert.equal((await hostStore(world.database.db).find(hostId))?.address, "10.6.6.6");
  });

  test("what is wrong with a request is refused by name, and does not use the token up", async (t) => {
    await using world = await enrolmentWorld();
    const token = await world.makeToken();
    const hostUuid = randomUUID();
    const good = await request(token, hostUuid);
    const report = hostReport(hostUuid);
    const cases: Record<string, object> = {
      "no CSR": { csr: "" },
      "a CSR that is none": {
        csr: "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----",
      },
      "a huge CSR": { csr: "A".repeat(20_000) },
      "a UUID that is a path": { hostUuid: "../../etc/passwd" },
      "an upper-case UUID": { hostUuid: hostUuid.toUpperCase() },
      "an address that is a URL": { address: "http://10.0.0.1/x" },
      "an address with a user": { address: "a@b" },
      "an empty address": { address: "" },
      "a port out of range": { port: 70_000 },
      "a port that is text": { port: "7447" },
      "no report": { report: null },
      "the report of another host": { report: hostReport(randomUUID()) },
      "a report with another type": { report: { ...report, memoryBytes: "much" } },
      "a report with a zero character": { report: { ...report, acceleratorReason: "a\u0000b" } },
      "a report with half a letter": { report: { ...report, serial: "\ud800" } },
      "no body at all": { token: undefined, csr: undefined },
    };
    for (const [name, change] of Object.entries(cases)) {
      await t.test(name, async () => {
        const answer = await world.enrol({ ...good, ...change });
        assert.equal(answer.statusCode, 400, answer.body);
        assert.ok(!answer.body.includes(token));
      });
    }
    const extra = { ...good, report: { ...report, extra: "x" }, extra: "x" };
    assert.equal((await world.enrol(extra)).statusCode, 200, "a newer agent may say more");
    const { rows } = await world.database.pool.query("select report from hosts");
    assert.deepEqual(rows, [{ report }], "which is not kept");
  });

  test("a client whose enrolments keep failing is slowed down, then refused", async () => {
    await using world = await enrolmentWorld({ throttle: {} });
    const body = await request("hello");
    for (let attempt = 0; attempt < 10; attempt++) assert.equal((await world.enrol(body)).statusCode, 403);
    const answered: LightMyRequestResponse[] = [];
    const all = Array.from({ length: 30 }, async () => void answered.push(await world.enrol(body)));
    await waitFor("the refusal of those beyond 20", () => (answered.length >= 10 ? true : undefined), {
      timeoutMs: 20_000,
      intervalMs: 5,
    });
    assert.ok(answered.every((answer) => answer.json<{ errorCode: string }>().errorCode === "10000006"));
    world.clock.advance(3_000);
    await Promise.all(all);
    assert.deepEqual(
      answered.map(({ statusCode }) => statusCode).toSorted((a, b) => a - b),
      [...Array.from({ length: 20 }, () => 403), ...Array.from({ length: 10 }, () => 503)],
    );
    world.clock.advance(10 * 60_000);
    assert.equal((await world.enrol(await request(await world.makeToken()))).statusCode, 200);
  });
});

describe("join tokens", () => {
  test("are shown once, listed without secrets, and can be withdrawn", async () => {
    await using world = await enrolmentWorld();
    const headers = { "x-auth-token": world.token };
    const made = await world.app.inject({ method: "POST", url: "/sinter/v1/join-tokens", headers });
    const { token, expiresAt, command, id } = made.json<CreatedJoinToken>();
    assert.equal(Number(expiresAt), world.clock.now() + 60 * 60_000);
    assert.equal(command, `printf '%s' '${token}' | sinter-agent join manager.example:7443 --token-file -`);
    const list = () => world.app.inject({ method: "GET", url: "/sinter/v1/join-tokens", headers });
    const listed = await list();
    assert.ok(Check(JoinTokenList, listed.json()));
    assert.ok(!listed.body.includes(parseJoinToken(token).secret));
    const { rows } = await world.database.pool.query("select * from join_tokens");
    assert.ok(!JSON.stringify(rows).includes(parseJoinToken(token).secret), "nor is the secret stored");
    const status = async () => (await list()).json<{ joinTokens: WireJoinToken[] }>().joinTokens[0]?.status;
    assert.equal(await status(), "valid");
    world.clock.advance(60 * 60_000);
    assert.equal(await status(), "expired");
    const remove = () => world.app.inject({ method: "DELETE", url: `/sinter/v1/join-tokens/${id}`, headers });
    assert.equal((await remove()).body, "{}");
    assert.equal((await remove()).json<{ errorCode: string }>().errorCode, "10000008");
  });

  test("live 1 to 1440 minutes, for clusters and hosts that there are", async () => {
    await using world = await enrolmentWorld();
    const code = async (payload: object) => {
      const headers = { "x-auth-token": world.token };
      const answer = await world.app.inject({
        method: "POST",
        url: "/sinter/v1/join-tokens",
        headers,
        payload,
      });
      return answer.statusCode === 200 ? "ok" : answer.json<{ errorCode: string }>().errorCode;
    };
    assert.equal(await code({ validMinutes: 0 }), "10000001");
    assert.equal(await code({ validMinutes: 1_441 }), "10000001");
    assert.equal(await code({ validMinutes: "1440" }), "ok");
    assert.equal(await code({ clusterUrn: "" }), "ok", "empty is absent");
    for (const urn of [
      `urn:sites:${TEST_SITE}:clusters:99`,
      "urn:sites:00000000:clusters:1",
      "cluster",
      `urn:sites:${TEST_SITE}:hosts:1`,
    ]) {
      assert.equal(await code({ clusterUrn: urn }), "10300028", urn);
    }
    assert.equal(await code({ rejoiningHostUrn: `urn:sites:${TEST_SITE}:hosts:99` }), "10300027");
  });

  test("a Host header cannot become part of the command", async () => {
    await using world = await testApp();
    const stateDir = await mkdtemp(join(tmpdir(), "sinter-enrolment-"));
    try {
      const parts = { db: world.database.db, clock: new ManualClock(Date.now()), log: silentLog };
      const authority = await createAuthorityStore({ ...parts, stateDir, serverNames: ["localhost"] });
      const service = createJoinTokenService({ ...parts, authority, siteId: () => TEST_SITE });
      const commandFor = async (managerAddress: string) =>
        (await service.create({ createdBy: "admin", managerAddress })).command;
      assert.match(await commandFor("x; rm -rf /"), /join MANAGER --token-file -$/);
      assert.match(await commandFor("[2001:db8::1]:7443"), /join \[2001:db8::1\]:7443 --token-file -$/);
    } finally {
      await rm(stateDir, { recursive: true, force: true });
    }
  });
});
