import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { connect } from "node:net";
import { test } from "node:test";
import { Viewer } from "@sinter/rfb";
import { IMAGE, startRealManager } from "./testing/real-manager.ts";
import { MAIN, run, runProgram } from "./testing/run.ts";

/* The command line against the true manager, on simulated hosts. */

test("from login to logout: hosts, a VM's whole life, volumes, NICs, users, tasks", async (t) => {
  await using manager = await startRealManager();
  const sinter = async (line: string, options: Parameters<typeof run>[2] & { code?: number } = {}) => {
    const { code = 0, ...rest } = options;
    const result = await run(manager, line.split(" "), rest);
    assert.equal(result.code, code, `sinter ${line}\n${result.stdout}${result.stderr}`);
    return result;
  };
  const json = async (line: string) => JSON.parse((await sinter(`${line} --json`)).stdout);
  const ca = join(manager.home, "ca.pem");
  await writeFile(ca, manager.ca);

  await t.test("login", async () => {
    await sinter("vm ls", { code: 3 });
    const words = `login ${manager.url} --ca ${ca} --user admin --password-stdin`;
    await sinter(words, { code: 3, input: "Wrong-Password1" });
    const { stdout } = await sinter(words, { input: manager.password });
    assert.match(stdout, /Logged in to https:.* as admin \(administrator\)/);
  });

  await t.test("inventory", async () => {
    assert.match((await sinter("cluster ls")).stdout, /main +\d+/);
    const { stdout } = await sinter("host ls");
    assert.equal(stdout.trim().split("\n").length, 3);
    assert.match(stdout, /normal +127\.0\.0\.1 +32 +128 GiB +(kvm|emulated) +main/);
    assert.match((await sinter("datastore ls")).stdout, /shared +\d+ +NORMAL .* 2 +\/srv\/shared/);
    assert.match((await sinter("datastore images shared")).stdout, /mini\.qcow2 +qcow2 .*256 MiB/);
    assert.match((await sinter("portgroup ls")).stdout, /lan +\d+ +edge +0 +access/);
    const [host] = await json("host ls");
    assert.match((await sinter(`host show ${host.name}`)).stdout, /^Accelerator +(kvm|emulated)/m);
    assert.match((await sinter("host join-token --minutes 5")).stdout, /^sinter-agent join|join/);
  });

  await t.test("places made and taken away again", async () => {
    await sinter("cluster create edge --description far");
    await sinter("cluster create edge", { code: 5 });
    await sinter("cluster rm main --yes", { code: 5 });
    await sinter("cluster rm edge --yes");
    await sinter("switch create core --mtu 9000");
    assert.match(
      (await sinter("portgroup create lan --switch core --vlan 7")).stdout,
      /Port group lan \(\d+\)/,
    );
    await sinter("portgroup create all --switch core --trunk 1-10,20");
    assert.match((await sinter("portgroup ls --switch core")).stdout, /all +\d+ +core +1-10,20 +trunk/);
    await sinter("switch rm core --yes", { code: 5 });
    await sinter("portgroup rm lan --yes", { code: 2 });
    await sinter("portgroup rm core/lan --yes");
    await sinter("portgroup rm all --yes");
    await sinter("switch rm core --yes");
    await sinter("datastore create nowhere --path /srv/nowhere", { code: 1 });
    const spare = "datastore create spare --path /srv/spare --shared";
    assert.match((await sinter(spare)).stdout, /Datastore spare \(\d+\) was created on 2 host\(s\)\./);
    assert.match((await sinter("datastore ls")).stdout, /spare +\d+ +NORMAL .* 2 +\/srv\/spare/);
    assert.equal((await json("datastore rm spare --yes")).status, "success");
  });

  await t.test("a VM's life", async () => {
    const made = await sinter(`vm create web --cpu 2 --memory 512 --disk 1G:thin --image ${IMAGE} --nic lan`);
    assert.match(made.stdout, /VM web \(i-[0-9A-F]{8}\) was created and is running on /);
    assert.match(made.stderr, /CreateVmTask web: success, 100 %/);
    const vm = await json("vm show web");
    assert.equal(vm.vmConfig.cpu.quantity, 2);
    assert.equal(vm.vmConfig.nics[0].portGroupName, "lan");
    assert.match((await sinter("vm ls")).stdout, /web +i-\w+ +running +2 +512 MiB/);

    await sinter("vm start web", { code: 5 });
    await sinter("vm suspend web");
    await sinter("vm resume web");
    await sinter("vm hibernate web");
    await sinter("vm start web");
    await sinter("vm reboot web");
    assert.match((await sinter("vm vnc web")).stdout, /^Address +\S+:\d+\nPassword +\S+/);
    await sinter("vm stop web --force");
    await sinter("vm vnc web", { code: 5 });
    await sinter("vm set web --cpu 4 --memory 1G");
    await sinter("vm rename web www");
    assert.equal((await json("vm show www")).vmConfig.cpu.quantity, 4);
    await sinter("vm show web", { code: 4 });
    await sinter("vm set www --cpu 3000", { code: 1 });
    await sinter("vm clone www copy --no-start");
    assert.equal((await json("vm show copy")).status, "stopped");
    await sinter("vm set copy --template");
    assert.deepEqual(
      (await json("vm ls --templates")).map((each: { name: string }) => each.name),
      ["copy"],
    );
    await sinter("vm clone copy third");
    await sinter("vm rm third --yes");
    await sinter("vm rm copy --yes");
  });

  await t.test("ISO files and CDs", async () => {
    const file = join(manager.home, "Rescue Disk.iso");
    // More than one piece.
    await writeFile(file, Buffer.alloc(5 * 1024 * 1024, "rescue"));
    const sent = await run(manager, ["iso", "upload", file, "--datastore", "shared"]);
    assert.equal(sent.code, 0, sent.stderr);
    assert.match(sent.stdout, /Rescue Disk\.iso is on shared, SHA-256 [0-9a-f]{64}\./);
    assert.match(sent.stderr, /Upload Rescue Disk\.iso: running, 40 %/);
    assert.equal(
      (await run(manager, ["iso", "upload", file, "--datastore", "shared"])).code,
      5,
      "it is there",
    );
    assert.equal((await run(manager, ["iso", "upload", "/nosuch.iso", "--datastore", "shared"])).code, 2);
    assert.equal(
      (await run(manager, ["iso", "upload", file, "--datastore", "shared", "--name", "a/b"])).code,
      1,
    );
    assert.match(
      (await sinter("iso ls")).stdout,
      /Rescue Disk\.iso +\d+ +ready +5 MiB +100 % +\d+@Rescue Disk\.iso +0 /,
    );
    const [iso] = await json("iso ls --datastore shared");
    await sinter("vm create cd --cpu 1 --memory 256 --disk 1G:thin --no-start");
    const attach = await run(manager, ["vm", "attach-iso", "cd", "Rescue Disk"]);
    assert.match(attach.stdout, /VM cd has Rescue Disk\.iso in its CD drive\./);
    assert.match((await sinter("vm show cd")).stdout, /^CD +\d+@Rescue Disk\.iso$/m);
    await sinter(`vm attach-iso cd ${iso.id}`, { code: 5 });
    const held = await sinter(`iso rm ${iso.id} --yes`, { code: 5 });
    assert.match(held.stderr, /in the CD drive of cd \(i-/);
    assert.match((await sinter("vm detach-iso cd")).stdout, /The CD drive of VM cd is empty\./);
    await sinter("vm detach-iso cd", { code: 5 });
    await sinter(`iso rm ${iso.id} --yes`);
    assert.deepEqual(await json("iso ls"), []);
    await sinter("vm attach-iso cd nothing", { code: 4 });
    await sinter("vm rm cd --yes");
  });

  await t.test("the screen: for a viewer of this machine, by way of the manager", async () => {
    await sinter("vm screen www", { code: 5 });
    assert.match(
      (await sinter("vm screen www --check", { code: 5 })).stdout,
      /^vm +no +The VM has no console/m,
    );
    await sinter("vm start www");
    assert.match((await sinter("vm screen www --check")).stdout, /^screen +yes +QEMU shows 64 × 48 pixels/m);
    const child = spawn(process.execPath, [MAIN, "vm", "screen", "www", "--once", "--json"], {
      env: { PATH: process.env.PATH, HOME: manager.home, SINTER_STATE: join(manager.home, "state") },
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      const ended = once(child, "exit");
      let text = "";
      for await (const chunk of child.stdout) {
        text += String(chunk);
        if (text.trimEnd().endsWith("}")) break;
      }
      const door = JSON.parse(text) as { host: string; port: number; password: string };
      assert.equal(door.host, "127.0.0.1");
      const signal = AbortSignal.timeout(20_000);
      await assert.rejects(Viewer.open(connect(door), { password: "guess", signal }), /password is wrong/);
      {
        using viewer = await Viewer.open(connect(door), { password: door.password, signal });
        assert.equal((await viewer.look()).width, 64);
      }
      assert.deepEqual(await ended, [0, null]);
    } finally {
      child.kill();
    }
    await sinter("vm stop www --force");
  });

  await t.test("the serial console, fed from a pipe", async () => {
    await sinter("vm start www");
    const spoken = await runProgram(process.execPath, [MAIN, "vm", "console", "www", "--linger", "1"], {
      home: manager.home,
      input: "root\r",
    });
    assert.equal(spoken.code, 0, spoken.stderr);
    assert.match(spoken.stdout, /i-\w+ login: root\r\n/);
    await sinter("vm stop www --force");
    await sinter("vm console www", { code: 5 });
  });

  await t.test("volumes and NICs", async () => {
    assert.match(
      (await sinter("volume create data --size 2G --datastore shared --kind thin")).stdout,
      /was created/,
    );
    await sinter("volume attach data www");
    assert.equal((await json("vm show www")).vmConfig.disks.length, 2);
    await sinter("volume rm data --yes", { code: 5 });
    await sinter("volume detach data");
    await sinter("volume rm data --yes");
    assert.deepEqual(await json("volume ls --name data"), []);
    await sinter("vm nic add www edge/lan:28:6e:d4:00:00:09");
    const { nics } = (await json("vm show www")).vmConfig;
    assert.equal(nics.at(-1).mac, "28:6e:d4:00:00:09");
    await sinter(`vm nic rm www ${nics.at(-1).sequenceNum} --yes`);
  });

  await t.test("two VMs of one name", async () => {
    const [first, second] = [
      await json("vm create twin --no-start"),
      await json("vm create twin --no-start"),
    ];
    const { stderr } = await sinter("vm start twin", { code: 2 });
    for (const task of [first, second]) {
      const id = task.entityUrn.split(":").at(-1);
      assert.ok(stderr.includes(id), stderr);
      await sinter(`vm rm ${id} --yes`);
    }
  });

  await t.test("a task that fails, and one that is cancelled", async () => {
    const failed = await sinter("vm create huge --memory 900G --disk 1", { code: 1 });
    assert.match(failed.stderr, /Error: .*\(\d{8}\)/);
    for (const host of manager.hosts) host.faults.stall("startVm");
    const { taskUri } = await json("vm start www --no-wait");
    const id = taskUri.split("/").at(-1);
    assert.match((await sinter("task ls --status running")).stdout, new RegExp(`${id} +\\w+ +www +running`));
    await sinter("vm start www", { code: 5 });
    await sinter(`task cancel ${id}`);
    for (const host of manager.hosts) host.faults.release();
    await sinter(`task watch ${id}`, { code: 1 });
    assert.match((await sinter(`task show ${id}`)).stdout, /STEP +STATE/);
    assert.equal((await json("vm show www")).status, "stopped");
  });

  await t.test("maintenance", async () => {
    const [host] = await json("host ls");
    await sinter(`host maintenance enter ${host.name}`);
    assert.match((await sinter("host ls")).stdout, /normal, maintenance/);
    await sinter(`host maintenance enter ${host.name}`, { code: 5 });
    await sinter(`host maintenance exit ${host.name}`);
  });

  await t.test("users", async () => {
    const file = join(manager.home, "bob");
    await writeFile(file, "Correct-Horse-9\n");
    await sinter(`user create bob --role readonly --password-file ${file}`);
    assert.match((await sinter("user ls")).stdout, /bob +\S+ +readonly/);
    const words = `login ${manager.url} --context bob --ca ${ca} --user bob --password-file ${file}`;
    assert.match((await sinter(words, { code: 3 })).stderr, /--new-password-file/);
    const fresh = join(manager.home, "bob-new");
    await writeFile(fresh, "Battery-Staple-7\n");
    await sinter(`${words} --new-password-file ${fresh}`);
    await sinter("vm ls");
    await sinter("vm start www", { code: 1 });
    await sinter("context use 127.0.0.1");
    await sinter("user rm bob --yes");
    await sinter("vm ls --context bob", { code: 3 });
  });

  await t.test("logout", async () => {
    await sinter("vm rm www --yes");
    assert.deepEqual(await json("vm ls"), []);
    await sinter("logout");
    await sinter("vm ls", { code: 3 });
  });
});
