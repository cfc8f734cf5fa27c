import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CloneVmRequest, CreateVmRequest, type DiskRequest, readBody } from "@sinter/northbound";
import { type ComputeWorld, computeWorld, OPERATOR } from "../testing/compute-world.ts";
import { snapshotErrors, snapshotWireErrors } from "./snapshot.errors.ts";
import { snapshotToWire, treeToWire } from "./snapshot.wire.ts";

/** The wire's code for what was refused. */
const refused = (code: string) => (error: unknown) => {
  const own = (error as { code: keyof typeof snapshotWireErrors }).code;
  assert.equal(snapshotWireErrors[own]?.code ?? own, code, String(error));
  return true;
};

async function makeVm(
  world: ComputeWorld,
  options: { isBooted?: boolean; disks?: Partial<DiskRequest>[]; isTemplate?: boolean } = {},
): Promise<number> {
  const begun = await world.vms.create(
    OPERATOR,
    readBody(CreateVmRequest, {
      name: "vm",
      location: world.urns.cluster,
      autoBoot: options.isBooted ?? false,
      isTemplate: options.isTemplate ?? false,
      osOptions: { osType: "Linux" },
      vmConfig: {
        cpu: { quantity: 1 },
        memory: { quantityMB: 256 },
        disks: (options.disks ?? [{}]).map((disk, index) => ({
          sequenceNum: index + 1,
          quantityGB: 1,
          datastoreUrn: world.urns.datastore,
          ...disk,
        })),
        nics: [{ portGroupUrn: world.urns.portGroup }],
      },
    }),
  );
  await world.done(begun);
  return begun.id;
}

async function take(
  world: ComputeWorld,
  vmId: number,
  name: string,
  changes: { needMemoryShot?: boolean; isConsistent?: boolean; type?: "normal" | "backup" } = {},
): Promise<number> {
  const begun = await world.snapshots.create(OPERATOR, vmId, { name, ...changes });
  await world.done(begun);
  return begun.id;
}

async function write(world: ComputeWorld, vmId: number, token: string): Promise<void> {
  for (const { volume } of (await world.vms.get(vmId)).disks)
    world.store.write(volume.uuid, volume.activeFile, token);
}

async function read(world: ComputeWorld, vmId: number): Promise<string[]> {
  const { disks } = await world.vms.get(vmId);
  return disks.map(({ volume }) => world.store.content(volume.uuid, volume.activeFile).join(" "));
}

