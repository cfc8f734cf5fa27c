import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError, readIfThere, writeFileAtomic } from "@sinter/kit";
import { withFileLock } from "./file-lock.ts";
import type { AgentCommand, GuestNetwork, HostLink, HostProcess, UplinkMode } from "./lab.ts";
import type { ProcessRef } from "./process-table.ts";

/** What STATE/lab.json holds. Processes are remembered by id and start time and believed only while both match. */
export interface LabState {
  readonly version: 1;
  readonly name: string;
  /** Ids and start times mean nothing after a reboot of the machine. */
  readonly bootId: string;
  /** See LabAddresses.index. */
  readonly index: number;
  readonly guestNetworks: readonly GuestNetwork[];
  readonly cacheDir: string;
  readonly hideKvm: boolean;
  readonly limits: readonly string[];
  readonly switchInit?: ProcessRef;
  readonly hosts: readonly HostState[];
  readonly datastores: readonly DatastoreState[];
}

export interface HostState {
  readonly name: string;
  /** 1, 2, …: the place in its networks. */
  readonly number: number;
  readonly uuid: string;
  readonly agentCommand?: AgentCommand;
  /** Whether it should be on; what is, shows in `init`. */
  readonly power: "on" | "off";
  readonly init?: ProcessRef;
  readonly processes: Readonly<Partial<Record<HostProcess, ProcessRef>>>;
  /** Stopped on purpose: neither supervision nor `resume` starts them. */
  readonly resting: readonly HostProcess[];
  readonly cut: readonly HostLink[];
  readonly uplinkMode: UplinkMode;
}

export interface DatastoreState {
  /** Unique in the lab: the name, for a local one with its host before it. */
  readonly id: string;
  /** The last part of its path in the hosts. */
  readonly name: string;
  readonly sizeBytes?: number;
  readonly hosts: readonly string[];
}

/** Reads and changes lab.json; changes of several processes wait for each other. */
export class LabStateFile {
  readonly stateDir: string;

  constructor(stateDir: string) {
    this.stateDir = stateDir;
  }

  async find(): Promise<LabState | undefined> {
    const text = await readIfThere(this.#path);
    if (text === undefined) return undefined;
    const state = JSON.parse(text) as LabState;
    if (state.version !== 1) {
      throw new AppError(
        "invalid",
        "LAB_STATE_VERSION",
        `${this.#path} was written by another version of Sinter.`,
      );
    }
    return state.bootId === (await bootId()) ? state : forgetProcesses(state);
  }

  async get(): Promise<LabState> {
    const state = await this.find();
    if (state !== undefined) return state;
    throw new AppError("notFound", "LAB_NOT_FOUND", `There is no lab in ${this.stateDir}.`);
  }

  async create(state: LabState): Promise<void> {
    await this.#write(state);
  }

  async update(change: (state: LabState) => LabState): Promise<LabState> {
    return await withFileLock(join(this.stateDir, "state.lock"), async () => {
      const changed = { ...change(await this.get()), bootId: await bootId() };
      await this.#write(changed);
      return changed;
    });
  }

  async updateHost(name: string, change: (host: HostState) => HostState): Promise<HostState> {
    const state = await this.update((before) => ({
      ...before,
      hosts: before.hosts.map((host) => (host.name === name ? change(host) : host)),
    }));
    return hostIn(state, name);
  }

  async host(name: string): Promise<HostState> {
    return hostIn(await this.get(), name);
  }

  get #path(): string {
    return join(this.stateDir, "lab.json");
  }

  async #write(state: LabState): Promise<void> {
    await writeFileAtomic(this.#path, `${JSON.stringify(state, undefined, 2)}\n`);
  }
}

export async function bootId(): Promise<string> {
  return (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
}

export function hostIn(state: LabState, name: string): HostState {
  const host = state.hosts.find((h) => h.name === name);
  if (host !== undefined) return host;
  throw new AppError("notFound", "LAB_NO_SUCH_HOST", `The lab ${state.name} has no host ${name}.`);
}

function forgetProcesses(state: LabState): LabState {
  const { switchInit: _gone, ...rest } = state;
  return {
    ...rest,
    hosts: state.hosts.map(({ init: _init, ...host }) => ({ ...host, processes: {} })),
  };
}
