import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { waitFor } from "@sinter/kit";
import { attachLab, createLab, resumeLab } from "./create-lab.ts";
import type { AgentCommand, Lab, LabHost } from "./lab.ts";
import { findLeftovers } from "./leftovers.ts";
import { scratchLab } from "./testing/scratch-lab.ts";

/** Stands for an agent: lives until it is ended. */
const SLEEPER = (): AgentCommand => ({ program: "sleep", args: ["infinity"] });

/** Says where it is and what it was given. */
const SPEAKER = (): AgentCommand => ({
  program: process.execPath,
  args: [
    "-e",
    'console.log(require("node:os").hostname(), process.env.GREETING); setInterval(() => {}, 1e6)',
  ],
  env: { GREETING: "hello" },
});
const NOWHERE = (): AgentCommand => ({ program: "/nowhere/agent", args: [] });

describe("the life of a lab", () => {
  it("can be used by another process, and outlives the one that made it", async () => {
    await using scratch = await scratchLab();
    const { name, stateDir, log } = scratch;
    const maker = await makeInAnotherProcess(name, stateDir);
    let lab: Lab | undefined;
    try {
      lab = await attachLab(stateDir, log);
      assert.deepEqual(
        (await lab.status()).hosts.map((host) => host.power),
        ["on", "on"],
      );
      await lab.host("h2").powerOff();
      await lab.host("h2").powerOn();

      maker.kill("SIGKILL");
      await once(maker, "exit");
      const before = await processIds(lab, "h1");
      assert.equal((await statusOf(lab, "h1")).processes.agent, "running");
      await lab.host("h1").kill("libvirtd");
      await lab.host("h2").powerOff();
      lab = await resumeLab(stateDir, { log });
      const after = await processIds(lab, "h1");
      assert.equal(after.agent, before.agent, "the resumption touched a process that ran");
      assert.notEqual(after.libvirtd, before.libvirtd);
      assert.equal((await statusOf(lab, "h1")).processes.libvirtd, "running");
      assert.equal(
        (await statusOf(lab, "h2")).power,
        "off",
        "a host that was powered off on purpose stays off",
      );
    } finally {
      maker.kill("SIGKILL");
      await lab?.down();
    }
    assert.deepEqual(await findLeftovers(name, stateDir), []);
  });

  it("supervises agents: those that end come back, those that are stopped stay", async () => {
    await using scratch = await scratchLab();
    const lab = await createLab({ ...scratch, hosts: 1, agentCommand: SLEEPER, superviseAgents: true });
    try {
      const [host] = lab.hosts as [LabHost];
      const first = (await processIds(lab, "h1")).agent;
      await host.kill("agent");
      const second = await waitFor(
        "Another agent",
        async () => {
          const { agent } = (await statusOf(lab, "h1")).processes;
          return agent === "running" ? (await processIds(lab, "h1")).agent : undefined;
        },
        { timeoutMs: 10_000 },
      );
      assert.notEqual(second, first);

      await host.stop("agent");
      await host.start("virtlogd");
      assert.equal((await statusOf(lab, "h1")).processes.agent, "absent");
      await host.start("agent");
      assert.equal((await statusOf(lab, "h1")).processes.agent, "running");
      await host.freeze("agent");
      await host.powerOff();
      assert.equal((await statusOf(lab, "h1")).power, "off");
    } finally {
      await lab.down();
    }
    assert.deepEqual(await findLeftovers(lab.name, lab.stateDir), []);
  });

  it("runs the agent inside the host, its output in a file that outlives it", async () => {
    await using scratch = await scratchLab();
    const lab = await createLab({ ...scratch, hosts: [{ name: "alpha" }], agentCommand: SPEAKER });
    try {
      const host = lab.host("alpha");
      const said = await waitFor(
        "The agent's first line",
        async () => (await readFile(host.logFile("agent"), "utf8")) || undefined,
        { timeoutMs: 10_000 },
      );
      assert.equal(said.trim(), "alpha hello");
    } finally {
      await lab.down();
    }
  });

  it("rebuilds the switch around hosts that kept running", async () => {
    await using scratch = await scratchLab();
    const lab = await createLab({ ...scratch, hosts: 2, agentCommand: SLEEPER });
    try {
      for (const [index, host] of lab.hosts.entries()) {
        const bridge = ["add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev"];
        await lab.exec(host, "ovs-vsctl", ["--timeout=20", ...bridge, "--", "add-port", "br0", "up0"]);
        await lab.exec(host, "ip", ["address", "add", `172.31.0.${61 + index}/24`, "dev", "br0"]);
        await lab.exec(host, "ip", ["link", "set", "br0", "up"]);
      }
      const addresses = [lab.host("h2").addresses.storage, "172.31.0.62"];
      for (const address of addresses) await reaches(lab, "h1", address);
      const before = await processIds(lab, "h1");
      const init = JSON.parse(await readFile(join(lab.stateDir, "lab.json"), "utf8")).switchInit
        .pid as number;
      process.kill(init, "SIGKILL");
      await waitFor("The end of the switch", async () => ((await lab.status()).switchUp ? undefined : true), {
        timeoutMs: 5_000,
      });
      await lab.resume();
      const { ovs: _other, ...after } = await processIds(lab, "h1");
      assert.deepEqual({ ...after, ovs: before.ovs }, before);
      // The host's own switch was started again, and has an address to its bridge no more.
      for (const [index, host] of lab.hosts.entries()) {
        await lab.exec(host, "ip", ["address", "replace", `172.31.0.${61 + index}/24`, "dev", "br0"]);
        await lab.exec(host, "ip", ["link", "set", "br0", "up"]);
      }
      for (const address of addresses) await reaches(lab, "h1", address);
    } finally {
      await lab.down();
    }
    assert.deepEqual(await findLeftovers(lab.name, lab.stateDir), []);
  });

  it("lets two labs be made and used at once, apart from each other", async () => {
    await using a = await scratchLab();
    await using b = await scratchLab();
    const made = await Promise.allSettled([a, b].map((scratch) => createLab({ ...scratch, hosts: 1 })));
    const labs = made.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    try {
      assert.equal(labs.length, 2, String(made.map((m) => (m.status === "rejected" ? m.reason : ""))));
      const [one, two] = labs as [Lab, Lab];
      assert.notEqual(one.addresses.index, two.addresses.index);
      const ping = ["-c", "1", "-W", "1", two.host("h1").addresses.management];
      await assert.rejects(one.exec("h1", "ping", ping));
      await one.down();
      assert.equal((await statusOf(two, "h1")).power, "on");
      await assert.rejects(createLab({ ...a, name: two.name, hosts: 1 }), { code: "LAB_NAME_TAKEN" });
    } finally {
      await Promise.all(labs.map((lab) => lab.down()));
    }
    assert.deepEqual(await findLeftovers(a.name, a.stateDir), []);
    assert.deepEqual(await findLeftovers(b.name, b.stateDir), []);
  });

  it("leaves nothing when it cannot come up", async () => {
    await using scratch = await scratchLab();
    await assert.rejects(
      createLab({ ...scratch, hosts: 2, agentCommand: NOWHERE }),
      /\/nowhere\/agent ended at once/,
    );
    assert.deepEqual(await findLeftovers(scratch.name, scratch.stateDir), []);
    assert.equal(await stat(scratch.stateDir).catch(() => "absent"), "absent");
  });

  it("cleans up after a maker that was killed while it worked", async (t) => {
    await using scratch = await scratchLab();
    const { name, stateDir, log } = scratch;
    const delayMs = 300 + Math.floor(Math.random() * 1_500);
    t.diagnostic(`killed ${delayMs} ms after its start`);
    const maker = spawn(process.execPath, ["--input-type=module", "-e", makerScript(name, stateDir)], {
      stdio: "ignore",
    });
    const timer = setTimeout(() => maker.kill("SIGKILL"), delayMs);
    await once(maker, "exit");
    clearTimeout(timer);
    const lab = await attachLab(stateDir, log).catch(() => undefined);
    await lab?.down();
    assert.deepEqual(await findLeftovers(name, stateDir), []);
  });

  const refused: [string, object][] = [
    ["a name with capitals", { name: "Lab" }],
    ["a name of nine letters", { name: "abcdefghi" }],
    ["no hosts", { hosts: 0 }],
    ["two hosts of one name", { hosts: [{ name: "a" }, { name: "a" }] }],
    ["a state directory under /run", { stateDir: "/run/lab" }],
    ["a state directory with a space", { stateDir: "/tmp/my lab" }],
    ["a guest network that is no /24", { guestNetworks: [{ cidr: "10.0.0.0/8" }] }],
  ];
  for (const [what, wrong] of refused) {
    it(`refuses ${what}`, async () => {
      await using scratch = await scratchLab();
      await assert.rejects(createLab({ ...scratch, hosts: 1, ...wrong }), { kind: "invalid" });
      assert.deepEqual(await findLeftovers(scratch.name, scratch.stateDir), []);
    });
  }

  it("refuses a state directory that holds another lab, or fewer hosts than it has", async () => {
    await using scratch = await scratchLab();
    let lab = await createLab({ ...scratch, hosts: 1 });
    try {
      await lab.down({ keepState: true });
      await assert.rejects(createLab({ ...scratch, name: "other", hosts: 1 }), { code: "LAB_OTHER" });
      lab = await createLab({ ...scratch, hosts: 2 });
      assert.deepEqual(
        (await lab.status()).hosts.map((host) => host.power),
        ["on", "on"],
      );
      await assert.rejects(createLab({ ...scratch, hosts: 1 }), { code: "LAB_OTHER" });
    } finally {
      await lab.down();
    }
    assert.deepEqual(await findLeftovers(scratch.name, scratch.stateDir), []);
  });
});

