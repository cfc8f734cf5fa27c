/**
 * `npm start`: two hosts, one cluster and a running VM on this machine.
 *
 *     -- --detach          returns when ready; `npm run stop` stops it
 *     -- --fresh           forgets what was there
 *     -- --hosts N         default 2
 *     -- --port N          of the API, default 7443
 *     -- --portal-port N   where browsers go, default 8443
 *     -- --state DIR       default .sinter of the checkout
 */
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdir, readFile, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { createLog, readIfThere, waitFor, writeFileAtomic } from "@sinter/kit";
import { attachLab } from "@sinter/lab";
import { ensureMachine } from "./setup.ts";
import { writeContext } from "./stand/context.ts";
import { addressOf, DEMO_VM } from "./stand/furnish.ts";
import { findOwner, writeOwner } from "./stand/owner.ts";
import { DEFAULT_STATE, runtimeDir, standFiles } from "./stand/paths.ts";
import { type Stand, startStand } from "./stand/stand.ts";

const { values } = parseArgs({
  options: {
    detach: { type: "boolean", default: false },
    fresh: { type: "boolean", default: false },
    hosts: { type: "string", default: "2" },
    port: { type: "string", default: "7443" },
    "portal-port": { type: "string", default: "8443" },
    state: { type: "string", default: DEFAULT_STATE },
  },
});
const stateDir = resolve(values.state);
const files = standFiles(stateDir);
const hosts = Number(values.hosts);
const port = portOf("port");
const portalPort = portOf("portal-port");
if (!Number.isInteger(hosts) || hosts < 1 || hosts > 16) fail("--hosts takes a number from 1 to 16.");

const startedAt = Date.now();
const say = (line: string): void => {
  console.log(`[${((Date.now() - startedAt) / 1000).toFixed(1).padStart(5)} s] ${line}`);
};

const holder = await findOwner(files.owner);
if (holder) fail(`Sinter already runs here (process ${holder.pid}); npm run stop stops it.`);
if (values.detach) await detach();
else await foreground();

async function foreground(): Promise<void> {
  let stand: Stand | undefined;
  let isEnding = false;
  const end = (): void => {
    if (isEnding) return;
    isEnding = true;
    if (stand === undefined)
      say("stopping as soon as the start has come to a point where it can be taken back");
    else void shutDown(stand);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, end);
  try {
    await ensureMachine({ wants: ["lab"], log: say });
    if (values.fresh) await forget();
    await mkdir(stateDir, { recursive: true });
    await writeOwner(files.owner);
    stand = await startStand({ stateDir, hosts, port, portalPort, say });
    if (isEnding) return await shutDown(stand);
    await announce(stand);
  } catch (error) {
    await rm(files.owner, { force: true });
    const reason = error instanceof Error ? error.message : String(error);
    fail(`Starting failed: ${reason}\nMore is in ${files.startLog} and ${files.managerLog}.`);
  }
}

async function shutDown(stand: Stand): Promise<void> {
  say("stopping everything that was started (state is kept)");
  await rm(files.ready, { force: true });
  try {
    await stand.stop({ keepState: true });
    say("stopped; npm start goes on from here");
  } finally {
    await rm(files.owner, { force: true });
  }
  process.exit(0);
}

async function announce(stand: Stand): Promise<void> {
  say("waiting for the demo VM's address");
  const found = await waitFor("The demo VM's address", () => addressOf(stand.client, DEMO_VM), {
    timeoutMs: 180_000,
    intervalMs: 500,
  });
  const cli = await writeContext(stand, stateDir);
  const items = (await stand.client.hosts.list()).items;
  const isEmulated = items.some((host) => host.accelerator !== "kvm");
  const lines = [
    "",
    `Open ${stand.access.portalUrl} in a browser and log in as admin with the password ${stand.access.password}`,
    "",
    `Sinter runs: ${items.length} hosts, and the VM "${DEMO_VM}" has the address ${found.ip}.`,
    ...(isEmulated ? ["KVM is not usable on this machine: guests are emulated, which is slower."] : []),
    "",
    `  API        ${stand.access.url}/service/versions   (document: ${stand.access.url}/openapi.json)`,
    `  authority  ${stand.manager.caFile}`,
    `  user       admin`,
    `  password   ${stand.access.password}`,
    "",
    "Try:",
    `  ${cli} vm ls`,
    `  ${cli} vm console ${DEMO_VM}        (Ctrl-] leaves)`,
    `  ${cli} lab power-off h1`,
    "",
  ];
  await writeFileAtomic(
    files.ready,
    JSON.stringify({
      url: stand.access.url,
      portalUrl: stand.access.portalUrl,
      caFile: stand.manager.caFile,
      lines,
    }),
  );
  console.log(lines.join("\n"));
  say("Ctrl-C stops it");
}

/** Begins anew: what an earlier start left is taken down first. */
async function forget(): Promise<void> {
  if ((await readIfThere(join(files.lab, "lab.json"))) !== undefined) {
    say("removing what was there");
    const lab = await attachLab(files.lab, createLog({ name: "start", level: "warn" })).catch(
      () => undefined,
    );
    await lab?.down();
  }
  await rm(stateDir, { recursive: true, force: true });
  await rm(runtimeDir(stateDir), { recursive: true, force: true });
}

/** Runs the same command in the background and shows its progress until it is ready. */
async function detach(): Promise<void> {
  await ensureMachine({ wants: ["lab"], log: say });
  await mkdir(stateDir, { recursive: true });
  const output = `${stateDir}.log`;
  await rm(output, { force: true });
  const log = openSync(output, "a");
  const args = process.argv.slice(2).filter((arg) => arg !== "--detach");
  const child = spawn(process.execPath, [join(import.meta.dirname, "start.ts"), ...args], {
    detached: true,
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  child.unref();
  let shown = 0;
  for (;;) {
    const text = await readFile(output, "utf8");
    process.stdout.write(text.slice(shown));
    shown = text.length;
    if ((await readIfThere(files.ready)) !== undefined && text.includes("Ctrl-C stops it")) break;
    if (child.exitCode !== null || child.signalCode !== null) process.exit(1);
    await new Promise((wake) => setTimeout(wake, 200));
  }
  console.log(`It goes on in the background; its output is in ${output}. npm run stop stops it.`);
  process.exit(0);
}

function portOf(name: "port" | "portal-port"): number {
  const given = Number(values[name]);
  if (!Number.isInteger(given) || given < 0 || given > 65_535)
    fail(`--${name} takes a number from 0 to 65535.`);
  return given;
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
