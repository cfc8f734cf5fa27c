import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { probeAccelerator, probeKvmOnce } from "./kvm-probe.ts";

describe("whether KVM runs guests", () => {
  it("knows a guest that ran", async () => {
    assert.deepEqual(await probeAccelerator("tcg"), { usable: true, reason: "A guest ran under tcg." });
  });

  it("asks once per boot of the machine, and comes to an end whatever /dev/kvm does", async (t) => {
    const cacheDir = await mkdtemp(join(tmpdir(), "kvm-probe-"));
    try {
      const file = join(cacheDir, "kvm-probe.json");
      await writeFile(
        file,
        JSON.stringify({ bootId: "an earlier one", usable: true, reason: "as it was then" }),
      );
      const begin = performance.now();
      const probe = await probeKvmOnce(cacheDir);
      t.diagnostic(`${probe.usable ? "usable" : "not usable"}: ${probe.reason}`);
      assert.ok(performance.now() - begin < 15_000);
      assert.equal(probe.usable, probe.reason === "A guest ran under kvm.");

      const kept = JSON.parse(await readFile(file, "utf8")) as object;
      await writeFile(file, JSON.stringify({ ...kept, usable: false, reason: "from the cache" }));
      assert.deepEqual(await probeKvmOnce(cacheDir), { usable: false, reason: "from the cache" });
    } finally {
      await rm(cacheDir, { recursive: true, force: true });
    }
  });
});
