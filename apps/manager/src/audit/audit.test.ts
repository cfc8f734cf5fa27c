import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { ManualClock, silentLog } from "@sinter/kit";
import type { AuditVerification, WireAuditRecord } from "@sinter/northbound";
import pg from "pg";
import { TEST_PASSWORD, type TestApp, testApp } from "../testing/test-app.ts";
import { type AuditService, createAudit } from "./index.ts";

interface AuditWorld extends TestApp {
  readonly audit: AuditService;
  readonly stateDir: string;
  readonly clock: ManualClock;
  records(query?: string): Promise<WireAuditRecord[]>;
  verify(): Promise<AuditVerification>;
  sql(text: string): Promise<void>;
}

async function auditWorld(): Promise<AuditWorld> {
  const stateDir = await mkdtemp(join(tmpdir(), "sinter-audit-"));
  const clock = new ManualClock();
  let audit: AuditService | undefined;
  const world = await testApp({
    clock,
    onMutation: async (request, reply, actor) => await audit?.recordCall(request, reply, actor),
    extend: async (app, database) => {
      audit = await createAudit({ database, stateDir, clock, log: silentLog });
      audit.routes(app);
    },
  });
  if (!audit) throw new Error("Broken assumption: extend ran.");
  const service = audit;
  return {
    ...world,
    audit: service,
    stateDir,
    clock,
    records: async (query = "") => {
      const { records } = await service.list({}, { limit: 100, offset: 0 });
      void query;
      return records.map((record) => ({ ...record, at: String(record.at.getTime()) }));
    },
    verify: () => service.verifyAuditChain(),
    sql: async (text) => void (await world.database.pool.query(text)),
    [Symbol.asyncDispose]: async () => {
      await service[Symbol.asyncDispose]();
      await world[Symbol.asyncDispose]();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}

describe("audit", () => {
  test("each mutating call leaves one record, refused and failed ones too", async () => {
    await using world = await auditWorld();
    const token = await world.login();
    await world.login("admin", "Wrong-Password1").catch(() => {});
    await world.app.inject({
      method: "DELETE",
      url: "/service/users/none",
      headers: { "x-auth-token": token },
    });
    await world.app.inject({ method: "POST", url: "/service/users", payload: { userName: "x" } });
    await world.app.inject({ method: "GET", url: "/service/users", headers: { "x-auth-token": token } });
    const records = (await world.records()).toReversed();
    assert.deepEqual(
      records.map(({ sequence, userName, method, path, status, errorCode }) => [
        sequence,
        userName,
        method,
        path,
        status,
        errorCode,
      ]),
      [
        [1, "admin", "POST", "/service/session", 200, ""],
        [2, "admin", "POST", "/service/session", 400, "10100103"],
        [3, "admin", "DELETE", "/service/users/none", 400, "10100307"],
        [4, "", "POST", "/service/users", 401, "10000002"],
      ],
    );
    assert.deepEqual(await world.verify(), { intact: true, records: 4, brokenAt: null, reason: "" });
  });
});
