/** Makes a Debian machine ready for Sinter: installs what is missing and nothing else, and starts no service. */
import { spawn } from "node:child_process";
import { mkdir, rm, stat, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { AppError, readIfThere, retry, run } from "@sinter/kit";
import { withFileLock } from "@sinter/lab";

export type MachineWish = "lab" | "database" | "browser" | "test";

export interface SetupOptions {
  readonly wants: readonly MachineWish[];
  /** Told each thing that is done, as a line for a person. Silent when there is nothing to do. */
  readonly log: (line: string) => void;
}

const DATABASE = ["postgresql-15"];
/** Namespaces, links, and a first process that takes in orphans. */
const NAMESPACES = ["util-linux", "mount", "iproute2", "iputils-ping", "procps", "hostname", "tini"];
/** What a node runs, without the packages that bring libvirt's and QEMU's services. */
const NODE = ["libvirt-daemon", "libvirt-clients", "qemu-system-x86", "qemu-utils", "openvswitch-switch"];
/** Leases on shared datastores; tcc builds what sanlock needs to run in namespaces. */
const LEASES = ["sanlock", "libvirt-sanlock", "tcc"];
const NODE_TOOLS = ["dnsmasq-base", "ethtool", "e2fsprogs"];
const GUEST_IMAGE = ["syslinux", "syslinux-common", "mtools", "dosfstools", "zstd"];
/** Looks at the portal as people do, in both of its languages. */
const BROWSER = ["chromium", "fonts-noto-cjk"];
const LAB = [...NAMESPACES, ...NODE, ...LEASES, ...NODE_TOOLS, ...GUEST_IMAGE];

const PACKAGES: Record<MachineWish, readonly string[]> = {
  database: DATABASE,
  lab: [...LAB, ...DATABASE],
  browser: BROWSER,
  // Independent tools that tests compare against.
  test: [...LAB, ...DATABASE, ...BROWSER, "genisoimage"],
};

/** Services that come along and that Sinter runs for itself, if at all: they stay off. */
const UNWANTED_SERVICES: Record<string, readonly string[]> = {
  "openvswitch-switch": ["openvswitch-switch"],
  // The second arms a watchdog, which would reset the machine when the first stopped.
  sanlock: ["sanlock", "wdmd"],
};

const LOCK = "/run/lock/sinter-setup.lock";
const POLICY = "/usr/sbin/policy-rc.d";
const POLICY_MARK = "# Written by the set-up of Sinter for the time of an installation.";
/** Read by PostgreSQL's packages when a server is installed. */
const CLUSTER_POLICY_DIR = "/etc/postgresql-common/createcluster.d";
const CLUSTER_POLICY = `${CLUSTER_POLICY_DIR}/sinter-setup.conf`;

/**
 * Installs the packages behind the wishes unless they are there: idempotent, and quick when nothing is missing. Two at
 * once wait for each other. No service is started or left to start at the next boot, no PostgreSQL cluster is made,
 * existing ones are not touched.
 *
 * Throws `invalid` SETUP_NOT_ROOT or SETUP_NOT_DEBIAN, `unavailable` SETUP_NO_NETWORK, `internal` SETUP_FAILED.
 */
export async function ensureMachine({ wants, log }: SetupOptions): Promise<void> {
  const wanted = [...new Set(wants.flatMap((wish) => PACKAGES[wish]))];
  if ((await findMissing(wanted)).length === 0) return;
  if (process.getuid?.() !== 0) {
    throw new AppError(
      "invalid",
      "SETUP_NOT_ROOT",
      "Installing what Sinter needs takes root; run this with sudo.",
    );
  }
  await assertDebian();
  await withFileLock(LOCK, async () => {
    // Another set-up may have done it while we waited.
    const missing = await findMissing(wanted);
    if (missing.length > 0) await install(missing, log);
  });
}

/** Debian's own word on what is installed. A mark of ours would not notice what was removed since. */
async function findMissing(packages: readonly string[]): Promise<string[]> {
  const format = "${Package} ${db:Status-Status}\n";
  let stdout: string;
  try {
    ({ stdout } = await run("dpkg-query", ["--show", `--showformat=${format}`, ...packages], {
      okCodes: [0, 1],
    }));
  } catch (error) {
    if (error instanceof AppError && error.code === "PROGRAM_MISSING") return [...packages];
    throw error;
  }
  const installed = new Set(
    stdout.split("\n").flatMap((line) => (line.endsWith(" installed") ? [line.split(" ")[0]] : [])),
  );
  return packages.filter((name) => !installed.has(name));
}

async function assertDebian(): Promise<void> {
  const release = (await readIfThere("/etc/os-release")) ?? "";
  const field = (name: string): string => new RegExp(`^${name}="?([^"\n]*)`, "m").exec(release)?.[1] ?? "";
  if (field("ID") === "debian" && field("VERSION_ID") === "12") return;
  const system = field("PRETTY_NAME") || "not a Linux distribution it can name";
  throw new AppError(
    "invalid",
    "SETUP_NOT_DEBIAN",
    `The set-up knows Debian 12; this is ${system}. Packages of these names are needed: ${LAB.join(" ")}.`,
  );
}

async function install(missing: readonly string[], log: (line: string) => void): Promise<void> {
  const begin = Date.now();
  const say = (line: string): void => log(`set-up: ${line} (${((Date.now() - begin) / 1000).toFixed(1)} s)`);
  say(`installing ${missing.length} packages: ${missing.join(" ")}`);
  await removeStalePolicies();
  const undo: (() => Promise<void>)[] = [];
  try {
    undo.push(await keepServicesOff(), await keepClustersAway());
    await updateThenInstall(missing, say);
  } finally {
    for (const step of undo.toReversed()) await step();
  }
  for (const name of missing) {
    for (const service of UNWANTED_SERVICES[name] ?? []) {
      await run("update-rc.d", [service, "disable"]);
      say(`left the service ${service} off; hosts of the lab run their own`);
    }
  }
  say("the machine is ready");
}

/**
 * A source among several that cannot be reached, as an old third-party one, is no reason to stop; but when the
 * installation fails, it is the more telling failure.
 */
async function updateThenInstall(missing: readonly string[], say: (line: string) => void): Promise<void> {
  const notUpdated = await apt(["update"], "fetching the lists of packages", say).then(
    () => undefined,
    (error: unknown) => error,
  );
  try {
    await apt(["install", "--yes", "--no-install-recommends", ...missing], "installing", say);
  } catch (error) {
    throw notUpdated ?? error;
  }
}

/** The package tools ask this program before they start a service. An administrator's own answer is left alone. */
async function keepServicesOff(): Promise<() => Promise<void>> {
  if ((await readIfThere(POLICY)) !== undefined) return async () => {};
  await writeFile(POLICY, `#!/bin/sh\n${POLICY_MARK}\nexit 101\n`, { mode: 0o755 });
  return () => rm(POLICY, { force: true });
}

/** A fresh server package makes and starts a cluster called main, unless told otherwise. */
async function keepClustersAway(): Promise<() => Promise<void>> {
  const dirWasThere = (await stat(CLUSTER_POLICY_DIR).catch(() => undefined)) !== undefined;
  await mkdir(CLUSTER_POLICY_DIR, { recursive: true });
  await writeFile(CLUSTER_POLICY, `${POLICY_MARK}\ncreate_main_cluster = false\n`, { mode: 0o644 });
  return async () => {
    await rm(CLUSTER_POLICY, { force: true });
    // Only if it is empty: PostgreSQL's packages may have taken it over.
    if (!dirWasThere) await run("rmdir", ["--ignore-fail-on-non-empty", CLUSTER_POLICY_DIR]);
  };
}

/** What a set-up that was killed could not take back. */
async function removeStalePolicies(): Promise<void> {
  if ((await readIfThere(POLICY))?.includes(POLICY_MARK)) await rm(POLICY);
  await rm(CLUSTER_POLICY, { force: true });
}

/** Runs apt-get with progress every few seconds; waits for other users of the package tools. */
async function apt(args: readonly string[], what: string, say: (line: string) => void): Promise<void> {
  await retry(() => aptOnce(args, what, say), {
    attempts: 30,
    firstDelayMs: 2_000,
    delayMsMax: 10_000,
    isRetryable: (error) => error instanceof AppError && error.code === "SETUP_APT_BUSY",
  });
}

const PROGRESS_INTERVAL_MS = 3_000;
/** Lines worth telling; the rest of apt's output is for a log nobody reads. */
const PROGRESS = /^(?:Get:\d+ .*?(\S+) (?:amd64|all) |Unpacking ([^ :]+)|Setting up ([^ :]+))/;

async function aptOnce(args: readonly string[], what: string, say: (line: string) => void): Promise<void> {
  const options = [
    "-q",
    "-o",
    "DPkg::Lock::Timeout=600",
    "-o",
    "Acquire::Retries=3",
    "-o",
    "Dpkg::Use-Pty=0",
  ];
  const child = spawn("apt-get", [...options, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C.UTF-8" },
  });
  const tail: string[] = [];
  let told = Date.now();
  say(what);
  const listen = (line: string): void => {
    tail.push(line);
    if (tail.length > 40) tail.shift();
    const name = PROGRESS.exec(line)?.slice(1).find(Boolean);
    if (name === undefined || Date.now() - told < PROGRESS_INTERVAL_MS) return;
    told = Date.now();
    say(`${what}: ${line.startsWith("Get:") ? "fetching" : "setting up"} ${name}`);
  };
  createInterface({ input: child.stdout }).on("line", listen);
  createInterface({ input: child.stderr }).on("line", listen);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  const output = tail.join("\n");
  // `apt-get update` ends well even when it reached nothing.
  if (code !== 0 || (args[0] === "update" && /^E:|^W: Failed to fetch/m.test(output)))
    throw explain(output, args);
}

function explain(output: string, args: readonly string[]): AppError {
  const last = output
    .split("\n")
    .filter((line) => /^[EW]:/.test(line))
    .slice(-3)
    .join("\n");
  if (/Could not get lock|Unable to (?:lock|acquire)/.test(output)) {
    return new AppError(
      "unavailable",
      "SETUP_APT_BUSY",
      `The package tools are in use by something else.\n${last}`,
    );
  }
  if (
    /Temporary failure resolving|Could not resolve|Could not connect|Unable to connect|Failed to fetch/.test(
      output,
    )
  ) {
    return new AppError(
      "unavailable",
      "SETUP_NO_NETWORK",
      `Debian's packages could not be fetched; the machine needs a mirror in reach (see /etc/apt/sources.list).\n${last}`,
    );
  }
  return new AppError(
    "internal",
    "SETUP_FAILED",
    `apt-get ${args[0]} failed.\n${last || output.slice(-2_000)}`,
  );
}

if (import.meta.main) {
  const known = Object.keys(PACKAGES) as MachineWish[];
  const wants = process.argv
    .slice(2)
    .filter((word): word is MachineWish => known.includes(word as MachineWish));
  try {
    await ensureMachine({ wants: wants.length > 0 ? wants : known, log: (line) => console.log(line) });
    console.log("Everything Sinter needs is installed.");
  } catch (error) {
    console.error(error instanceof AppError ? error.message : error);
    process.exitCode = 1;
  }
}