describe("snapshots of a VM", () => {
  test("SNP-01: taken, damaged and set back twice in a row", async () => {
    await using world = await computeWorld();
    const vmId = await makeVm(world, { isBooted: true });
    await write(world, vmId, "good");
    const id = await take(world, vmId, "before the upgrade");
    for (const damage of ["bad", "worse"]) {
      await write(world, vmId, damage);
      assert.deepEqual(await read(world, vmId), [`good ${damage}`]);
      await world.done(await world.snapshots.revert(OPERATOR, vmId, id));
      assert.deepEqual(await read(world, vmId), ["good"]);
      assert.equal((await world.vms.get(vmId)).vm.state, "running", "SNP-04: it boots as after a power cut");
    }
  });

  test("the tree of the contract: children under their parents, the current one by name", async () => {
    await using world = await computeWorld();
    const vmId = await makeVm(world);
    assert.deepEqual(treeToWire([], vmId, "S"), {
      currentSnapshot: { urn: null, uri: null, name: null },
      rootSnapshots: [],
    });
    const first = await take(world, vmId, "first");
    await take(world, vmId, "second");
    await world.done(await world.snapshots.revert(OPERATOR, vmId, first));
    await take(world, vmId, "other branch");
    const tree = treeToWire(await world.snapshots.list(vmId), vmId, "S");
    assert.equal(tree.currentSnapshot.name, "other branch");
    const [root] = tree.rootSnapshots;
    assert.equal(root?.name, "first");
    assert.deepEqual(
      root?.childSnapshots.map(({ name, childSnapshots }) => [name, childSnapshots.length]),
      [
        ["second", 0],
        ["other branch", 0],
      ],
    );
    // Three snapshots and a fork: deleting the root keeps both branches apart.
    await world.done(await world.snapshots.remove(OPERATOR, vmId, first));
    const { rootSnapshots } = treeToWire(await world.snapshots.list(vmId), vmId, "S");
    assert.deepEqual(
      rootSnapshots.map(({ name }) => name),
      ["second", "other branch"],
    );
  });

  test("SNP-10, SNP-11: details list only the included disks, who made it and its kind", async () => {
    await using world = await computeWorld();
    const vmId = await makeVm(world, { isBooted: true, disks: [{}, { indepDisk: true }] });
    await write(world, vmId, "a");
    const id = await take(world, vmId, "for the backup", { type: "backup", isConsistent: true });
    await write(world, vmId, "b");
    const detail = snapshotToWire(await world.snapshots.get(vmId, id), "S", () => "NAS");
    assert.deepEqual(
      [detail.creator, detail.type, detail.enableConsistent, detail.volsnapshots.length],
      [OPERATOR.userName, "backup", true, 1],
    );
    assert.match(detail.volsnapshots[0]?.snapUuid ?? "", /^[0-9a-f]{32}$/);
    await assert.rejects(
      world.snapshots.create(OPERATOR, vmId, { name: "m", needMemoryShot: true }),
      refused("10300314"),
    );
    await world.done(await world.snapshots.revert(OPERATOR, vmId, id));
    assert.deepEqual(await read(world, vmId), ["a", "a b"], "the independent disk is not set back");
  });

  test("SNP-03: without the guest agent a running VM is refused, a stopped one not", async () => {
    await using world = await computeWorld();
    const vmId = await makeVm(world, { isBooted: true });
    const { vm } = await world.vms.get(vmId);
    for (const sim of world.sims) {
      const there = sim.vms.get(vm.uuid);
      if (there) there.guest = { ...there.guest, hasAgent: false };
    }
    await world.database.pool.query("update vms set guest = null");
    await assert.rejects(world.snapshots.create(OPERATOR, vmId, { name: "s" }), refused("10300026"));
    await world.done(await world.vms.stop(OPERATOR, vmId, "force"));
    await take(world, vmId, "s");
  });

  test("SNP-06: memory comes back with the disks, and the VM runs although it was stopped", async () => {
    await using world = await computeWorld();
    const vmId = await makeVm(world, { isBooted: true });
    const id = await take(world, vmId, "m", { needMemoryShot: true });
    assert.equal(world.store.memories.size, 1);
    await world.done(await world.vms.stop(OPERATOR, vmId, "force"));
    await assert.rejects(
      world.snapshots.create(OPERATOR, vmId, { name: "n", needMemoryShot: true }),
      refused("10300119"),
    );
    await world.done(await world.snapshots.revert(OPERATOR, vmId, id));
    assert.equal((await world.vms.get(vmId)).vm.state, "running");
    await world.done(await world.vms.attachNic(OPERATOR, vmId, { portGroupUrn: world.urns.portGroup }));
    await assert.rejects(world.snapshots.revert(OPERATOR, vmId, id), refused("10300134"));
    await world.done(await world.snapshots.remove(OPERATOR, vmId, id));
    assert.equal(world.store.memories.size, 0);
  });

  test("CPU and memory settings go back with the snapshot", async () => {
    await using world = await computeWorld();
    const vmId = await makeVm(world);
    const id = await take(world, vmId, "small");
    await world.done(await world.vms.modify(OPERATOR, vmId, { cpu: { quantity: 2 } }));
    await world.done(await world.snapshots.revert(OPERATOR, vmId, id));
    assert.equal((await world.vms.get(vmId)).vm.cpu.count, 1);
  });

  test("at most 32 of people and 32 of backup software; one task at a time", async () => {
    await using world = await computeWorld();
    const vmId = await makeVm(world);
    await world.database.pool.query(
      `insert into snapshots (id, uuid, vm_id, is_current, name, description, type, status, is_consistent, creator, shape)
       select -n, gen_random_uuid(), $1, false, 's', '', 'normal', 'ready', false, '', '{}' from generate_series(1, 32) n`,
      [vmId],
    );
    await assert.rejects(world.snapshots.create(OPERATOR, vmId, { name: "s" }), refused("10300111"));
    const begun = await world.snapshots.create(OPERATOR, vmId, { name: "s", type: "backup" });
    await assert.rejects(
      world.snapshots.create(OPERATOR, vmId, { name: "t", type: "backup" }),
      (error: { code?: string }) => error.code === "SNAPSHOT_IN_PROGRESS" || error.code === "VM_BUSY",
    );
    await world.done(begun);
  });

  test("what a snapshot holds cannot be taken apart", async () => {
    await using world = await computeWorld();
    const vmId = await makeVm(world, { disks: [{}, {}] });
    const other = await makeVm(world);
    const id = await take(world, vmId, "s");
    const [, second] = (await world.vms.get(vmId)).disks;
    const volumeId = second?.volume.id ?? 0;
    const volUrn = `urn:sites:00000000:volumes:${volumeId}`;
    await assert.rejects(world.vms.detachVolume(OPERATOR, vmId, { volUrn }), refused("10300079"));
    await assert.rejects(world.volumes.modify(volumeId, { indepDisk: true }), refused("10420046"));
    await assert.rejects(world.vms.modify(OPERATOR, vmId, { isTemplate: true }), refused("10300114"));
    await assert.rejects(world.vms.remove(OPERATOR, vmId, { isKeepingDisks: true }), refused("10300114"));
    await assert.rejects(world.snapshots.get(vmId, 999_999), refused("10300109"));
    await assert.rejects(world.snapshots.revert(OPERATOR, other, id), refused("10300316"));
    await world.snapshots.modify(vmId, id, { name: "renamed", description: "why" });
    const { snapshot } = await world.snapshots.get(vmId, id);
    assert.deepEqual([snapshot.name, snapshot.description], ["renamed", "why"]);
    await world.done(await world.vms.remove(OPERATOR, vmId, { isKeepingDisks: false }));
    const { rows } = await world.database.pool.query(
      "select (select count(*) from snapshots) + (select count(*) from volume_overlays) as n",
    );
    assert.equal(rows[0].n, "0");
  });

  test("templates and hibernated VMs are refused with the contract's codes", async () => {
    await using world = await computeWorld();
    const template = await makeVm(world, { isTemplate: true });
    await assert.rejects(world.snapshots.create(OPERATOR, template, { name: "s" }), refused("10300141"));
    const vmId = await makeVm(world, { isBooted: true });
    await world.done(await world.vms.hibernate(OPERATOR, vmId));
    await assert.rejects(world.snapshots.create(OPERATOR, vmId, { name: "s" }), refused("10300116"));
  });

  test("a VM that cannot go on is set back all the same, stays stopped and says why", async () => {
    await using world = await computeWorld();
    const vmId = await makeVm(world, { isBooted: true });
    await write(world, vmId, "a");
    const id = await take(world, vmId, "m", { needMemoryShot: true });
    await write(world, vmId, "b");
    world.store.memories.clear();
    await world.done(await world.snapshots.revert(OPERATOR, vmId, id));
    const { vm } = await world.vms.get(vmId);
    assert.equal(vm.state, "stopped");
    assert.match(vm.stateReason, /kept no memory/);
    assert.deepEqual(await read(world, vmId), ["a"]);
  });

  test("a full clone of a VM with snapshots has what its guest reads now (SNP-14)", async () => {
    await using world = await computeWorld();
    const vmId = await makeVm(world);
    await write(world, vmId, "a");
    await take(world, vmId, "s");
    await write(world, vmId, "b");
    const clone = await world.vms.clone(OPERATOR, vmId, readBody(CloneVmRequest, { autoBoot: false }));
    await world.done(clone);
    assert.deepEqual(await read(world, clone.id), ["a b"]);
  });
});

