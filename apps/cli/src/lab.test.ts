import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { silentLog } from "@sinter/kit";
import { createLab } from "@sinter/lab";
import { run } from "./testing/run.ts";

/* Real hosts in namespaces; needs root and what `npm run setup` installs. */

test("the lab from the command line: status, power, cables, down", async (t) => {
  const home = await mkdtemp(join(tmpdir(), "sinter-cli-lab-"));
  const stateDir = join(home, "state", "lab");
  const name = `c${randomBytes(3).toString("hex")}`;
  const lab = await createLab({ name, stateDir, hosts: 1, log: silentLog });
  t.after(async () => {
    await lab.down();
    await rm(home, { recursive: true, force: true });
  });
  const sinter = async (line: string, code = 0) => {
    const result = await run({ home }, line.split(" "));
    assert.equal(result.code, code, `sinter ${line}\n${result.stdout}${result.stderr}`);
    return result.stdout;
  };
  const host = async () => JSON.parse(await sinter("lab status --json")).hosts[0];

  assert.match(await sinter("lab status"), /^HOST +POWER +AGENT.*\nh1 +on +absent +running +running +0/);
  assert.equal((await host()).power, "on");
  await sinter("lab cut h1 storage");
  assert.deepEqual((await host()).cut, ["storage"]);
  assert.match(await sinter("lab mend h1 storage"), /connected/);
  assert.deepEqual((await host()).cut, []);
  await sinter("lab cut h1 moon", 2);
  await sinter("lab power-off h9", 4);
  await sinter("lab power-off h1");
  assert.equal((await host()).power, "off");
  await sinter("lab up");
  assert.equal((await host()).power, "off", "what was switched off stays off");
  await sinter("lab power-on h1");
  assert.equal((await host()).processes.libvirtd, "running");
  await sinter("lab down", 2);
  await sinter("lab down --yes");
  await sinter("lab status", 4);
});

test("without a lab: exit code 4 and how to get one", async () => {
  const home = await mkdtemp(join(tmpdir(), "sinter-cli-lab-"));
  try {
    const result = await run({ home }, ["lab", "status"]);
    assert.equal(result.code, 4);
    assert.match(result.stderr, /npm start/);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
});