function makerScript(name: string, stateDir: string): string {
  const module = JSON.stringify(import.meta.resolve("./create-lab.ts"));
  const kit = JSON.stringify(import.meta.resolve("@sinter/kit"));
  const options = JSON.stringify({ name, stateDir, hosts: 2, superviseAgents: true });
  return `import { createLab } from ${module};
    import { silentLog } from ${kit};
    const agentCommand = () => ({ program: "sleep", args: ["infinity"] });
    await createLab({ ...${options}, agentCommand, log: silentLog });
    console.log("up");
    setInterval(() => {}, 1e6);`;
}

async function makeInAnotherProcess(name: string, stateDir: string) {
  const maker = spawn(process.execPath, ["--input-type=module", "-e", makerScript(name, stateDir)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const said = await Promise.race([
    once(maker.stdout, "data").then(([data]) => String(data)),
    once(maker, "exit").then(() => "it ended"),
  ]);
  assert.equal(said.trim(), "up");
  return maker;
}

/** An answer in the end: a neighbour that did not answer at first is asked again. */
async function reaches(lab: Lab, from: string, address: string): Promise<void> {
  const ping = ["-n", "-c", "1", "-W", "2", address];
  await waitFor(
    `A ping to ${address}`,
    async () => ((await lab.exec(from, "ping", ping, { okCodes: [0, 1, 2] })).code === 0 ? true : undefined),
    { timeoutMs: 20_000 },
  );
}

async function statusOf(lab: Lab, name: string) {
  const host = (await lab.status()).hosts.find((h) => h.name === name);
  assert.ok(host);
  return host;
}

/** The recorded process ids of a host. */
async function processIds(lab: Lab, name: string): Promise<Record<string, number>> {
  const state = JSON.parse(await readFile(join(lab.stateDir, "lab.json"), "utf8")) as {
    hosts: { name: string; processes: Record<string, { pid: number }> }[];
  };
  const host = state.hosts.find((h) => h.name === name);
  return Object.fromEntries(
    Object.entries(host?.processes ?? {}).map(([process, { pid }]) => [process, pid]),
  );
}
