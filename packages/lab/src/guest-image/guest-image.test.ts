import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { MiB, run, waitFor } from "@sinter/kit";
import { createLab } from "../create-lab.ts";
import { callGuestAgent, runInGuest, waitForGuestAgent } from "../guest-agent.ts";
import type { Lab, LabHost } from "../lab.ts";
import { defineGuest, nicXml, virsh } from "../testing/guest-domain.ts";
import { scratchLab } from "../testing/scratch-lab.ts";
import { SerialConsole } from "../testing/serial-console.ts";
import { ensureGuestImage, type GuestImage } from "./guest-image.ts";

const SEEDED_MAC = "52:54:00:5e:ed:01";

describe("making the guest image", () => {
  it("builds it once for all who ask at the same time, and leaves nothing but the image", async (t) => {
    const cacheDir = await mkdtemp(join(tmpdir(), "guest-image-"));
    try {
      const steps: string[] = [];
      const begin = performance.now();
      const onProgress = (step: string): number => steps.push(step);
      const images = await Promise.all([1, 2, 3].map(() => ensureGuestImage({ cacheDir, onProgress })));
      t.diagnostic(`built in ${Math.round(performance.now() - begin)} ms, packages fetched`);
      assert.equal(new Set(steps).size, steps.length, "a step was done twice");
      assert.equal(new Set(images.map((image) => JSON.stringify(image))).size, 1);
      const [image] = images as [GuestImage];
      assert.ok(image.virtualSizeBytes <= 256 * MiB);
      assert.ok(image.sizeBytes <= 40 * MiB, `${image.sizeBytes} bytes`);
      await run("qemu-img", ["check", image.path]);
      const left = (await readdir(cacheDir)).map((name) => name.replace(/-[0-9a-f]{12}/, ""));
      assert.deepEqual(left.toSorted(), ["guest-image.lock", "guest.json", "guest.qcow2"]);
    } finally {
      await rm(cacheDir, { recursive: true, force: true });
    }
  });

  it("takes the image there is without asking anyone", async () => {
    await ensureGuestImage();
    const begin = performance.now();
    const steps: string[] = [];
    await ensureGuestImage({ onProgress: (step) => steps.push(step) });
    assert.deepEqual(steps, []);
    assert.ok(performance.now() - begin < 1_000);
  });
});

