import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { certificateInfo, createKeyAndCsr, parseJoinToken } from "@sinter/agent-link";
import { ManualClock, silentLog } from "@sinter/kit";
import { agentName, EnrolmentReply, MANAGER_NAME } from "@sinter/southbound";
import type { LightMyRequestResponse } from "fastify";
import { Check } from "typebox/value";
import { hostStore } from "../host/host.store.ts";
import { hostReport } from "../testing/host-report.ts";
import { TEST_SITE, type TestApp, testApp } from "../testing/test-app.ts";
import { createAuthorityStore, createEnrolment } from "./index.ts";

interface EnrolmentWorld extends TestApp {
  readonly token: string;
  readonly clock: ManualClock;
  readonly connected: Set<number>;
  readonly enrolled: number[];
  makeToken(body?: object): Promise<string>;
  /** What an agent sends. */
  enrol(body: object): Promise<LightMyRequestResponse>;
}

async function enrolmentWorld(): Promise<EnrolmentWorld> {
  const stateDir = await mkdtemp(join(tmpdir(), "sinter-enrolment-"));
  const clock = new ManualClock(Date.now());
  const connected = new Set<number>();
  const enrolled: number[] = [];
  const world = await testApp({
    clock,
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
    assert.deepEqual(world.enrolled, [host.id]);
  });
});
