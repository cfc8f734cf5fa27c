import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type Log, Undo } from "@sinter/kit";
import { hostAddresses, hostAddressesWithPrefix, labAddresses } from "./addressing.ts";
import { findCgroupTree } from "./cgroups.ts";
import { attachDatastore, datastoresDir } from "./datastores.ts";
import { mountHostFilesystem } from "./host-filesystem.ts";
import { startProcesses, stopProcess } from "./host-processes.ts";
import type { HostState, LabState, LabStateFile } from "./lab-state.ts";
import { hostIn } from "./lab-state.ts";
import { configureLibvirt, harvestCapabilities, plantCapabilities } from "./libvirt-daemons.ts";
import { type Box, closeBox, isOpen, openBox } from "./namespace-box.ts";
import { switchId } from "./switch.ts";
import { connectHost, disconnectHost, isUplink, wiresOf } from "./wires.ts";

export const hostId = (labName: string, host: string): string => `sinter-${labName}-${host}`;
export const hostDir = (stateDir: string, host: string): string => join(stateDir, "hosts", host);

/** The box a host's state speaks of; undefined when the host was never on or is off. Does it run? Ask `isOpen`. */
export function boxOf(labName: string, host: HostState): Box | undefined {
  return host.init === undefined
    ? undefined
    : { names: { id: hostId(labName, host.name), hostName: host.name }, init: host.init };
}

export function switchBoxOf(state: LabState): Box | undefined {
  return state.switchInit === undefined
    ? undefined
    : { names: { id: switchId(state.name), hostName: `${state.name}-switch` }, init: state.switchInit };
}

/**
 * Boots a host, or starts what is missing on one that is on: every step looks first. Callers hold the host's lock.
 * A boot that fails leaves the host off.
 */
export async function powerOnHost(
  files: LabStateFile,
  switchBox: Box,
  name: string,
  log: Log,
): Promise<void> {
  const state = await files.get();
  const host = hostIn(state, name);
  await using undo = new Undo(log);
  let box = boxOf(state.name, host);
  const boots = box === undefined || !(await isOpen(box));
  if (box === undefined || boots) {
    await cutPower(state, switchBox, host);
    box = await openBox({ id: hostId(state.name, name), hostName: name });
    undo.add("power off again", () => cutPower(state, switchBox, host));
    await mountHostFilesystem(box, filesystemOf(files.stateDir, state, host));
  }
  const cut = host.cut.flatMap(wiresOf);
  const laid = await connectHost(switchBox, {
    name,
    box,
    addresses: hostAddressesWithPrefix(state.index, host.number),
    cut,
    uplinkMode: host.uplinkMode,
  });
  for (const store of state.datastores.filter((d) => d.hosts.includes(name))) {
    await attachDatastore(files.stateDir, store, box);
  }
  if (boots) {
    await configureLibvirt(box, {
      uuid: host.uuid,
      migrationAddress: hostAddresses(state.index, host.number).migration,
      hasCgroups: (await findCgroupTree(box.names.id)) !== undefined,
    });
    await plantCapabilities(box, state.cacheDir);
    const { init } = box;
    await files.updateHost(name, (before) => ({ ...before, power: "on", init, processes: {} }));
  }
  // The host's own switch holds on to devices that are gone, if the cables were laid anew under it.
  if (!boots && laid.some(isUplink)) await stopProcess(host, "ovs");
  await startProcesses(files, box, await files.host(name));
  if (boots) await harvestCapabilities(box, state.cacheDir);
  undo.commit();
}

/** Callers hold the host's lock. Forgives a host that is off, and finds the remains of one that failed to boot. */
export async function powerOffHost(
  files: LabStateFile,
  switchBox: Box | undefined,
  name: string,
): Promise<void> {
  const state = await files.get();
  await cutPower(state, switchBox, hostIn(state, name));
  await files.updateHost(name, ({ init: _gone, ...host }) => ({ ...host, power: "off", processes: {} }));
}

/** What a power cut takes away, and nothing that is kept. */
async function cutPower(state: LabState, switchBox: Box | undefined, host: HostState): Promise<void> {
  // Cables first: removing the network namespace would take them along, but some time later.
  if (switchBox !== undefined && (await isOpen(switchBox))) await disconnectHost(switchBox, host.name);
  await closeBox(hostId(state.name, host.name), host.init);
}

/** Removes what a host keeps. */
export async function eraseHost(stateDir: string, name: string): Promise<void> {
  await rm(hostDir(stateDir, name), { recursive: true, force: true });
}

function filesystemOf(stateDir: string, state: LabState, host: HostState) {
  const manager = `${labAddresses(state.index).manager} manager`;
  const names = state.hosts.map((h) => `${hostAddresses(state.index, h.number).management} ${h.name}`);
  return {
    keptDir: hostDir(stateDir, host.name),
    datastoresDir: datastoresDir(stateDir),
    hideKvm: state.hideKvm,
    hostsFile: `${[manager, ...names].join("\n")}\n`,
    hostName: host.name,
    machineId: host.uuid.replaceAll("-", ""),
  };
}