/** Two guests on one host: "plain" as it comes, "seeded" with a NoCloud volume. */
describe("a guest of the image", () => {
  const password = randomBytes(12).toString("hex");
  const seededPassword = `${randomBytes(6).toString("hex")}: 'x"`;
  let scratch: Awaited<ReturnType<typeof scratchLab>>;
  let lab: Lab;
  let host: LabHost;
  let directory: string;

  before(async () => {
    const image = await ensureGuestImage();
    scratch = await scratchLab();
    const guestNetworks = [{ cidr: "172.31.0.0/24" }, { vlanId: 100, cidr: "172.31.100.0/24" }];
    lab = await createLab({ ...scratch, hosts: 1, guestNetworks });
    [host] = lab.hosts as [LabHost];
    ({ path: directory } = await lab.localDirectory(host, "local"));
    const bridge = ["add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev"];
    await lab.exec(host, "ovs-vsctl", ["--timeout=20", ...bridge, "--", "add-port", "br0", "up0"]);
    const seed = await makeSeed();
    const plain = { name: "plain", directory, bridge: "br0", serialSocket: "/run/plain" };
    const seeded = {
      name: "seeded",
      directory,
      bridge: "br0",
      serialSocket: "/run/seeded",
      mac: SEEDED_MAC,
      seed,
    };
    for (const guest of [plain, seeded]) {
      await defineGuest(lab, host, image, guest);
      await virsh(lab, host, "start", guest.name);
    }
    await Promise.all([waitForGuestAgent(lab, host, "plain"), waitForGuestAgent(lab, host, "seeded")]);
  });
  after(async () => {
    await lab?.down();
    await scratch?.[Symbol.asyncDispose]();
  });

  it("lets nobody in before a password is set", async () => {
    assert.equal(await inGuest("plain", "cut -d: -f1,2 /etc/shadow"), "root:$6$none$*");
    using console = new SerialConsole(await host.path("/run/plain"));
    console.type("");
    await console.sees(/login: $/);
    console.type("root");
    await console.sees(/Password: /);
    console.type("root");
    await console.sees(/Login incorrect/);
  });

  it("takes a password through the guest agent, and lets in with it on serial line and screen", async () => {
    await virsh(lab, host, "set-user-password", "plain", "root", password);
    assert.match(await inGuest("plain", "cut -d: -f2 /etc/shadow"), /^\$6\$/);
    await logIn("/run/plain", password);

    await typeOnScreen("root");
    await waitFor("The question for a password", async () => (await shellsOn("tty1", "login")) || undefined, {
      timeoutMs: 10_000,
    });
    await typeOnScreen(password);
    await waitFor("A shell on the screen", async () => (await shellsOn("tty1", "sh")) || undefined, {
      timeoutMs: 15_000,
    });
  });

  it("answers the agent's calls that the product makes", async () => {
    for (const call of [
      "guest-info",
      "guest-get-osinfo",
      "guest-get-host-name",
      "guest-get-fsinfo",
      "guest-get-time",
    ]) {
      assert.ok(await callGuestAgent(lab, host, "plain", call), call);
    }
    await virsh(lab, host, "domfsfreeze", "plain");
    assert.equal(await callGuestAgent(lab, host, "plain", "guest-fsfreeze-status"), "frozen");
    await virsh(lab, host, "domfsthaw", "plain");
    assert.equal(await inGuest("plain", "echo written >/root/after && cat /root/after"), "written");
  });

  it("uses what is plugged in while it runs: NIC, disk, CPU, memory", async () => {
    await host.cut("guest");
    await define("nic.xml", nicXml("br0", undefined, 100));
    await virsh(lab, host, "attach-device", "plain", `${directory}/nic.xml`, "--live");
    await waitFor(
      "The new NIC",
      async () => (await inGuest("plain", "ls /sys/class/net")).includes("eth1") || undefined,
      {
        timeoutMs: 10_000,
      },
    );
    await host.mend("guest");
    await addressOf("plain", "eth1", /172\.31\.100\.\d+/);

    await lab.exec(host, "qemu-img", ["create", "-q", "-f", "raw", `${directory}/data.raw`, "16M"]);
    await virsh(lab, host, "attach-disk", "plain", `${directory}/data.raw`, "vdb", "--live");
    await waitFor("The disk", async () => (await inGuest("plain", "ls /dev")).includes("vdb") || undefined, {
      timeoutMs: 10_000,
    });
    assert.equal(
      await inGuest("plain", "mkfs.ext4 -q /dev/vdb && mount /dev/vdb /mnt && echo mounted"),
      "mounted",
    );

    await virsh(lab, host, "setvcpus", "plain", "2", "--live");
    await waitFor("A second CPU", async () => (await inGuest("plain", "nproc")) === "2" || undefined, {
      timeoutMs: 10_000,
    });

    const memory = (): Promise<number> =>
      inGuest("plain", "awk '/MemTotal/{print $2}' /proc/meminfo").then(Number);
    const memoryBefore = await memory();
    await define(
      "dimm.xml",
      "<memory model='dimm'><target><size unit='MiB'>128</size><node>0</node></target></memory>",
    );
    await virsh(lab, host, "attach-device", "plain", `${directory}/dimm.xml`, "--live");
    await waitFor("More memory", async () => (await memory()) > memoryBefore + 100_000 || undefined, {
      timeoutMs: 10_000,
    });
  });

  it("keeps its address when the lease goes and nobody answers", async () => {
    const address = await addressOf("plain", "eth0", /172\.31\.0\.\d+/);
    await host.cut("guest");
    await inGuest("plain", "kill -USR2 $(cat /run/udhcpc.eth0.pid)");
    await inGuest("plain", "kill -USR1 $(cat /run/udhcpc.eth0.pid)");
    assert.equal(await addressOf("plain", "eth0", /172\.31\.0\.\d+/), address);
    await host.mend("guest");
  });

  it("obeys a seed: name, password, key, network, commands once", async () => {
    assert.equal(await inGuest("seeded", "hostname; cat /etc/hostname"), "seven\nseven");
    assert.equal(await addressOf("seeded", "eth0", /172\.31\.0\.\d+/), "172.31.0.7");
    assert.match(
      await inGuest("seeded", "ip route; cat /etc/resolv.conf"),
      /default via 172\.31\.0\.1 [^]*nameserver 192\.0\.2\.53/,
    );
    assert.equal(await inGuest("seeded", "cat /root/.ssh/authorized_keys"), "ssh-ed25519 AAAA one@two");
    assert.doesNotMatch(await inGuest("seeded", "ls /run"), /seed\.(user|passwords)/);
    await logIn("/run/seeded", seededPassword);
    const ran = (): Promise<string> => inGuest("seeded", "cat /var/lib/ran");
    await waitFor("The command", async () => (await ran()) === "once" || undefined, { timeoutMs: 10_000 });

    await virsh(lab, host, "reboot", "seeded", "--mode", "agent");
    const log = await host.path(`${directory}/seeded.log`);
    await waitFor(
      "A second start",
      async () => (await readFile(log, "latin1")).split("GUEST READY seven").length === 3 || undefined,
      { timeoutMs: 60_000 },
    );
    await waitForGuestAgent(lab, host, "seeded");
    assert.equal(await ran(), "once");
    assert.equal(await addressOf("seeded", "eth0", /172\.31\.0\.\d+/), "172.31.0.7");
  });

  const documents: [string, string, string][] = [
    ["nested keys", "a:\n  b:\n    c: 1\n  d: 2\ne: 3\n", "a.b.c=1\na.d=2\ne=3"],
    ["lists in the key's own column", "a:\n- x\n- y\nb: z\n", "a.0=x\na.1=y\nb=z"],
    [
      "lists of objects",
      "u:\n  - name: a\n    p: b\n  - {name: c, p: d}\n",
      "u.0.name=a\nu.0.p=b\nu.1.name=c\nu.1.p=d",
    ],
    [
      "inline lists and quotes",
      "a: [1.2.3.4/24, \"x y\"]\nb: 'it: is'\n",
      "a.0=1.2.3.4/24\na.1=x y\nb=it: is",
    ],
    ["blocks", "l: |\n  root:a b\n  x: y\nm: n\n", "l.0=root:a b\nl.1=x: y\nm=n"],
    ["comments and blank lines", "# c\na: b # c\n\n---\nc: d#e\n", "a=b\nc=d#e"],
    ["colons in values", "m: 52:54:00:00:00:01\nt: '10:20'\n", "m=52:54:00:00:00:01\nt=10:20"],
  ];
  for (const [what, yaml, flat] of documents) {
    it(`reads seeds with ${what}`, async () => {
      const encoded = Buffer.from(yaml).toString("base64");
      const read = `echo ${encoded} | base64 -d | awk -f /usr/lib/guest/yaml-flat.awk`;
      assert.equal(await inGuest("plain", read), flat);
    });
  }

  it("ends in order when its power button is pressed", async (t) => {
    const begin = performance.now();
    await virsh(lab, host, "shutdown", "plain", "--mode", "acpi");
    await waitFor(
      "The end",
      async () => (await virsh(lab, host, "domstate", "plain")) === "shut off" || undefined,
      {
        timeoutMs: 20_000,
      },
    );
    t.diagnostic(`off in ${Math.round(performance.now() - begin)} ms`);
    // Unmounted in order, a file system has nothing in its journal to be made good.
    const disk = await host.path(`${directory}/plain.qcow2`);
    await run("qemu-img", ["convert", "-O", "raw", disk, `${scratch.stateDir}/plain.raw`]);
    const { stdout } = await run("dumpe2fs", [
      "-h",
      "-o",
      "superblock=0",
      `${scratch.stateDir}/plain.raw?offset=${33 * MiB}`,
    ]);
    assert.match(stdout, /Filesystem state:\s+clean/);
    assert.doesNotMatch(stdout, /needs_recovery/);
  });

  async function inGuest(vm: string, script: string): Promise<string> {
    const { stdout } = await runInGuest(lab, host, vm, "/bin/sh", ["-c", script]);
    return stdout.trim();
  }

  async function addressOf(vm: string, nic: string, pattern: RegExp): Promise<string> {
    return await waitFor(
      `An address of ${vm}`,
      async () => pattern.exec(await inGuest(vm, `ip -4 -o addr show dev ${nic}`))?.[0],
      { timeoutMs: 20_000 },
    );
  }

  async function define(file: string, xml: string): Promise<void> {
    await writeFile(await host.path(`${directory}/${file}`), xml);
  }

  async function logIn(socket: string, secret: string): Promise<void> {
    using console = new SerialConsole(await host.path(socket));
    console.type("");
    await console.sees(/login: $/);
    console.type("root");
    await console.sees(/Password: /);
    console.type(secret);
    await console.sees(/:~# /);
    console.type("echo $((6 * 7)) $(tty)");
    await console.sees(/42 \/dev\/ttyS0/);
    console.type("exit");
    await console.sees(/login: $/);
  }

  async function typeOnScreen(text: string): Promise<void> {
    const keys = text.split("").map((letter) => `KEY_${letter.toUpperCase()}`);
    // One call per key: keys of one call are pressed together.
    for (const key of [...keys, "KEY_ENTER"])
      await virsh(lab, host, "send-key", "plain", "--codeset", "linux", key);
  }

  async function shellsOn(tty: string, program: string): Promise<boolean> {
    const find = `for p in /proc/[0-9]*; do [ "$(readlink $p/fd/0)" = /dev/${tty} ] && tr '\\0' ' ' <$p/cmdline && echo; done; true`;
    const named = new RegExp(`^(?:\\S*/|-)?${program}\\b`);
    return (await inGuest("plain", find)).split("\n").some((line) => named.test(line));
  }

  /** Inside the host, made by a tool that is not ours. */
  async function makeSeed(): Promise<string> {
    const dir = join(scratch.stateDir, "seed");
    await mkdir(dir);
    await writeFile(join(dir, "meta-data"), "instance-id: i-1\nlocal-hostname: other\n");
    const userData = [
      "#cloud-config",
      "hostname: seven",
      "chpasswd:",
      "  expire: false",
      "  list: |",
      `    root:${seededPassword}`,
      "ssh_authorized_keys:",
      "  - ssh-ed25519 AAAA one@two",
      "runcmd:",
      "- echo once >>/var/lib/ran",
    ];
    await writeFile(join(dir, "user-data"), `${userData.join("\n")}\n`);
    const network = [
      "version: 2",
      "ethernets:",
      "  nic0:",
      `    match: {macaddress: "${SEEDED_MAC.toUpperCase()}"}`,
      "    addresses: [172.31.0.7/24]",
      "    gateway4: 172.31.0.1",
      "    nameservers:",
      "      addresses: [192.0.2.53]",
    ];
    await writeFile(join(dir, "network-config"), `${network.join("\n")}\n`);
    const iso = join(scratch.stateDir, "seed.iso");
    const files = ["user-data", "meta-data", "network-config"].map((name) => join(dir, name));
    await run("genisoimage", ["-quiet", "-output", iso, "-volid", "cidata", "-joliet", "-rock", ...files]);
    await run("cp", [iso, await host.path(`${directory}/seed.iso`)]);
    return `${directory}/seed.iso`;
  }
});
