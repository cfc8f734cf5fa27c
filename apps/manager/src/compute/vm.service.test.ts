import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { readBody, CloneVmRequest, CreateVmRequest, ModifyVmRequest } from "@sinter/northbound";
import { type ComputeWorld, computeWorld, OPERATOR } from "../testing/compute-world.ts";

describe("VMs on two simulated hosts", () => {
  let world: ComputeWorld;
  before(async () => {
    world = await computeWorld();
  });
  after(() => world[Symbol.asyncDispose]());

  const wish = (over: object = {}, config: object = {}): unknown => ({
    name: "vm",
    location: world.urns.cluster,
    osOptions: { osType: "Linux", osVersion: 302 },
    vmConfig: {
      cpu: { quantity: 1 },
      memory: { quantityMB: 256 },
      disks: [{ sequenceNum: 1, quantityGB: 1, datastoreUrn: world.urns.datastore, isThin: true }],
      nics: [{ portGroupUrn: world.urns.portGroup }],
      ...config,
    },
    ...over,
  });
  const create = (over: object = {}, config: object = {}) =>
    world.vms.create(OPERATOR, readBody(CreateVmRequest, wish(over, config)));
  const made = async (over: object = {}, config: object = {}): Promise<number> => {
    const begun = await create(over, config);
    await world.done(begun);
    return begun.id;
  };
  const simOf = (uuid: string) => world.sims.find((sim) => sim.vms.has(uuid));
  const counts = async (): Promise<unknown> => {
    const { rows } = await world.database.pool.query(
      `select (select count(*) from vms) vms, (select count(*) from nics) nics, (select count(*) from volumes) volumes,
       (select count(*) from attachments) attachments, (select count(*) from task_locks) locks`,
    );
    return rows[0];
  };

  test("CMP-01: a VM is created from a request, runs on a chosen host, and can be read at once", async () => {
    const begun = await create({ name: "first" });
    const early = await world.vms.get(begun.id);
    assert.equal(early.vm.state, "creating");
    await world.done(begun);
    const { vm, nics, disks } = await world.vms.get(begun.id);
    assert.equal(vm.state, "running");
    assert.equal(simOf(vm.uuid)?.vms.get(vm.uuid)?.power, "running");
    assert.equal(vm.vnc, null);
    assert.equal(disks[0]?.volume.status, "inUse");
    assert.match(nics[0]?.mac ?? "", /^2a:6e:d4:/);
    assert.match(vm.vncPassword, /^[A-Za-z0-9]{8}$/);
    await world.done(await world.vms.remove(OPERATOR, begun.id, { isKeepingDisks: false }));
  });

  test("the guest of a new VM is customized as that of a clone, with the MACs that it got", async () => {
    const vmCustomization = {
      hostname: "web-1",
      password: "Secret-1a",
      nicSpecification: [{ sequenceNum: 1, ip: "10.0.0.9", netmask: "255.255.255.0" }],
    };
    const id = await made({ vmCustomization, publickey: "ssh-ed25519 AAAA me" });
    const { vm, nics } = await world.vms.get(id);
    const seed = simOf(vm.uuid)?.vms.get(vm.uuid)?.spec.seed;
    assert.deepEqual([seed?.hostname, seed?.sshKeys], ["web-1", ["ssh-ed25519 AAAA me"]]);
    assert.deepEqual(
      seed?.nics.map((nic) => [nic.mac, nic.address]),
      [[nics[0]?.mac, "10.0.0.9/24"]],
    );
    await world.done(await world.vms.remove(OPERATOR, id, { isKeepingDisks: false }));
  });

  test("CMP-02, CMP-03: every power action does what it says and refuses what does not fit", async () => {
    const id = await made();
    const state = async () => (await world.vms.get(id)).vm.state;
    await assert.rejects(world.vms.start(OPERATOR, id), { code: "VM_ALREADY_RUNNING" });
    await assert.rejects(world.vms.resume(OPERATOR, id), { code: "VM_WRONG_STATE" });
    await world.done(await world.vms.pause(OPERATOR, id));
    assert.equal(await state(), "paused");
    await world.done(await world.vms.resume(OPERATOR, id));
    await world.done(await world.vms.hibernate(OPERATOR, id));
    assert.equal(await state(), "hibernated");
    await assert.rejects(world.vms.hibernate(OPERATOR, id), { code: "VM_ALREADY_HIBERNATED" });
    await world.done(await world.vms.start(OPERATOR, id));
    assert.equal(await state(), "running");
    await world.done(await world.vms.reboot(OPERATOR, id, "force"));
    await world.done(await world.vms.stop(OPERATOR, id, "force"));
    assert.equal(await state(), "stopped");
    await assert.rejects(world.vms.stop(OPERATOR, id, "force"), { code: "VM_ALREADY_STOPPED" });
    await assert.rejects(world.vms.reboot(OPERATOR, id, "force"), { code: "VM_WRONG_STATE" });
    await world.done(await world.vms.remove(OPERATOR, id, { isKeepingDisks: false }));
  });

  test("of fifty requests for one VM at once one wins, the others are told it is busy", async () => {
    const id = await made();
    const outcomes = await Promise.allSettled(
      Array.from({ length: 50 }, () => world.vms.stop(OPERATOR, id, "force")),
    );
    const won = outcomes.filter((outcome) => outcome.status === "fulfilled");
    assert.equal(won.length, 1);
    for (const outcome of outcomes) {
      if (outcome.status === "rejected")
        assert.match(outcome.reason.code, /^VM_(BUSY|WRONG_STATE|ALREADY_STOPPED)$/);
    }
    await world.done((won[0] as PromiseFulfilledResult<{ taskId: number }>).value);
    await world.done(await world.vms.remove(OPERATOR, id, { isKeepingDisks: false }));
  });

  test("refused requests change nothing", async () => {
    const nic = { portGroupUrn: world.urns.portGroup };
    const used = await made({}, { nics: [{ ...nic, mac: "28:6e:d4:00:00:01" }] });
    const atFirst = await counts();
    const disk = { quantityGB: 1, datastoreUrn: world.urns.datastore, isThin: true };
    const cases: [string, object, object, string][] = [
      ["CMP-28: a MAC in use", {}, { nics: [{ ...nic, mac: "28-6E-D4-00-00-01" }] }, "MAC_USED"],
      [
        "a MAC twice",
        {},
        {
          nics: [
            { ...nic, mac: "28:6e:d4:00:00:02" },
            { ...nic, mac: "28:6e:d4:00:00:02" },
          ],
        },
        "MAC_USED",
      ],
      ["a multicast MAC", {}, { nics: [{ ...nic, mac: "01:00:5e:00:00:02" }] }, "MAC_NOT_UNICAST"],
      [
        "no port group",
        {},
        { nics: [{ portGroupUrn: "urn:sites:00000000:dvswitchs:1:portgroups:999999" }] },
        "PORT_GROUP_MISSING",
      ],
      ["no cluster", { location: "urn:sites:00000000:clusters:999999" }, {}, "CLUSTER_MISSING"],
      ["no host", { location: "urn:sites:00000000:hosts:999999" }, {}, "HOST_MISSING"],
      ["a location that is none", { location: "../../etc" }, {}, "VM_LOCATION_INVALID"],
      [
        "no datastore",
        {},
        { disks: [{ ...disk, datastoreUrn: "urn:sites:00000000:datastores:999999" }] },
        "DATASTORE_MISSING",
      ],
      [
        "a slot twice",
        {},
        {
          disks: [
            { ...disk, sequenceNum: 1 },
            { ...disk, sequenceNum: 1 },
          ],
        },
        "DISK_SLOT_USED",
      ],
      ["a disk without size", {}, { disks: [{ ...disk, quantityGB: 0 }] }, "DISK_SIZE_INVALID"],
      [
        "a disk larger than the room",
        {},
        { disks: [{ ...disk, isThin: false, quantityGB: 95 }] },
        "DATASTORE_TOO_SMALL",
      ],
      [
        "a volume that is not there",
        {},
        { disks: [{ volumeUrn: "urn:sites:00000000:volumes:999999" }] },
        "VOLUME_TO_BIND_MISSING",
      ],
      ["cores that do not divide", {}, { cpu: { quantity: 3, coresPerSocket: 2 } }, "CORES_INVALID"],
      ["CMP-07: more vCPUs than a host has", {}, { cpu: { quantity: 64 } }, "NOT_ENOUGH_CPU"],
      ["more memory than a host has", {}, { memory: { quantityMB: 900_000 } }, "NOT_ENOUGH_MEMORY"],
      ["a UUID that is none", { uuid: "x" }, {}, "VM_UUID_INVALID"],
      ["a VNC password with blanks", { vncAccessInfo: { vncPassword: "a b" } }, {}, "VNC_PASSWORD_INVALID"],
      ["a shared thin disk", {}, { disks: [{ ...disk, type: "share" }] }, "SHARED_THIN"],
    ];
    for (const [what, over, config, code] of cases) {
      await assert.rejects(create(over, config), { code }, what);
      assert.deepEqual(await counts(), atFirst, `${what} left something`);
    }
    await world.done(await world.vms.remove(OPERATOR, used, { isKeepingDisks: false }));
  });

  test("CMP-27: names may repeat", async () => {
    const [one, two] = [await made({ name: "same" }), await made({ name: "same" })];
    assert.notEqual(one, two);
    for (const id of [one, two])
      await world.done(await world.vms.remove(OPERATOR, id, { isKeepingDisks: false }));
  });

  test("placement spreads VMs over the hosts, and a host that is away gets none", async () => {
    const ids = await Promise.all(Array.from({ length: 6 }, () => made()));
    assert.deepEqual(
      world.sims.map((sim) => sim.vms.size),
      [3, 3],
    );
    await world.setHostStatus(0, "fault");
    const late = await made();
    assert.equal((await world.vms.get(late)).vm.hostId, world.hostIds[1]);
    await world.setHostStatus(0, "normal");
    for (const id of [...ids, late])
      await world.done(await world.vms.remove(OPERATOR, id, { isKeepingDisks: false }));
  });

  test("volumes are attached and detached, running or not, and go only when free", async () => {
    const id = await made();
    const begun = await world.volumes.create(OPERATOR, {
      quantityGB: 1,
      datastoreUrn: world.urns.datastore,
      isThin: true,
      type: "normal",
    });
    await world.done(begun);
    const volUrn = `urn:sites:00000000:volumes:${begun.id}`;
    await assert.rejects(world.vms.detachVolume(OPERATOR, id, { volUrn }), { code: "VOLUME_NOT_ATTACHED" });
    await world.done(await world.vms.attachVolume(OPERATOR, id, { volUrn }));
    await assert.rejects(world.vms.attachVolume(OPERATOR, id, { volUrn }), { code: "VOLUME_ATTACHED_HERE" });
    await assert.rejects(world.volumes.remove(OPERATOR, begun.id), { code: "VOLUME_BOUND" });
    const { vm, disks } = await world.vms.get(id);
    assert.equal(disks.length, 2);
    assert.equal(simOf(vm.uuid)?.vms.get(vm.uuid)?.spec.disks.length, 2);
    await assert.rejects(
      world.vms.detachVolume(OPERATOR, id, { volUrn: `urn:sites:00000000:volumes:${disks[0]?.volume.id}` }),
      {
        code: "SYSTEM_DISK",
      },
    );
    await world.done(await world.vms.detachVolume(OPERATOR, id, { volUrn }));
    await world.done(await world.volumes.remove(OPERATOR, begun.id));
    await assert.rejects(world.volumes.get(begun.id), { code: "VOLUME_NOT_FOUND" });
    await world.done(await world.vms.remove(OPERATOR, id, { isKeepingDisks: false }));
  });

  test("NICs come and go", async () => {
    const id = await made();
    const begun = await world.vms.attachNic(OPERATOR, id, { portGroupUrn: world.urns.portGroup });
    assert.equal(begun.index, 1);
    await world.done(begun);
    assert.equal((await world.vms.get(id)).nics.length, 2);
    await world.done(await world.vms.detachNic(OPERATOR, id, 1));
    await assert.rejects(world.vms.detachNic(OPERATOR, id, 1), { code: "NIC_MISSING" });
    await world.done(await world.vms.remove(OPERATOR, id, { isKeepingDisks: false }));
  });

  test("CMP-26: name, CPU and memory change when stopped; a running VM is not resized", async () => {
    const id = await made();
    const change = readBody(ModifyVmRequest, {
      name: "n",
      cpu: { quantity: 2 },
      memory: { quantityMB: 512 },
    });
    await assert.rejects(world.vms.modify(OPERATOR, id, change), { code: "VM_WRONG_STATE" });
    await world.done(await world.vms.stop(OPERATOR, id, "force"));
    await world.done(await world.vms.modify(OPERATOR, id, change));
    const { vm } = await world.vms.get(id);
    assert.deepEqual([vm.name, vm.cpu.count, vm.cpu.shares, vm.memory.sizeMiB], ["n", 2, 2000, 512]);
    assert.equal(simOf(vm.uuid)?.vms.get(vm.uuid)?.spec.memoryMiB, 512);
    await world.done(await world.vms.remove(OPERATOR, id, { isKeepingDisks: false }));
  });

  test("CMP-04, CMP-05: a template cannot start; VMs deployed from it have own UUIDs, MACs and disks", async () => {
    const id = await made({ autoBoot: false });
    await world.done(await world.vms.modify(OPERATOR, id, { isTemplate: true }));
    await assert.rejects(world.vms.start(OPERATOR, id), { code: "VM_IS_TEMPLATE" });
    const clones: number[] = [];
    for (const name of ["one", "two"]) {
      const begun = await world.vms.clone(OPERATOR, id, readBody(CloneVmRequest, { name }));
      await world.done(begun);
      clones.push(begun.id);
    }
    const [one, two] = await Promise.all(clones.map((each) => world.vms.get(each)));
    assert.equal(one?.vm.state, "running");
    assert.notEqual(one?.nics[0]?.mac, two?.nics[0]?.mac);
    assert.notEqual(one?.disks[0]?.volume.uuid, two?.disks[0]?.volume.uuid);
    for (const each of [...clones, id])
      await world.done(await world.vms.remove(OPERATOR, each, { isKeepingDisks: false }));
  });

  test("kept disks outlive their VM and can be used again", async () => {
    const id = await made();
    const { disks } = await world.vms.get(id);
    const volumeId = disks[0]?.volume.id ?? 0;
    await world.done(await world.vms.remove(OPERATOR, id, { isKeepingDisks: true }));
    assert.equal((await world.volumes.get(volumeId)).status, "inUse");
    const second = await made(
      {},
      { disks: [{ sequenceNum: 1, volumeUrn: `urn:sites:00000000:volumes:${volumeId}` }] },
    );
    await world.done(await world.vms.remove(OPERATOR, second, { isKeepingDisks: false }));
    await assert.rejects(world.volumes.get(volumeId), { code: "VOLUME_NOT_FOUND" });
  });

  test("a host that disappears for good: the create unwinds, what was made there is remembered, nothing else stays", async () => {
    const atFirst = await counts();
    const [sim] = world.sims;
    assert.ok(sim);
    sim.clearCalls();
    sim.faults.stall("defineVm");
    const begun = await create({ location: world.urns.hosts[0] as string });
    await waitUntil(() => sim.calls("defineVm").length > 0);
    await world.setHostStatus(0, "fault");
    sim.disconnect();
    const task = await world.ended(begun);
    sim.faults.clear();
    assert.equal(task.state, "failed");
    assert.equal(task.progress, 100);
    assert.deepEqual(await counts(), atFirst);
    const { rows } = await world.database.pool.query("select kind from host_cleanups order by kind");
    assert.deepEqual(
      rows.map((row) => row.kind).filter((kind) => kind === "vm"),
      ["vm"],
    );
    assert.equal([...world.store.volumes()].length, 0, "a shared volume is removed through the other host");
    sim.reconnect();
    await world.setHostStatus(0, "normal");
    await world.database.pool.query("delete from host_cleanups");
  });

  test("a VM whose host falls silent is unknown, cannot be started elsewhere, and is seen again", async () => {
    const id = await made({ location: world.urns.hosts[0] as string });
    const [sim] = world.sims;
    sim?.disconnect();
    await world.reconciler.hostLost(world.hostIds[0] as number);
    await world.setHostStatus(0, "fault");
    assert.equal((await world.vms.get(id)).vm.state, "unknown");
    await assert.rejects(world.vms.start(OPERATOR, id), { code: "VM_WRONG_STATE" });
    sim?.reconnect();
    await world.setHostStatus(0, "normal");
    await world.reconciler.reconcileHost(world.hostIds[0] as number);
    assert.equal((await world.vms.get(id)).vm.state, "running");
    await world.done(await world.vms.remove(OPERATOR, id, { isKeepingDisks: false }));
  });

  test("a stopped VM starts on another host when its own is away, and the old definition goes when that returns", async () => {
    const id = await made({ autoBoot: false });
    const { vm } = await world.vms.get(id);
    const home = world.hostIds.indexOf(vm.hostId ?? 0);
    world.sims[home]?.disconnect();
    await world.setHostStatus(home, "fault");
    await world.done(await world.vms.start(OPERATOR, id));
    assert.equal((await world.vms.get(id)).vm.hostId, world.hostIds[1 - home]);
    world.sims[home]?.reconnect();
    await world.setHostStatus(home, "normal");
    await world.reconciler.reconcileHost(world.hostIds[home] as number);
    assert.equal(world.sims[home]?.vms.has(vm.uuid), false);
    await world.database.pool.query("delete from host_cleanups");
    await world.done(await world.vms.remove(OPERATOR, id, { isKeepingDisks: false }));
  });

  test("a definition that vanished from its host is written again", async () => {
    const id = await made({ autoBoot: false });
    const { vm } = await world.vms.get(id);
    const sim = simOf(vm.uuid);
    sim?.vms.delete(vm.uuid);
    await world.reconciler.reconcileHost(vm.hostId ?? 0);
    assert.equal(sim?.vms.get(vm.uuid)?.power, "stopped");
    await world.done(await world.vms.remove(OPERATOR, id, { isKeepingDisks: false }));
  });

  test("a VM that is as it was is not written again, round after round", async () => {
    const id = await made();
    const { vm } = await world.vms.get(id);
    // A guest that finished booting in between would be news.
    simOf(vm.uuid)?.setGuest(vm.uuid, { hasAgent: false });
    const look = async (): Promise<unknown> => {
      await world.reconciler.reconcileHost(vm.hostId ?? 0);
      const { rows } = await world.database.pool.query("select xmin, guest from vms where id = $1", [id]);
      return rows[0];
    };
    const seen = (await look()) as { guest: unknown };
    assert.ok(seen.guest, "what the guest said is known, so that it could differ");
    assert.deepEqual(await look(), seen);
    await world.done(await world.vms.remove(OPERATOR, id, { isKeepingDisks: false }));
  });

  test("a guest that shuts down by itself is seen as stopped, a crashed one as fault", async () => {
    const id = await made();
    const { vm } = await world.vms.get(id);
    simOf(vm.uuid)?.shutDownFromInside(vm.uuid);
    await world.reconciler.reconcileVm(vm.hostId ?? 0, vm.uuid);
    assert.equal((await world.vms.get(id)).vm.state, "stopped");
    await world.done(await world.vms.start(OPERATOR, id));
    simOf(vm.uuid)?.crashVm(vm.uuid);
    await world.reconciler.reconcileVm(vm.hostId ?? 0, vm.uuid);
    assert.equal((await world.vms.get(id)).vm.state, "fault");
    await world.done(await world.vms.remove(OPERATOR, id, { isKeepingDisks: false }));
  });

  test("nothing is left of all this", async () => {
    assert.deepEqual(await counts(), { vms: "0", nics: "0", volumes: "0", attachments: "0", locks: "0" });
    assert.deepEqual(
      world.sims.map((sim) => sim.vms.size),
      [0, 0],
    );
    assert.equal([...world.store.volumes()].length, 0);
  });
});

async function waitUntil(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!holds()) {
    assert.ok(Date.now() < deadline, "what was awaited did not happen");
    await new Promise((wake) => setTimeout(wake, 10));
  }
}
