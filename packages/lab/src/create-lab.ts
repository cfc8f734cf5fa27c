import { randomUUID } from "node:crypto";
import { mkdir, rm, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { AppError, type Log } from "@sinter/kit";
import { chooseIndex, HOSTS_MAX, hostAddresses, labAddresses } from "./addressing.ts";
import { findCgroupTree } from "./cgroups.ts";
import { withFileLock } from "./file-lock.ts";
import { type KvmProbe, probeKvmOnce } from "./kvm-probe.ts";
import type { AgentCommand, GuestNetwork, HostIdentity, Lab, LabOptions } from "./lab.ts";
import { openLab } from "./lab-handle.ts";
import { bootId, type HostState, type LabState, LabStateFile } from "./lab-state.ts";
import { ensureSwitch, hasNetem, MACHINE_LOCK, raiseSwitch } from "./lab-switch.ts";
import { switchId } from "./switch.ts";

const CACHE_DIR = "/var/cache/sinter";
const NAME = /^[a-z0-9]{1,8}$/;
const GUEST_NETWORKS: readonly GuestNetwork[] = [{ cidr: "172.31.0.0/24" }];

/**
 * Brings a lab up: a new one, or the one that `stateDir` already holds, whose hosts keep their identities, addresses
 * and disks. Guests that run are left alone. What fails while a new lab is made is taken back; an existing one is
 * left as it is. Needs root, and the programs `npm run setup` installs.
 *
 * Throws `invalid` for options that cannot be, `conflict` LAB_NAME_TAKEN or LAB_ADDRESSES_TAKEN beside another lab,
 * `unavailable` LAB_NO_NAMESPACES where the machine does not let us.
 */
export async function createLab(options: LabOptions): Promise<Lab> {
  const wanted = checkOptions(options);
  await mkdir(wanted.stateDir, { recursive: true });
  const files = new LabStateFile(wanted.stateDir);
  const cacheDir = options.cacheDir ?? CACHE_DIR;
  const kvm = await probeKvmOnce(cacheDir);

  const isNew = await withFileLock(MACHINE_LOCK, async () => {
    if ((await files.find()) !== undefined) {
      await files.update((before) => renewState(before, wanted, options));
      return false;
    }
    await files.create(await newState(wanted, options, cacheDir, kvm));
    try {
      await raiseSwitch(files);
    } catch (error) {
      await rm(wanted.stateDir, { recursive: true });
      throw error;
    }
    return true;
  });
  const lab = await openLab(files, options.log, { superviseAgents: options.superviseAgents ?? false });
  try {
    if (isNew) await noteLimits(files, kvm);
    await lab.resume();
  } catch (error) {
    if (isNew) await lab.down();
    else await lab.detach();
    throw error;
  }
  return lab;
}

/**
 * Takes hold of a lab that another process made, up or down; starts and changes nothing by itself.
 * Throws `notFound` LAB_NOT_FOUND when the directory holds none.
 */
export async function attachLab(stateDir: string, log: Log): Promise<Lab> {
  return await openLab(new LabStateFile(resolve(stateDir)), log, { superviseAgents: false });
}

/** Attaches and starts again whatever should run and does not; running guests are left alone. */
export async function resumeLab(
  stateDir: string,
  options: { readonly log: Log; readonly superviseAgents?: boolean },
): Promise<Lab> {
  const lab = await openLab(new LabStateFile(resolve(stateDir)), options.log, {
    superviseAgents: options.superviseAgents ?? false,
  });
  await lab.resume();
  return lab;
}

interface WantedLab {
  readonly stateDir: string;
  readonly hostNames: readonly string[];
}

function checkOptions(options: LabOptions): WantedLab {
  const hosts =
    typeof options.hosts === "number" ? Array.from({ length: options.hosts }, () => ({})) : options.hosts;
  const hostNames = hosts.map((spec: { name?: string }, index) => spec.name ?? `h${index + 1}`);
  const stateDir = resolve(options.stateDir);
  if (process.getuid?.() !== 0) refuse("A lab needs root: it makes namespaces and network links.");
  if (!NAME.test(options.name)) refuse(`A lab's name is 1 to 8 of a–z and 0–9; "${options.name}" is not.`);
  if (hostNames.length === 0 || hostNames.length > HOSTS_MAX) refuse(`A lab has 1 to ${HOSTS_MAX} hosts.`);
  for (const name of hostNames) {
    if (!NAME.test(name) || name === "sw")
      refuse(`A host's name is 1 to 8 of a–z and 0–9; "${name}" is not.`);
  }
  if (new Set(hostNames).size !== hostNames.length) refuse("Two hosts of a lab have the same name.");
  if (/\s/.test(stateDir)) refuse(`The state directory's path may hold no space: ${stateDir}`);
  if (stateDir === "/run" || stateDir.startsWith("/run/"))
    refuse("The state directory may not be under /run.");
  return { stateDir, hostNames };
}

function refuse(message: string): never {
  throw new AppError("invalid", "LAB_OPTIONS", message);
}

async function newState(
  wanted: WantedLab,
  options: LabOptions,
  cacheDir: string,
  kvm: KvmProbe,
): Promise<LabState> {
  if ((await stat(`/run/netns/${switchId(options.name)}`).catch(() => undefined)) !== undefined) {
    throw new AppError("conflict", "LAB_NAME_TAKEN", `A lab named ${options.name} is up on this machine.`);
  }
  const base: LabState = {
    version: 1,
    name: options.name,
    bootId: await bootId(),
    index: await chooseIndex(wanted.stateDir),
    guestNetworks: options.guestNetworks ?? GUEST_NETWORKS,
    cacheDir,
    hideKvm: !kvm.usable,
    limits: [],
    hosts: [],
    datastores: [],
  };
  return { ...base, hosts: wanted.hostNames.map((name, i) => newHost(base, name, i + 1, options)) };
}

/** The same lab again: more hosts may come, none may go; agents are started as this caller says. */
function renewState(before: LabState, wanted: WantedLab, options: LabOptions): LabState {
  if (before.name !== options.name) {
    throw new AppError(
      "conflict",
      "LAB_OTHER",
      `${wanted.stateDir} holds the lab ${before.name}, not ${options.name}.`,
    );
  }
  const lost = before.hosts.filter((host) => !wanted.hostNames.includes(host.name));
  if (lost.length > 0) {
    const names = lost.map((host) => host.name).join(", ");
    throw new AppError("conflict", "LAB_OTHER", `The lab ${before.name} also has the hosts ${names}.`);
  }
  const hosts = wanted.hostNames.map((name, i) => {
    const old = before.hosts.find((host) => host.name === name);
    if (old === undefined) return newHost(before, name, i + 1, options);
    const { agentCommand: _old, ...rest } = old;
    return { ...rest, power: "on" as const, ...agentOf(before, old, options) };
  });
  return { ...before, hosts };
}

function newHost(lab: LabState, name: string, number: number, options: LabOptions): HostState {
  const host = { name, number, uuid: randomUUID() };
  return {
    ...host,
    power: "on",
    processes: {},
    resting: [],
    cut: [],
    uplinkMode: "separate",
    ...agentOf(lab, host, options),
  };
}

function agentOf(
  lab: LabState,
  host: Pick<HostState, "name" | "number" | "uuid">,
  options: LabOptions,
): { agentCommand?: AgentCommand } {
  if (options.agentCommand === undefined) return {};
  const identity: HostIdentity = {
    name: host.name,
    uuid: host.uuid,
    addresses: hostAddresses(lab.index, host.number),
    lab: { name: lab.name, addresses: labAddresses(lab.index) },
  };
  return { agentCommand: options.agentCommand(identity) };
}

/** Writes down what this machine cannot give its hosts, as sentences. */
async function noteLimits(files: LabStateFile, kvm: KvmProbe): Promise<void> {
  const limits: string[] = [];
  const switchBox = await ensureSwitch(files);
  if (!kvm.usable) limits.push(`Guests are emulated. ${kvm.reason}`);
  if ((await findCgroupTree(switchBox.names.id)) === undefined) {
    limits.push("Hosts have no cgroups: no CPU shares or limits for VMs, and no slow hosts.");
  }
  if (!(await hasNetem(switchBox)))
    limits.push("Links can be given a rate but no delay: the kernel has no netem.");
  await files.update((state) => ({ ...state, limits }));
}
