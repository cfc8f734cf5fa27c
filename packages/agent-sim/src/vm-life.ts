import { southboundError } from "@sinter/agent-link";
import type { DiskSpec, VmPower } from "@sinter/southbound";
import { mediumToBeHad } from "./media-calls.ts";
import type { SimHost } from "./sim-host.ts";
import { requireWritable } from "./sim-chain.ts";
import { addCounters, vmCounters } from "./sim-stats.ts";
import type { SimStore } from "./sim-store.ts";
import { isAlive, type SimVm } from "./sim-vm.ts";

const FIRST_VNC_PORT = 5900;
const VNC_PORTS = 10_000;

/**
 * Begins the run of a VM that is stopped, crashed or hibernated. Throws `invalid` DISK_MISSING, or `conflict`
 * VOLUME_IN_USE when another host has one of its disks open.
 */
export function startVm(host: SimHost, vm: SimVm, isPaused: boolean): void {
  const wakes = vm.power === "hibernated";
  const shape = wakes ? (vm.live ?? vm.spec) : vm.spec;
  for (const disk of shape.disks) requireOpenable(host, disk);
  for (const disk of shape.disks) openDisk(host, disk);
  // A browser's medium that is gone is left out.
  const live = { ...shape, cdrom: mediumToBeHad(host, shape.cdrom) };
  if (shape.cdrom?.kind === "browser" && live.cdrom === null) vm.spec = { ...vm.spec, cdrom: null };
  vm.live = live.cdrom === shape.cdrom ? shape : live;
  vm.startedAt = host.clock.now();
  vm.vncPort = FIRST_VNC_PORT + (host.vncPortsGiven++ % VNC_PORTS);
  vm.gateUntil = 0;
  if (!wakes) bootGuest(host, vm);
  setPower(host, vm, isPaused ? "paused" : "running", wakes ? "restored" : "booted");
}

/** Its QEMU ends, or its saved memory is discarded. */
export function endVm(host: SimHost, vm: SimVm, reason: string): void {
  // The host's counters must not fall when a VM takes its own along.
  if (isAlive(vm)) host.endedCounters = addCounters(host.endedCounters, vmCounters(vm, host.clock.now()));
  for (const disk of (vm.live ?? vm.spec).disks) closeDisk(host, disk);
  vm.live = undefined;
  vm.run++;
  setPower(host, vm, "stopped", reason);
}

export function hibernateVm(host: SimHost, vm: SimVm): void {
  const { live } = vm;
  endVm(host, vm, "saved");
  vm.live = live;
  setPower(host, vm, "hibernated", "saved");
}

/** The guest begins to boot; its agent answers some time later, and the manager is told to look. */
export function bootGuest(host: SimHost, vm: SimVm): void {
  vm.bootedAt = host.clock.now();
  const run = ++vm.run;
  if (!vm.guest.hasAgent || vm.guest.bootMs === 0) return;
  host.clock.sleep(vm.guest.bootMs, host.life).then(
    () => (vm.run === run ? host.changed(vm) : undefined),
    () => {}, // disposed
  );
}

export function setPower(host: SimHost, vm: SimVm, power: VmPower, reason: string): void {
  vm.power = power;
  vm.reason = reason;
  host.changed(vm);
}

/** Takes the lock that QEMU takes; shared disks have none. Throws as `startVm`. */
export function openDisk(host: SimHost, disk: DiskSpec): void {
  const store = requireOpenable(host, disk);
  if (!disk.shared) store.open(disk.volumeUuid, host.hostUuid);
}

export function closeDisk(host: SimHost, disk: DiskSpec): void {
  host.datastores.get(disk.datastoreId)?.store.close(disk.volumeUuid, host.hostUuid);
}

function requireOpenable(host: SimHost, disk: DiskSpec): SimStore {
  const { volumeUuid, datastoreId } = disk;
  const store = host.datastores.get(datastoreId)?.store;
  if (!store || store.state === "lost" || !store.find(volumeUuid)?.isWhole) {
    throw southboundError(
      "DISK_MISSING",
      `Volume ${volumeUuid} of datastore ${datastoreId} is not on host ${host.hostUuid}.`,
      { params: { volumeUuid, datastoreId } },
    );
  }
  requireWritable(store, disk);
  const holder = store.openedBy(volumeUuid);
  if (disk.shared || holder === undefined || holder === host.hostUuid) return store;
  const owner = store.leaseOwner(volumeUuid);
  if (owner !== null) {
    throw southboundError("LEASE_HELD", `Volume ${volumeUuid} may be written by host ${holder} alone.`, {
      params: {
        datastoreId,
        volumeUuid,
        ownerHostId: owner.hostId,
        ownerHostUuid: holder,
        ownerState: owner.state,
      },
    });
  }
  throw southboundError("VOLUME_IN_USE", `Host ${holder} has volume ${volumeUuid} open.`, {
    params: { volumeUuid, hostUuid: holder },
  });
}
