import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { run } from "@sinter/kit";
import { withFileLock } from "./file-lock.ts";

describe("a lock by file", () => {
  it("lets one in at a time", async () => {
    await withScratch(async (dir) => {
      let inside = 0;
      let most = 0;
      const work = async (): Promise<void> => {
        inside++;
        most = Math.max(most, inside);
        await new Promise((resolve) => setImmediate(resolve));
        inside--;
      };
      await Promise.all([1, 2, 3, 4].map(() => withFileLock(join(dir, "new", "lock"), work)));
      assert.equal(most, 1);
    });
  });

  it("is given up when the work fails", async () => {
    await withScratch(async (dir) => {
      const path = join(dir, "lock");
      await assert.rejects(
        withFileLock(path, () => Promise.reject(new Error("no luck"))),
        /no luck/,
      );
      assert.equal(await withFileLock(path, async () => "done"), "done");
    });
  });

  it("goes with a holder that is killed", async () => {
    await withScratch(async (dir) => {
      const path = join(dir, "lock");
      const script = `import { run } from "@sinter/kit";
import { withFileLock } from ${JSON.stringify(import.meta.resolve("./file-lock.ts"))};
        await withFileLock(${JSON.stringify(path)}, async () => {
          console.log("held");
          await new Promise((resolve) => setTimeout(resolve, 1e6));
        });`;
      const holder = spawn(process.execPath, ["--input-type=module", "-e", script], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      await once(holder.stdout, "data");
      await run("flock", ["--nonblock", path, "true"], { okCodes: [1] });
      const waiting = withFileLock(path, async () => "ours");
      holder.kill("SIGKILL");
      assert.equal(await waiting, "ours");
    });
  });
});

async function withScratch(work: (dir: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), "file-lock-"));
  try {
    await work(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
