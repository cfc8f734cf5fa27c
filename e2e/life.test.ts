import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { readIfThere, waitFor } from "@sinter/kit";
import { runDemo } from "../tools/demo/demo.ts";
import { TEMPLATE } from "../tools/stand/furnish.ts";
import { openScreen } from "./vnc.ts";
import { becomes, openScene, outcome, type Scene } from "./scene.ts";

/* Real hosts, real libvirt and QEMU, real Open vSwitch, a real PostgreSQL: what dies here really dies. */

describe("a cluster of two hosts", { timeout: 900_000 }, () => {
  let scene: Scene;
  before(async () => {
    scene = await openScene(2);
  });
  after(() => scene?.stand[Symbol.asyncDispose]());

  test("CNA-01, CNA-02, GEN-01: hosts report what they are, and say when they emulate", async () => {
    const { items } = await scene.client.hosts.list();
    assert.equal(items.length, 2);
    assert.notEqual(items[0]?.uuid, items[1]?.uuid);
    for (const host of items) {
      assert.equal(host.status, "normal");
      assert.ok(host.accelerator === "kvm" || host.acceleratorReason, "an emulating host says why");
      assert.ok(host.cpuQuantity >= 1 && host.memQuantityMB > 0);
    }
  });

  test("CMP-01, GEN-07: a VM boots from an image, gets an address by DHCP and sees its own hardware", async () => {
    const uri = await scene.create(scene.guest("guest"));
    const ip = await waitFor(
      "The guest's address",
      async () => {
        const { vmConfig } = await scene.client.vms.get(uri);
        const address = vmConfig?.nics[0]?.ip;
        return address && address !== "0.0.0.0" ? address : undefined;
      },
      { timeoutMs: 120_000, intervalMs: 300 },
    );
    assert.match(ip, /^172\.31\.0\.\d+$/);
    const vm = await scene.client.vms.get(uri);
    assert.equal(vm.pvDriverStatus, "running");
    const host = await scene.hostOf(uri);
    const domain = uri.split("/").at(-1) ?? "";
    const memory = await scene.stand.lab.exec(host, "virsh", [
      "qemu-agent-command",
      domain,
      JSON.stringify({ execute: "guest-get-vcpus" }),
    ]);
    assert.equal(JSON.parse(memory.stdout).return.length, 1);
    // The guest shuts down when it is asked to.
    await scene.client.tasks.wait(await scene.client.vms.stop(uri, "safe"), { timeoutMs: 120_000 });
    assert.equal(await scene.status(uri), "stopped");
    await scene.remove(uri);
  });

  test("the VNC screen of a running VM opens with its password and with no other", async () => {
    const uri = await scene.create(scene.bare("screen"));
    const { vncAcessInfo: vnc } = await scene.client.vms.get(uri);
    assert.ok(vnc?.hostIp && vnc.vncPort > 0 && vnc.vncPassword);
    const size = await openScreen(vnc.hostIp, vnc.vncPort, vnc.vncPassword);
    assert.ok(size.width >= 320 && size.height >= 200);
    await assert.rejects(openScreen(vnc.hostIp, vnc.vncPort, "wrong"), /password is wrong/);
    await scene.client.vms.resetVncPassword(uri);
    await assert.rejects(openScreen(vnc.hostIp, vnc.vncPort, vnc.vncPassword), /password is wrong/);
    const renewed = (await scene.client.vms.get(uri)).vncAcessInfo;
    await openScreen(vnc.hostIp, vnc.vncPort, renewed?.vncPassword ?? "");
    await scene.remove(uri);
  });

  test("the serial console greets through manager and agent", async () => {
    const uri = await scene.create(scene.guest("serial"));
    const line = await scene.client.openConsole(uri);
    let text = "";
    line.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    await waitFor("The login prompt", () => (/login:/.test(text) ? true : undefined), { timeoutMs: 120_000 });
    line.destroy();
    await scene.remove(uri);
  });

  test("CMP-04: a clone takes host name and address of its customization", async () => {
    const template = await scene.create({ ...scene.guest("base"), autoBoot: false, isTemplate: true });
    const nicSpecification = [{ sequenceNum: 1, ip: "172.31.0.77", netmask: "255.255.255.0" }];
    const answer = await scene.client.vms.clone(template, {
      name: "custom",
      vmCustomization: { osType: "Linux", hostname: "custom-host", nicSpecification },
    });
    await scene.client.tasks.wait(answer, { timeoutMs: 120_000 });
    await waitFor(
      "The guest being customized",
      async () => {
        const { vmConfig, osOptions } = await scene.client.vms.get(answer.uri ?? "");
        return vmConfig?.nics[0]?.ip === "172.31.0.77" && osOptions?.hostname === "custom-host"
          ? true
          : undefined;
      },
      { timeoutMs: 120_000, intervalMs: 500 },
    );
    await scene.remove(answer.uri ?? "");
    await scene.remove(template);
  });

  test("CMP-31, CNA-06, VRM-22, GEN-09: a VM's description lies beside its disks and goes with it", async () => {
    const uri = await scene.create({ ...scene.bare("described"), autoBoot: false });
    const id = uri.split("/").at(-1) ?? "";
    const [host] = scene.stand.lab.hosts;
    const file = (await host?.path(`/var/lib/sinter/datastores/shared/vms/${id}/${id}.xml`)) ?? "";
    assert.match((await readIfThere(file)) ?? "", /<domain/);
    await scene.remove(uri);
    assert.equal(await readIfThere(file), undefined);
  });

  test("CNA-03: killing the agent leaves the VM alone; the host is seen again when it is back", async () => {
    const uri = await scene.create(scene.bare("agent-killed"));
    const host = await scene.hostOf(uri);
    const pid = await scene.pidOf(host, uri);
    assert.ok(pid);
    await host.kill("agent");
    await waitFor(
      "The agent being back",
      async () => {
        const { processes } =
          (await scene.stand.lab.status()).hosts.find((each) => each.name === host.name) ?? {};
        const { items } = await scene.client.hosts.list({ name: host.name });
        return processes?.agent === "running" && items[0]?.status === "normal" ? true : undefined;
      },
      { timeoutMs: 60_000, intervalMs: 300 },
    );
    assert.equal(await scene.pidOf(host, uri), pid);
    await becomes(scene, uri, "running");
    await scene.remove(uri);
  });

  test("killing libvirtd leaves the VM alone, and it can be stopped afterwards", async () => {
    const uri = await scene.create(scene.bare("libvirtd-killed"));
    const host = await scene.hostOf(uri);
    const pid = await scene.pidOf(host, uri);
    await host.kill("libvirtd");
    await host.start("libvirtd");
    assert.equal(await scene.pidOf(host, uri), pid);
    await scene.client.tasks.wait(await scene.client.vms.stop(uri, "force"), { timeoutMs: 60_000 });
    assert.equal(await scene.status(uri), "stopped");
    await scene.remove(uri);
  });

  test("PostgreSQL restarts in the middle of work: nothing is lost", async () => {
    const answers = await Promise.all(
      ["a", "b", "c"].map((name) => scene.client.vms.create(scene.bare(name))),
    );
    await scene.stand.postgres.kill9();
    await scene.stand.postgres.start();
    for (const answer of answers) assert.equal(await outcome(scene.client, answer), "success");
    for (const answer of answers) await scene.remove(answer.uri ?? "");
  });

  test("a host loses power: its VM is unknown, then stopped, then runs again", async () => {
    const uri = await scene.create(scene.bare("power"));
    const host = await scene.hostOf(uri);
    await host.powerOff();
    await becomes(scene, uri, "unknown");
    await host.powerOn();
    await becomes(scene, uri, "stopped");
    await scene.client.tasks.wait(await scene.client.vms.start(uri), { timeoutMs: 60_000 });
    assert.equal(await scene.status(uri), "running");
    await scene.remove(uri);
  });

  test("a host is cut from the management network: its VM runs on and is seen again", async () => {
    const uri = await scene.create(scene.bare("cut"));
    const host = await scene.hostOf(uri);
    const pid = await scene.pidOf(host, uri);
    await host.cut("management");
    await becomes(scene, uri, "unknown");
    assert.equal(await scene.pidOf(host, uri), pid);
    await host.mend("management");
    await becomes(scene, uri, "running");
    await scene.remove(uri);
  });

  test("a host that dies in the middle of a create leaves no row, no lock and no disk", async () => {
    const { client } = scene;
    const [urn] = (await client.hosts.list({ name: "h1" })).items.map((each) => each.urn);
    const answer = await client.vms.create({ ...scene.bare("doomed"), location: urn ?? "" });
    const host = scene.stand.lab.host("h1");
    await host.powerOff();
    const ended = await outcome(client, answer);
    await host.powerOn();
    if (ended === "success") await scene.remove(answer.uri ?? "");
    else await assert.rejects(client.vms.get(answer.uri ?? ""), { errorCode: "10300001" });
    await waitFor(
      "The host being back and clean",
      async () => {
        const { stdout } = await scene.stand.lab
          .exec(host, "virsh", ["list", "--all", "--name"])
          .catch(() => ({ stdout: "x" }));
        const volumes = await client.volumes.list();
        return stdout.trim() === "" && volumes.total === 0 ? true : undefined;
      },
      { timeoutMs: 120_000, intervalMs: 500 },
    );
  });

  test("a domain that the manager does not know is left alone and reported", async () => {
    const host = scene.stand.lab.host("h2");
    const xml =
      "<domain type='qemu'><name>foreign</name><memory unit='MiB'>64</memory><os><type>hvm</type></os></domain>";
    await scene.stand.lab.exec(host, "virsh", ["define", "/dev/stdin"], { input: xml }).catch(async () => {
      const { writeFile } = await import("node:fs/promises");
      await writeFile(await host.path("/var/lib/sinter/foreign.xml"), xml);
      await scene.stand.lab.exec(host, "virsh", ["define", "/var/lib/sinter/foreign.xml"]);
    });
    const [entry] = (await scene.client.hosts.list({ name: "h2" })).items;
    const found = await scene.client.hosts.unmanagedVms(entry?.uri ?? "");
    assert.ok(JSON.stringify(found).includes("foreign"));
    await scene.stand.lab.exec(host, "virsh", ["undefine", "foreign"]);
  });

  test("API-08: the public clients' calls pass against real hosts", async () => {
    const template = { ...scene.guest(TEMPLATE), autoBoot: false, isTemplate: true };
    const uri = await scene.create(template);
    const lines: string[] = [];
    await runDemo(scene.stand.access, (line) => lines.push(line));
    assert.match(lines.at(-1) ?? "", /^Every call answered/);
    await scene.remove(uri);
  });

  test("hosts share nothing by mistake and nothing is left on them", async () => {
    for (const host of scene.stand.lab.hosts) {
      const { stdout } = await scene.stand.lab.exec(host, "virsh", ["list", "--all", "--name"]);
      assert.equal(stdout.trim(), "");
      const volumes = await scene.stand.lab.exec(host, "find", [
        "/var/lib/sinter/datastores/shared",
        "-name",
        "*.qcow2",
        "-not",
        "-path",
        "*/images/*",
      ]);
      assert.equal(volumes.stdout.trim(), "");
    }
  });
});
