import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Log, silentLog } from "@sinter/kit";
import { testDatabase } from "@sinter/testing";
import { WebSocket } from "ws";
import { composeManager } from "../compose.ts";
import { TEST_PASSWORD_COST } from "../testing/test-app.ts";

test("CON-02: the whole manager redeems tickets at its API, its portal and both console ports", async () => {
  await using undo = new AsyncDisposableStack();
  const stateDir = await mkdtemp(join(tmpdir(), "sinter-ports-"));
  undo.defer(() => rm(stateDir, { recursive: true, force: true }));
  await writeFile(join(stateDir, "index.html"), "<!doctype html>");
  const database = undo.use(await testDatabase());
  const warnings: string[] = [];
  const log: Log = { ...silentLog, warn: (_facts: unknown, text?: string) => void warnings.push(text ?? "") };
  const manager = await composeManager({
    config: {
      databaseUrl: database.url,
      stateDir,
      listenHost: "127.0.0.1",
      listenPort: 0,
      portalDir: stateDir,
      portalPort: 0,
      consolePort: 0,
      consolePublicPort: 0,
      adminPasswordFile: join(stateDir, "password"),
    },
    log,
    identity: { passwordCost: TEST_PASSWORD_COST },
  });
  undo.defer(() => manager.stop());
  const { api, portal, consolePorts } = await manager.start();
  const ca = await readFile(join(stateDir, "pki", "ca.crt"), "utf8");
  const password = (await readFile(join(stateDir, "password"), "utf8")).trim();
  const login = await manager.app.inject({
    method: "POST",
    url: "/service/session",
    headers: { "x-auth-user": "admin", "x-auth-key": password, "x-encript-algorithm": "1" },
  });
  const headers = { "x-auth-token": String(login.headers["x-auth-token"]) };
  const check = await manager.app.inject({ url: "/sinter/v1/consoles/check?vm=i-00000001", headers });
  assert.equal(check.json<{ errorCode: string }>().errorCode, "10300001");

  const refusal = (url: string, origin?: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const client = new WebSocket(url, ["binary"], { ca, ...(origin === undefined ? {} : { origin }) });
      client.on("error", reject);
      client.on("unexpected-response", (_request, response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => (text += chunk.toString()));
        response.on("end", () => {
          resolve(`${response.statusCode} ${(JSON.parse(text) as { errorCode: string }).errorCode}`);
        });
      });
    });
  const secure = (address: string | undefined): string => (address ?? "").replace("https:", "wss:");
  const unknown = `/sinter/v1/consoles/${"x".repeat(43)}`;
  assert.equal(await refusal(`${secure(api)}${unknown}`), "403 10000003");
  assert.equal(await refusal(`${secure(portal)}${unknown}`, portal), "403 10000003");
  assert.equal(consolePorts.length, 2);
  for (const port of consolePorts) {
    const url = `wss://127.0.0.1:${port}`;
    assert.equal(await refusal(`${url}${unknown}`), "403 10000003");
    assert.equal(await refusal(`${url}/websockify?token=${"x".repeat(43)}`), "403 10000003");
  }
  assert.deepEqual(warnings, [], "no port was taken");
});
