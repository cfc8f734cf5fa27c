import assert from "node:assert/strict";
import { readFile, stat, writeFile } from "node:fs/promises";
import { after, before, describe, it } from "node:test";
import { run, waitFor } from "@sinter/kit";
import { createLab } from "./create-lab.ts";
import { runInGuest, waitForGuestAgent } from "./guest-agent.ts";
import { ensureGuestImage, type GuestImage } from "./guest-image/guest-image.ts";
import type { Lab, LabHost } from "./lab.ts";
import { findLeftovers } from "./leftovers.ts";
import { defineGuest, virsh } from "./testing/guest-domain.ts";
import { scratchLab } from "./testing/scratch-lab.ts";

/** Two hosts, one guest. The tests run in order: each leaves the lab as the next one needs it, both hosts on. */
describe("a lab of two hosts", () => {
  let scratch: Awaited<ReturnType<typeof scratchLab>>;
  let lab: Lab;
  let image: GuestImage;
  let [h1, h2]: LabHost[] = [];
  let upMs = 0;

  before(async () => {
    image = await ensureGuestImage();
    scratch = await scratchLab();
    const begin = performance.now();
    lab = await createLab({
      ...scratch,
      hosts: 2,
      guestNetworks: [{ cidr: "172.31.0.0/24" }, { vlanId: 100, cidr: "172.31.100.0/24" }],
    });
    upMs = performance.now() - begin;
    [h1, h2] = lab.hosts;
  });
  after(async () => {
    await lab?.down();
    await scratch?.[Symbol.asyncDispose]();
  });

  it("is up in seconds, every process running", async (t) => {
    t.diagnostic(`two hosts in ${Math.round(upMs)} ms`);
    assert.ok(upMs < 20_000, `took ${upMs} ms`);
    const status = await lab.status();
    assert.equal(status.switchUp, true);
    for (const host of status.hosts) {
      assert.equal(host.power, "on");
      const { agent, ...others } = host.processes;
      assert.equal(agent, "absent");
      assert.deepEqual(new Set(Object.values(others)), new Set(["running"]));
    }
  });

  it("joins the hosts by every network, and the machine by management alone", async () => {
    assert.ok(await pings(undefined, h1!.addresses.management));
    assert.ok(await pings(h2, lab.addresses.manager));
    for (const network of ["management", "storage", "migration"] as const) {
      assert.ok(await pings(h1, h2!.addresses[network]), network);
    }
    assert.ok(!(await pings(undefined, h1!.addresses.storage)));
  });

  it("shows each host as a machine of its own", async () => {
    for (const host of lab.hosts) {
      assert.match(await virsh(lab, host, "capabilities"), new RegExp(`<uuid>${host.uuid}</uuid>`));
      assert.equal((await lab.exec(host, "hostname", [])).stdout.trim(), host.name);
      assert.equal(
        (await lab.exec(host, "ps", ["-C", "libvirtd", "--no-headers"])).stdout.trim().split("\n").length,
        1,
      );
    }
    const isEmulated = (await lab.status()).limits.some((limit) => limit.startsWith("Guests are emulated"));
    assert.equal(
      await stat(await h1!.path("/dev/kvm")).then(
        () => false,
        () => true,
      ),
      isEmulated,
    );
    await lab.exec(h1!, "touch", ["/etc/only-h1", "/var/lib/only-h1"]);
    for (const path of ["/etc/only-h1", "/var/lib/only-h1"]) {
      assert.equal(await stat(path).catch(() => "absent"), "absent", "the machine was written to");
      assert.equal(await stat(await h2!.path(path)).catch(() => "absent"), "absent");
    }
  });

  it("ends a command that runs out of time, inside as well", async () => {
    await assert.rejects(lab.exec(h1!, "sleep", ["86421"], { timeoutMs: 300 }), /ran out of time/);
    await waitFor(
      "The end of the command",
      async () => {
        const { code } = await lab.exec(h1!, "pgrep", ["-f", "^sleep 86421"], { okCodes: [0, 1] });
        return code === 1 ? true : undefined;
      },
      { timeoutMs: 5_000 },
    );
  });

  it("boots a guest that gets an address by DHCP and speaks TCP through the switch", async (t) => {
    const { path } = await lab.localDirectory(h1!, "local");
    for (const host of lab.hosts) await makeBridge(host);
    await defineGuest(lab, h1!, image, { name: "vm1", directory: path, bridge: "br0" });
    const begin = performance.now();
    await virsh(lab, h1!, "start", "vm1");
    await waitForGuestAgent(lab, h1!, "vm1");
    t.diagnostic(`start to guest agent in ${Math.round(performance.now() - begin)} ms`);
    const address = await guestAddress();

    await runInGuest(lab, h1!, "vm1", "/bin/sh", [
      "-c",
      "mkdir /tmp/w; echo hello >/tmp/w/index.html; httpd -h /tmp/w",
    ]);
    await lab.exec(h2!, "ip", ["address", "add", "172.31.0.60/24", "dev", "br0"]);
    await lab.exec(h2!, "ip", ["link", "set", "br0", "up"]);
    const page = await lab.exec(h2!, process.execPath, [
      "-e",
      `fetch("http://${address}/").then((r) => r.text()).then(console.log)`,
    ]);
    assert.equal(page.stdout.trim(), "hello");
  });

  it("lets a guest live when libvirtd is killed, and finds it again", async () => {
    const [qemu] = await qemuPids(h1!);
    await h1!.kill("libvirtd");
    assert.equal((await statusOf(h1!)).processes.libvirtd, "absent");
    await h1!.start("libvirtd");
    assert.deepEqual(await qemuPids(h1!), [qemu]);
    assert.equal(await virsh(lab, h1!, "domstate", "vm1"), "running");
  });

  it("lets a guest live when the switch is killed, and its network works again after", async () => {
    const [qemu] = await qemuPids(h1!);
    await h1!.kill("ovs");
    await h1!.start("ovs");
    assert.deepEqual(await qemuPids(h1!), [qemu]);
    const address = await guestAddress();
    await reaches(h2, address);
  });

  it("freezes and thaws a guest and a daemon", async () => {
    await h1!.freeze({ vm: "vm1" });
    const ping = ["qemu-agent-command", "--timeout", "1", "vm1", '{"execute":"guest-ping"}'];
    await assert.rejects(virsh(lab, h1!, ...ping), /not responding|not available/);
    await h1!.thaw({ vm: "vm1" });
    await waitForGuestAgent(lab, h1!, "vm1");

    await h1!.freeze("libvirtd");
    assert.equal((await statusOf(h1!)).processes.libvirtd, "frozen");
    await h1!.thaw("libvirtd");
    assert.equal((await statusOf(h1!)).processes.libvirtd, "running");
    assert.equal(await virsh(lab, h1!, "domstate", "vm1"), "running");
  });

  it("cuts one network of one host and leaves the others", async () => {
    await h1!.cut("storage");
    await h1!.cut("storage");
    assert.ok(!(await pings(h1, h2!.addresses.storage)));
    assert.ok(await pings(h1, h2!.addresses.migration));
    assert.match((await lab.exec(h1!, "ip", ["link", "show", "stor0"])).stdout, /NO-CARRIER/);
    assert.deepEqual((await statusOf(h1!)).cut, ["storage"]);
    await h1!.mend("storage");
    await reaches(h1, h2!.addresses.storage);

    const address = await guestAddress();
    await h1!.cut("guest");
    assert.ok(!(await pings(h2, address)));
    await h1!.mend("guest");
    await reaches(h2, address);
  });

  it("carries a bundle of both uplinks over the loss of one", async () => {
    await h2!.setUplinkMode("lacp");
    const bond = ["add-bond", "br0", "bond0", "up0", "up1", "lacp=active", "other_config:lacp-time=fast"];
    await lab.exec(h2!, "ovs-vsctl", ["--timeout=20", "del-port", "br0", "up0", "--", ...bond]);
    await waitFor(
      "The negotiation",
      async () =>
        (await lab.exec(h2!, "ovs-appctl", ["lacp/show", "bond0"])).stdout.includes("negotiated") ||
        undefined,
      { timeoutMs: 20_000 },
    );
    const address = await guestAddress();
    await reaches(h2, address);
    for (const uplink of ["up0", "up1"] as const) {
      await h2!.cut(uplink);
      await reaches(h2, address);
      await h2!.mend(uplink);
      await waitFor(
        "Both members",
        async () => {
          const { stdout } = await lab.exec(h2!, "ovs-appctl", ["bond/show", "bond0"]);
          return stdout.match(/^member up\d: enabled$/gm)?.length === 2 ? true : undefined;
        },
        { timeoutMs: 20_000 },
      );
    }
  });

  it("serves a guest network on a VLAN, apart from the untagged one", async () => {
    const port = ["add-port", "br0", "v100", "tag=100", "--", "set", "Interface", "v100", "type=internal"];
    await lab.exec(h1!, "ovs-vsctl", ["--timeout=20", ...port]);
    await lab.exec(h1!, "ip", ["address", "add", "172.31.100.60/24", "dev", "v100"]);
    await lab.exec(h1!, "ip", ["link", "set", "v100", "up"]);
    await reaches(h1, "172.31.100.1");
    const guest = await guestAddress();
    await reaches(h2, guest);
    await lab.exec(h1!, "ip", ["address", "add", "172.31.0.99/24", "dev", "v100"]);
    assert.ok(!(await pings(h1, guest)), "frames crossed from one VLAN to another");
    await lab.exec(h1!, "ip", ["address", "delete", "172.31.0.99/24", "dev", "v100"]);
  });

  it("shapes a link, and slows a host down", async () => {
    await h1!.slow("migration", { rateKbit: 1_000 });
    assert.match((await lab.exec(h1!, "tc", ["qdisc", "show", "dev", "migr0"])).stdout, /tbf .*rate 1Mbit/);
    await h1!.slow("migration", {});
    assert.doesNotMatch((await lab.exec(h1!, "tc", ["qdisc", "show", "dev", "migr0"])).stdout, /tbf/);

    const spinMs = async (): Promise<number> => {
      const begin = performance.now();
      await h1!.restart("virtlogd");
      return performance.now() - begin;
    };
    const { limits } = await lab.status();
    if (limits.some((limit) => limit.includes("cgroups"))) {
      await assert.rejects(h1!.slowDown(4), { code: "LAB_NO_CGROUPS" });
    } else {
      const normal = await spinMs();
      await h1!.slowDown(50);
      const slow = await spinMs();
      await h1!.slowDown(1);
      assert.ok(slow > normal * 1.5, `${slow} ms against ${normal} ms`);
    }
  });

  it("keeps a full datastore full until it is emptied, and only that", async () => {
    const { path, id } = await lab.sharedDirectory("small", { sizeBytes: 64 * 1024 * 1024 });
    await writeFile(await h1!.path(`${path}/seen`), "by both");
    assert.equal(await readFile(await h2!.path(`${path}/seen`), "utf8"), "by both");
    await lab.fill(id, 1024 * 1024);
    const big = ["if=/dev/zero", `of=${path}/big`, "bs=1M", "count=8"];
    await assert.rejects(lab.exec(h2!, "dd", big), /No space left/);
    await lab.unfill(id);
    await lab.exec(h2!, "dd", big);

    const unlimited = await lab.sharedDirectory("wide");
    await assert.rejects(lab.fill(unlimited.id), { code: "LAB_DATASTORE_UNLIMITED" });
  });

  it("guards a disk on a shared datastore by its lock, across hosts", async () => {
    const { path } = await lab.sharedDirectory("wide");
    const disk = `${path}/locked.qcow2`;
    await defineGuest(lab, h1!, image, { name: "locked", directory: path });
    await virsh(lab, h1!, "start", "locked");
    await assert.rejects(
      lab.exec(h2!, "qemu-io", ["-c", "write 0 512", disk]),
      /Failed to get .*write.* lock/,
    );
    await assert.rejects(lab.detachDatastore(h1!, "wide"), { code: "LAB_DATASTORE_BUSY" });
    await h1!.kill({ vm: "locked" });
    await lab.exec(h2!, "qemu-io", ["-c", "write 0 512", disk]);
    await lab.detachDatastore(h2!, "wide");
    assert.equal(await stat(await h2!.path(`${path}/locked.qcow2`)).catch(() => "absent"), "absent");
  });

  it("takes guests and memory away with the power, and gives back what was on disk", async () => {
    await lab.exec(h1!, "touch", ["/run/in-memory", "/var/lib/sinter/on-disk"]);
    await h1!.cut("migration");
    const [qemu] = await qemuPids(h1!);
    await h1!.powerOff();
    await h1!.powerOff();
    assert.equal(await stat(`/proc/${qemu}`).catch(() => "gone"), "gone");
    const off = await statusOf(h1!);
    assert.equal(off.power, "off");
    assert.deepEqual(new Set(Object.values(off.processes)), new Set(["absent"]));
    assert.ok(!(await pings(h2, h1!.addresses.management)));
    await assert.rejects(lab.exec(h1!, "true", []), { code: "LAB_HOST_OFF" });

    await h1!.powerOn();
    await h1!.powerOn();
    assert.equal(await virsh(lab, h1!, "domstate", "vm1"), "shut off");
    await lab.exec(h1!, "test", ["-e", "/var/lib/sinter/on-disk"]);
    await assert.rejects(lab.exec(h1!, "test", ["-e", "/run/in-memory"]));
    assert.ok(await pings(h1, h2!.addresses.management));
    assert.ok(!(await pings(h1, h2!.addresses.migration)), "a pulled cable stays pulled");
    await h1!.mend("migration");
    await reaches(h1, h2!.addresses.migration);
    await virsh(lab, h1!, "start", "vm1");
    await waitForGuestAgent(lab, h1!, "vm1");
    await guestAddress();
  });

  it("comes up again with its hosts as they were, and is gone without a trace", async () => {
    await lab.down({ keepState: true });
    assert.deepEqual(await findLeftovers(lab.name, lab.stateDir), []);
    const again = await createLab({ ...scratch, hosts: 2 });
    assert.deepEqual(
      again.hosts.map((host) => [host.name, host.uuid, host.addresses]),
      lab.hosts.map((host) => [host.name, host.uuid, host.addresses]),
    );
    assert.equal(await virsh(again, again.host("h1"), "domstate", "vm1"), "shut off");
    await again.down();
    await again.down();
    assert.deepEqual(await findLeftovers(lab.name, lab.stateDir), []);
    assert.equal(await stat(lab.stateDir).catch(() => "absent"), "absent");
  });

  async function pings(from: LabHost | undefined, address: string): Promise<boolean> {
    const args = ["-n", "-c", "1", "-W", "1", address];
    const options = { okCodes: [0, 1, 2] };
    const { code } =
      from === undefined ? await run("ping", args, options) : await lab.exec(from, "ping", args, options);
    return code === 0;
  }

  /** An answer in the end: a neighbour that did not answer before is asked again a second later. */
  async function reaches(from: LabHost | undefined, address: string): Promise<void> {
    await waitFor(`A ping to ${address}`, async () => (await pings(from, address)) || undefined, {
      timeoutMs: 10_000,
    });
  }

  async function statusOf(host: LabHost) {
    const found = (await lab.status()).hosts.find((h) => h.name === host.name);
    assert.ok(found);
    return found;
  }

  /** Process ids of the host's guests, as the machine sees them. */
  async function qemuPids(host: LabHost): Promise<string[]> {
    const { stdout } = await lab.exec(host, "pgrep", ["-f", "^/usr/bin/qemu-system"], { okCodes: [0, 1] });
    return stdout.trim().split("\n");
  }

  async function makeBridge(host: LabHost): Promise<void> {
    const bridge = ["--may-exist", "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev"];
    await lab.exec(host, "ovs-vsctl", [
      "--timeout=20",
      ...bridge,
      "--",
      "--may-exist",
      "add-port",
      "br0",
      "up0",
    ]);
  }

  async function guestAddress(): Promise<string> {
    return await waitFor(
      "An address of the guest",
      async () => {
        const { stdout } = await runInGuest(lab, h1!, "vm1", "/sbin/ip", [
          "-4",
          "-o",
          "addr",
          "show",
          "dev",
          "eth0",
        ]);
        return /inet (172\.31\.0\.\d+)\/24/.exec(stdout)?.[1];
      },
      { timeoutMs: 20_000 },
    );
  }
});
