import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { DEFAULT_PORT, defaultServerNames, readConfig } from "./config.ts";
import { DEFAULT_PORTAL_PORT } from "./portal/index.ts";

const LEAST = { SINTER_DATABASE_URL: "postgresql://db/sinter", SINTER_STATE_DIR: "/var/lib/sinter" };

test("API-01, VRM-10: the API is on 7443 unless configured otherwise", async () => {
  assert.equal(DEFAULT_PORT, 7443);
  assert.equal((await readConfig([], LEAST)).listenPort, undefined);
  assert.equal((await readConfig([], { ...LEAST, SINTER_LISTEN_PORT: "9443" })).listenPort, 9443);
});

test("the portal is on 8443 where it is configured, and nowhere else", async () => {
  assert.equal(DEFAULT_PORTAL_PORT, 8443);
  const { portalDir, portalPort } = await readConfig([], LEAST);
  assert.deepEqual([portalDir, portalPort], [undefined, undefined]);
  const given = await readConfig([], { ...LEAST, SINTER_PORTAL_DIR: "/srv/portal", SINTER_PORTAL_PORT: "0" });
  assert.deepEqual([given.portalDir, given.portalPort], ["/srv/portal", 0]);
});

test("the environment wins over the file, and a wrong field is named", async () => {
  const folder = await mkdtemp(join(tmpdir(), "config-"));
  try {
    const file = join(folder, "manager.json");
    await writeFile(
      file,
      JSON.stringify({ databaseUrl: "postgresql://a/b", stateDir: "/x", siteName: "file" }),
    );
    const config = await readConfig(["--config", file], { SINTER_SITE_NAME: "environment" });
    assert.deepEqual([config.databaseUrl, config.siteName], ["postgresql://a/b", "environment"]);
    await assert.rejects(readConfig([], { SINTER_STATE_DIR: "/x" }), {
      code: "CONFIG_INVALID",
      message: /databaseUrl is missing/,
    });
    await assert.rejects(readConfig([], { ...LEAST, SINTER_LISTEN_PORT: "70000" }), {
      message: /listenPort must be within/,
    });
    await assert.rejects(readConfig(["--config", join(folder, "none")], LEAST), {
      code: "CONFIG_UNREADABLE",
    });
    await writeFile(file, "{");
    await assert.rejects(readConfig(["--config", file], LEAST), { code: "CONFIG_UNREADABLE" });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("the certificate names what clients and agents use", () => {
  const names = defaultServerNames({
    databaseUrl: "x",
    stateDir: "/x",
    advertisedAddress: "192.0.2.1",
    serverNames: ["vrm.example"],
  });
  for (const name of ["localhost", "127.0.0.1", "192.0.2.1", "vrm.example"])
    assert.ok(names.includes(name), name);
});
