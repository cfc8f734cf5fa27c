import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { AppError } from "@sinter/kit";
import type { HostReport, SwitchObservation, SwitchSpec } from "@sinter/southbound";
import type { SwitchRun, SwitchStep } from "../testing/switch-runner.ts";
import { startTestHost, testCacheDir, type TestHost } from "../testing/test-host.ts";
import { OvsVsctl, parseRows, quoted } from "./ovs-vsctl.ts";
import { bridgeName } from "./switch-names.ts";

const RUNNER = fileURLToPath(new URL("../testing/switch-runner.ts", import.meta.url));

describe("switches on a real Open vSwitch", () => {
  let host: TestHost;
  before(async () => {
    host = await startTestHost();
    // Its NICs, rather than those of the namespace that the file system was mounted in.
    await host.libvirtd.run("mount", ["-t", "sysfs", "sysfs", "/sys"]);
    await addCable("up0");
    await addCable("up1");
  });
  after(async () => {
    await host[Symbol.asyncDispose]();
  });

  /** A NIC in the host's namespace, with a cable to nowhere. */
  async function addCable(name: string): Promise<void> {
    await host.libvirtd.run("ip", ["link", "add", name, "type", "veth", "peer", "name", `${name}-far`]);
  }

  async function take(
    steps: readonly SwitchStep[],
    given: Omit<SwitchRun, "steps"> = {},
  ): Promise<unknown[]> {
    const run: SwitchRun = { steps, ...given };
    const cache = `NODE_COMPILE_CACHE=${join(testCacheDir(), "code")}`;
    const { stdout } = await host.libvirtd.run("env", [cache, process.execPath, RUNNER, JSON.stringify(run)]);
    return JSON.parse(stdout) as unknown[];
  }

  const vsctl = async (...args: string[]): Promise<string> =>
    (await host.libvirtd.run("ovs-vsctl", args)).stdout.trim();

  let count = 0;
  function spec(changes: Partial<SwitchSpec> = {}): SwitchSpec {
    return { switchId: `${++count}`, name: "a switch", generation: 1, mtu: 1500, uplinks: [], ...changes };
  }

  test("a switch is a bridge with its uplinks, which come up", async () => {
    const one = spec({ uplinks: ["up0", "up1"], mtu: 1400, name: `quotes " ' and \\ = {}[], spaces` });
    const [first, again] = (await take([{ ensure: one }, { ensure: one }])) as SwitchObservation[];
    const expected = {
      switchId: one.switchId,
      bridge: bridgeName(one.switchId),
      generation: 1,
      uplinks: ["up0", "up1"],
      ports: 0,
    };
    assert.deepEqual([first, again], [expected, expected]);
    const bridge = expected.bridge;
    assert.equal(await vsctl("get", "Bridge", bridge, "external_ids:sinter-name"), quoted(one.name));
    assert.equal(await vsctl("get", "Bridge", bridge, "datapath_type"), "netdev");
    assert.equal(await vsctl("get", "Bridge", bridge, "fail_mode"), "standalone");
    assert.equal(await vsctl("get", "Interface", "up0", "mtu"), "1400");
    const { stdout } = await host.libvirtd.run("ip", ["-json", "link", "show", "up1"]);
    assert.match(stdout, /"UP"/);
    assert.deepEqual(await take([{ remove: one.switchId }, { remove: one.switchId }, { list: true }]), [
      null,
      null,
      [],
    ]);
  });

  test("a newer spec moves uplinks; an older one changes nothing; what was taken away is put back", async () => {
    const one = spec({ uplinks: ["up0"] });
    const newer = { ...one, generation: 2, uplinks: ["up1"], mtu: 9000 };
    const [, moved, older] = (await take([
      { ensure: one },
      { ensure: newer },
      { ensure: one },
    ])) as SwitchObservation[];
    assert.deepEqual([moved?.uplinks, moved?.generation], [["up1"], 2]);
    assert.deepEqual(older, moved);
    assert.equal(await vsctl("port-to-br", "up1"), bridgeName(one.switchId));
    await vsctl("del-port", "up1");
    const [healed] = (await take([{ ensure: newer }])) as SwitchObservation[];
    assert.deepEqual(healed?.uplinks, ["up1"]);
    await take([{ remove: one.switchId }]);
  });

  test("an uplink that is missing, taken, or how the host is managed, is refused and nothing is made", async () => {
    await host.libvirtd.run("ip", ["address", "replace", "192.0.2.10/24", "dev", "up1"]);
    const owner = spec({ uplinks: ["up0"] });
    const results = await take(
      [
        { ensure: owner },
        { ensure: spec({ uplinks: ["nosuch0"] }) },
        { ensure: spec({ uplinks: ["up0"] }) },
        { ensure: spec({ uplinks: ["up1"] }) },
        { list: true },
        { remove: owner.switchId },
      ],
      { keptAddresses: ["192.0.2.10"] },
    );
    await host.libvirtd.run("ip", ["address", "flush", "dev", "up1"]);
    assert.deepEqual(results.slice(1, 4), [
      { error: "UPLINK_MISSING" },
      { error: "UPLINK_IN_USE" },
      { error: "UPLINK_MANAGES_HOST" },
    ]);
    assert.deepEqual(
      (results[4] as SwitchObservation[]).map(({ switchId }) => switchId),
      [owner.switchId],
    );
  });

  test("a switch stays while a VM is defined on it or somebody has a port on it", async () => {
    const one = spec();
    const bridge = bridgeName(one.switchId);
    await take([{ ensure: one }]);
    assert.deepEqual(await take([{ remove: one.switchId }], { usedSwitches: [one.switchId] }), [
      { error: "SWITCH_IN_USE" },
    ]);
    await vsctl("add-port", bridge, "guest0", "--", "set", "Interface", "guest0", "type=internal");
    const results = await take([{ list: true }, { remove: one.switchId }]);
    assert.equal((results[0] as SwitchObservation[])[0]?.ports, 1);
    assert.deepEqual(results[1], { error: "SWITCH_IN_USE" });
    await vsctl("del-port", "guest0");
    assert.deepEqual(await take([{ remove: one.switchId }]), [null]);
  });

  test("bridges of others are neither listed nor touched, and are no NICs", async () => {
    await vsctl("add-br", "theirs", "--", "set", "Bridge", "theirs", "datapath_type=netdev");
    const one = spec();
    const [, listed, nics, facts] = await take([
      { ensure: one },
      { list: true },
      { nics: true },
      { facts: true },
    ]);
    assert.deepEqual(
      (listed as SwitchObservation[]).map(({ switchId }) => switchId),
      [one.switchId],
    );
    assert.deepEqual(
      (nics as HostReport["nics"]).map(({ name }) => name),
      ["up0", "up0-far", "up1", "up1-far"],
    );
    assert.deepEqual(facts, {
      version: (await vsctl("--version")).split("\n")[0]?.split(" ").at(-1),
      datapath: "netdev",
    });
    await take([{ remove: one.switchId }, { remove: "theirs" }]);
    assert.equal(await vsctl("br-exists", "theirs"), "");
    await vsctl("del-br", "theirs");
  });

  test("an Open vSwitch that does not answer is unavailable, soon", async () => {
    await assert.rejects(
      new OvsVsctl("unix:/nonexistent/db.sock").list({ Bridge: ["name"] }),
      (error: unknown) => {
        assert.ok(error instanceof AppError);
        assert.deepEqual([error.kind, error.code], ["unavailable", "OPEN_VSWITCH_AWAY"]);
        return true;
      },
    );
  });
});

describe("names and values", () => {
  test("bridges: short ids as they are, long ones by digest, never two alike", () => {
    assert.equal(bridgeName("42"), "s-42");
    assert.equal(bridgeName("x".repeat(13)).length, 15);
    const long = ["x".repeat(14), "x".repeat(15), `${"x".repeat(63)}a`, `${"x".repeat(63)}b`].map(bridgeName);
    assert.equal(new Set(long).size, 4);
    for (const name of long) assert.match(name, /^s-~[0-9a-f]{12}$/);
  });

  test("rows: bare sets of one, empty sets, maps, ids", () => {
    const rows = parseRows(
      JSON.stringify({
        headings: ["_uuid", "one", "many", "none", "ids", "n"],
        data: [[["uuid", "u"], "x", ["set", ["a", ["uuid", "b"]]], ["set", []], ["map", [["k", "v"]]], 3]],
      }),
    );
    assert.deepEqual(rows, [{ _uuid: "u", one: "x", many: ["a", "b"], none: [], ids: { k: "v" }, n: 3 }]);
    assert.deepEqual(parseRows("\n"), []);
  });
});
