import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { readConfig } from "./config.ts";

async function withFile<T>(content: string, work: (file: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), "sagent-config-"));
  try {
    const file = join(directory, "agent.json");
    await writeFile(file, content);
    return await work(file);
  } finally {
    await rm(directory, { recursive: true });
  }
}

test("without anything the defaults hold", async () => {
  assert.deepEqual(await withFile("{}", (file) => readConfig({ file })), {
    stateDir: "/var/lib/sinter/agent",
    port: 7447,
    vncPortFirst: 5900,
    vncPortLast: 6899,
    libvirtConfigDir: "/etc/libvirt",
    libvirtDirectory: "/var/lib/libvirt",
    logLevel: "info",
    libvirtTimeoutS: 8,
    guestIntervalS: 12,
    deviceReleaseS: 20,
  });
});

test("the command line goes before the environment, and that before the file", async () => {
  const config = await withFile(JSON.stringify({ port: 1, logLevel: "warn", stateDir: "/file" }), (file) =>
    readConfig({
      file,
      environment: { SINTER_AGENT_PORT: "2", SINTER_AGENT_STATE_DIR: "/environment", OTHER: "x" },
      overrides: { stateDir: "/line" },
    }),
  );
  assert.deepEqual([config.port, config.logLevel, config.stateDir], [2, "warn", "/line"]);
});

const wrong: Record<string, string> = {
  '{"port": 70000}': "port",
  '{"port": "7447"}': "port",
  '{"stateDir": "relative"}': "stateDir",
  '{"logLevel": "loud"}': "logLevel",
  '{"prot": 1}': "",
  "{": "JSON",
};
for (const [content, named] of Object.entries(wrong)) {
  test(`refused: ${content}`, async () => {
    await withFile(content, (file) =>
      assert.rejects(readConfig({ file }), (error: Error & { code?: string }) => {
        assert.equal(error.code, "CONFIG_INVALID");
        assert.ok(error.message.includes(named), error.message);
        return true;
      }),
    );
  });
}

test("a file that was named must be there, and a variable must be a number where one is needed", async () => {
  await assert.rejects(readConfig({ file: "/nosuch/agent.json" }), { code: "CONFIG_INVALID" });
  await withFile("{}", (file) =>
    assert.rejects(readConfig({ file, environment: { SINTER_AGENT_PORT: "seven" } }), {
      code: "CONFIG_INVALID",
    }),
  );
});