describe("linked clones", () => {
  const link = (world: ComputeWorld, sourceId: number, more: object = {}) =>
    world.vms.clone(OPERATOR, sourceId, readBody(CloneVmRequest, { isLinkClone: true, ...more }));

  test("SNP-12: the base of clones is neither started, changed, attached nor removed", async () => {
    await using world = await computeWorld();
    const base = await makeVm(world, { disks: [{}, {}] });
    await write(world, base, "os");
    const clone = await link(world, base);
    await world.done(clone);
    assert.deepEqual(await read(world, clone.id), ["os", "os"]);
    await write(world, clone.id, "own");
    assert.deepEqual(await read(world, base), ["os", "os"]);
    await assert.rejects(world.vms.start(OPERATOR, base), refused("10300415"));
    await assert.rejects(world.vms.remove(OPERATOR, base, { isKeepingDisks: false }), refused("10300415"));
    await assert.rejects(world.snapshots.create(OPERATOR, base, { name: "s" }), refused("10300415"));
    const [first] = (await world.vms.get(base)).disks;
    const volUrn = `urn:sites:00000000:volumes:${first?.volume.id}`;
    await world.done(await world.vms.detachVolume(OPERATOR, base, { volUrn }));
    await assert.rejects(world.vms.attachVolume(OPERATOR, base, { volUrn }), refused("10430031"));
    await assert.rejects(world.volumes.remove(OPERATOR, first?.volume.id ?? 0), refused("10430031"));
    await world.done(await world.vms.remove(OPERATOR, clone.id, { isKeepingDisks: false }));
    await world.done(await world.vms.attachVolume(OPERATOR, base, { volUrn, sequenceNum: 1 }));
    await world.done(await world.vms.start(OPERATOR, base));
  });

  test("SNP-13 and the contract: what linked clones cannot do", async () => {
    await using world = await computeWorld();
    const template = await makeVm(world, { isTemplate: true });
    const clone = await link(world, template, { autoBoot: false });
    await world.done(clone);
    assert.equal((await world.vms.get(clone.id)).vm.isLinkClone, true);
    const listed = await world.vms.list(
      { isLinkClone: true },
      { limit: undefined, offset: 0 },
      {
        field: "id",
        isDescending: false,
      },
    );
    assert.deepEqual(
      listed.map(({ vm }) => vm.id),
      [clone.id],
    );
    await assert.rejects(world.snapshots.create(OPERATOR, clone.id, { name: "s" }), refused("10300142"));
    await assert.rejects(link(world, clone.id), refused("10300118"));
    await assert.rejects(link(world, template, { isTemplate: true }), refused("10300118"));
    await assert.rejects(world.vms.modify(OPERATOR, clone.id, { isTemplate: true }), refused("10300118"));
    await assert.rejects(world.vms.modify(OPERATOR, template, { isTemplate: false }), refused("10300415"));
    const withSnapshots = await makeVm(world);
    await take(world, withSnapshots, "s");
    await assert.rejects(link(world, withSnapshots), refused("10300122"));
  });
});

test("each refusal has its number on the wire", () => {
  const numbered = new Set<string>(Object.keys(snapshotWireErrors));
  const made = Object.values(snapshotErrors).map(
    (make) => (make as unknown as (...args: unknown[]) => { code: string })(1, [1], "x").code,
  );
  assert.deepEqual(
    made.filter((code) => !numbered.has(code)),
    [],
  );
});
