import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { waitFor } from "@sinter/kit";
import { uriOf } from "@sinter/northbound";
import { ManagerProcess } from "../tools/stand/manager-process.ts";
import { ROOT, standFiles } from "../tools/stand/paths.ts";
import { describeScene, outcome, type Scene } from "./scene.ts";
import { freePort, startStand } from "../tools/stand/stand.ts";
import { createClient } from "@sinter/client";
import { readFile } from "node:fs/promises";

/*
 * kill -9 of the manager's process at every step of create, start and delete, on real hosts. The matrix over all tasks
 * and phases runs on simulated hosts (apps/manager); this shows that a real death is the same.
 */

const POINTS = [
  ...["reserve", "volumes", "define", "boot", "settle"].map((step) => `vm.create/${step}/after-run`),
  "vm.create/volumes/before-run",
  ...["mark", "prepare", "act", "settle"].map((step) => `vm.power/${step}/after-run`),
  ...["mark", "remove", "volumes", "forget"].map((step) => `vm.delete/${step}/after-run`),
];

describe("kill -9 of the manager", { timeout: 900_000 }, () => {
  let scene: Scene;
  let stateDir: string;
  before(async () => {
    stateDir = await mkdtemp(join("/var/tmp", "sinter-e2e-"));
    const stand = await startStand({ stateDir, hosts: 1, port: 0, say: () => {}, isFurnished: false });
    scene = await describeScene(stand);
    // From here the tests bring their own managers.
    await stand.manager.stop();
  });
  after(() => scene?.stand[Symbol.asyncDispose]());

  /** A manager that dies at a point, and the same again without. */
  const managerFor = async (point: string): Promise<{ manager: ManagerProcess; mark: string }> => {
    const mark = join(stateDir, "killed");
    await rm(mark, { force: true });
    const files = standFiles(stateDir);
    const manager = new ManagerProcess({
      stateDir: files.manager,
      logFile: files.managerLog,
      databaseUrl: scene.stand.postgres.url("sinter"),
      port: await freePort(),
      advertisedAddress: scene.stand.lab.addresses.manager,
      passwordFile: files.password,
      entry: join(ROOT, "e2e/faulty-manager.ts"),
      env: { SINTER_E2E_KILL: point, SINTER_E2E_MARK: mark },
    });
    return { manager, mark };
  };

  for (const point of POINTS) {
    test(`at ${point}`, async () => {
      const { manager } = await managerFor(point);
      await manager.start();
      try {
        const ca = await readFile(manager.caFile, "utf8");
        const client = createClient({ ...scene.stand.access, url: manager.url, ca });
        await waitFor(
          "The host being connected",
          async () => {
            const [host] = (await client.hosts.list()).items;
            return host?.status === "normal" ? true : undefined;
          },
          { timeoutMs: 30_000 },
        );
        const [type] = point.split("/");
        const body = { ...scene.bare("victim"), autoBoot: type !== "vm.power" };
        let uri = "";
        if (type !== "vm.create") {
          const made = await client.vms.create(body);
          assert.equal(await outcome(client, made), "success");
          uri = made.uri ?? "";
        }
        // It may die before it has answered: then the task is found by what it works on, as a client would.
        await (type === "vm.create"
          ? client.vms.create(body)
          : type === "vm.power"
            ? client.vms.start(uri)
            : client.vms.remove(uri)
        ).catch((error: unknown) => assert.equal((error as { code?: string }).code, "MANAGER_UNREACHABLE"));
        await manager.ended(60_000);
        await manager.start();
        const [task] = (await client.tasks.list({ limit: 1 })).items;
        assert.ok(task);
        assert.equal(await outcome(client, { taskUri: task.uri }), "success");
        uri = uriOf(task.entityUrn);
        if (type === "vm.delete") {
          await assert.rejects(client.vms.get(uri), { errorCode: "10300001" });
        } else {
          assert.equal((await client.vms.get(uri)).status, "running");
          await client.tasks.wait(await client.vms.remove(uri), { timeoutMs: 60_000 });
        }
        const [host] = scene.stand.lab.hosts;
        const { stdout } = await scene.stand.lab.exec(host?.name ?? "", "virsh", ["list", "--all", "--name"]);
        assert.equal(stdout.trim(), "", "a domain was left behind");
        assert.equal((await client.volumes.list()).total, 0, "a volume was left behind");
        const files = await scene.stand.lab.exec(
          host?.name ?? "",
          "find",
          ["/var/lib/sinter/datastores/shared/volumes", "-type", "f"],
          { okCodes: [0, 1] },
        );
        assert.equal(files.stdout.trim(), "", "a disk was left behind");
        await client.close();
      } finally {
        await manager.stop();
      }
    });
  }
});
