import { rm } from "node:fs/promises";
import { AppError, type Log } from "@sinter/kit";
import { labAddresses } from "./addressing.ts";
import { supervise } from "./agent-supervisor.ts";
import { attachDatastore, createDatastore, fillDatastore, unfillDatastore } from "./datastores.ts";
import { datastorePath, unmountDatastore } from "./host-filesystem.ts";
import { boxOf, powerOffHost, switchBoxOf } from "./host-power.ts";
import { findGuests, processStates } from "./host-processes.ts";
import type { HostStatus, Lab, LabDatastore, LabHost, LabStatus } from "./lab.ts";
import { createLabHost, openBoxOf, withHostLock } from "./lab-host.ts";
import {
  type DatastoreState,
  type HostState,
  hostIn,
  type LabState,
  type LabStateFile,
} from "./lab-state.ts";
import { ensureSwitch, lowerSwitch } from "./lab-switch.ts";
import { isOpen, runInBox } from "./namespace-box.ts";

const DATASTORE_NAME = /^[a-z0-9][a-z0-9-]{0,40}$/;

export async function openLab(
  files: LabStateFile,
  log: Log,
  options: { superviseAgents: boolean },
): Promise<Lab> {
  const { name, index, hosts: hostStates } = await files.get();
  const { stateDir } = files;
  const addresses = labAddresses(index);

  const hosts = hostStates.map((host) => createLabHost({ files, labName: name, index, log }, host));
  const host = (wanted: string): LabHost => {
    const found = hosts.find((h) => h.name === wanted);
    if (found !== undefined) return found;
    throw new AppError("notFound", "LAB_NO_SUCH_HOST", `The lab ${name} has no host ${wanted}.`);
  };
  const nameOf = (which: LabHost | string): string =>
    host(typeof which === "string" ? which : which.name).name;

  const supervision = options.superviseAgents ? supervise(files, hosts, log) : undefined;

  /** Records a datastore, makes it, and gives it to those of its hosts that are on. */
  const provide = async (wanted: DatastoreState): Promise<LabDatastore> => {
    if (!DATASTORE_NAME.test(wanted.name)) {
      throw new AppError(
        "invalid",
        "LAB_DATASTORE_NAME",
        `"${wanted.name}" is not a name of a–z, 0–9 and hyphens.`,
      );
    }
    const before = (await files.get()).datastores.find((d) => d.id === wanted.id);
    const store = { ...wanted, ...before, hosts: [...new Set([...(before?.hosts ?? []), ...wanted.hosts])] };
    await createDatastore(stateDir, store);
    await files.update((state) => ({
      ...state,
      datastores: [...state.datastores.filter((d) => d.id !== store.id), store],
    }));
    for (const hostName of store.hosts) {
      await withHostLock(stateDir, hostName, async () => {
        const box = boxOf(name, await files.host(hostName));
        if (box !== undefined && (await isOpen(box))) await attachDatastore(stateDir, store, box);
      });
    }
    return { id: store.id, name: store.name, path: datastorePath(store.name) };
  };

  /** A sized datastore as seen from here, through any of its hosts that is on. */
  const seenFromHere = async (id: string): Promise<string> => {
    const state = await files.get();
    const store = state.datastores.find((d) => d.id === id);
    if (store === undefined) {
      throw new AppError("notFound", "LAB_NO_SUCH_DATASTORE", `The lab ${name} has no datastore ${id}.`);
    }
    if (store.sizeBytes === undefined) {
      throw new AppError(
        "invalid",
        "LAB_DATASTORE_UNLIMITED",
        `The datastore ${id} was made without a size: its room is the machine's own disk.`,
      );
    }
    for (const hostName of store.hosts) {
      const box = boxOf(name, hostIn(state, hostName));
      if (box !== undefined && (await isOpen(box)))
        return `/proc/${box.init.pid}/root${datastorePath(store.name)}`;
    }
    throw new AppError("conflict", "LAB_HOST_OFF", `All hosts of the datastore ${id} are off.`);
  };

  return {
    name,
    stateDir,
    hosts,
    addresses,
    host,

    exec: async (which, program, args, runOptions) =>
      await runInBox(await openBoxOf(name, await files.host(nameOf(which))), program, args, runOptions),
    execSwitch: async (program, args, runOptions) =>
      await runInBox(await ensureSwitch(files), program, args, runOptions),

    sharedDirectory: (store, how = {}) =>
      provide({
        id: store,
        name: store,
        hosts: (how.hosts ?? hosts.map((h) => h.name)).map(nameOf),
        ...(how.sizeBytes === undefined ? {} : { sizeBytes: how.sizeBytes }),
      }),
    localDirectory: (which, store, how = {}) =>
      provide({
        id: `${nameOf(which)}.${store}`,
        name: store,
        hosts: [nameOf(which)],
        ...(how.sizeBytes === undefined ? {} : { sizeBytes: how.sizeBytes }),
      }),
    detachDatastore: async (which, store) => {
      const hostName = nameOf(which);
      await withHostLock(stateDir, hostName, async () => {
        const box = boxOf(name, await files.host(hostName));
        if (box !== undefined && (await isOpen(box))) await unmountDatastore(box, store);
        await files.update((state) => ({
          ...state,
          datastores: state.datastores.map((d) =>
            d.name === store ? { ...d, hosts: d.hosts.filter((h) => h !== hostName) } : d,
          ),
        }));
      });
    },
    fill: async (id, leaveBytes = 0) => await fillDatastore(await seenFromHere(id), leaveBytes),
    unfill: async (id) => await unfillDatastore(await seenFromHere(id)),

    status: async () => await readStatus(files),
    resume: async () => {
      await ensureSwitch(files);
      const wanted = (await files.get()).hosts.filter((h) => h.power === "on");
      await Promise.all(wanted.map((h) => host(h.name).powerOn()));
    },
    detach: async () => await supervision?.stop(),
    down: async ({ keepState = false } = {}) => {
      await supervision?.stop();
      const state = await files.find();
      if (state === undefined) return;
      const switchBox = switchBoxOf(state);
      await Promise.all(
        state.hosts.map((h) => withHostLock(stateDir, h.name, () => powerOffHost(files, switchBox, h.name))),
      );
      await lowerSwitch(files);
      if (!keepState) await rm(stateDir, { recursive: true, force: true });
      log.info({ lab: name, keepState }, "lab is down");
    },
  };
}

async function readStatus(files: LabStateFile): Promise<LabStatus> {
  const state = await files.get();
  const hosts = await Promise.all(state.hosts.map((host) => readHostStatus(state, host)));
  return {
    name: state.name,
    stateDir: files.stateDir,
    switchUp: await isOpen(switchBoxOf(state)),
    addresses: labAddresses(state.index),
    limits: state.limits,
    hosts,
  };
}

async function readHostStatus(state: LabState, host: HostState): Promise<HostStatus> {
  const box = boxOf(state.name, host);
  const on = box !== undefined && (await isOpen(box));
  return {
    name: host.name,
    power: on ? "on" : "off",
    processes: await processStates(host),
    guests: on ? [...(await findGuests(box)).keys()] : [],
    cut: host.cut,
    datastores: state.datastores.filter((d) => d.hosts.includes(host.name)).map((d) => d.name),
  };
}
