import { type Clock, GiB, systemClock } from "@sinter/kit";
import type { DiskSpec, NicSpec, VmSpec } from "@sinter/southbound";
import { seededUuid } from "./seeded.ts";
import { SimHost, type SimHostOptions } from "./sim-host.ts";
import { SimStore } from "./sim-store.ts";

export interface SimFleetOptions {
  readonly hosts: number;
  readonly vmsPerHost: number;
  /** Two fleets of one seed are equal to the last UUID. */
  readonly seed: string;
  readonly clock?: Clock;
  /** Share of the VMs that run; default 1. */
  readonly runningShare?: number;
  /** What each host differs in. */
  readonly host?: (index: number) => SimHostOptions;
  /** Calls remembered per host; default 20, since a fleet is large. */
  readonly callLogLimit?: number;
}

export const FLEET_DATASTORE_ID = "shared1";
export const FLEET_DATASTORE_PATH = "/srv/shared1";
export const FLEET_SWITCH_ID = "1";

/** Many hosts that see one shared datastore, with VMs that were started long ago. */
export class SimFleet {
  readonly hosts: readonly SimHost[];
  readonly store: SimStore;

  private constructor(hosts: readonly SimHost[], store: SimStore) {
    this.hosts = hosts;
    this.store = store;
  }

  static create(options: SimFleetOptions): SimFleet {
    const clock = options.clock ?? systemClock;
    const store = new SimStore({ seed: options.seed, capacityBytes: 2 ** 50 });
    store.datastoreId = FLEET_DATASTORE_ID;
    const hosts = Array.from({ length: options.hosts }, (_, index) => {
      const sim = new SimHost({
        seed: `${options.seed}:${index}`,
        clock,
        mounts: { [FLEET_DATASTORE_PATH]: store },
        callLogLimit: options.callLogLimit ?? 20,
        ...options.host?.(index),
      });
      furnish(sim, store);
      for (let n = 0; n < options.vmsPerHost; n++) {
        const number = index * options.vmsPerHost + n;
        const isRunning = n < options.vmsPerHost * (options.runningShare ?? 1);
        addVm(sim, store, fleetVm(options.seed, number), isRunning);
      }
      return sim;
    });
    return new SimFleet(hosts, store);
  }

  /** Every VM with the host it is on. */
  *vms(): Generator<{ sim: SimHost; spec: VmSpec }> {
    for (const sim of this.hosts) for (const { spec } of sim.vms.values()) yield { sim, spec };
  }

  dispose(): void {
    for (const sim of this.hosts) sim.dispose();
  }
}

const DISK_BYTES = 40 * GiB;
/** Their guests have long booted. */
const STARTED_AGO_MS = 86_400_000;

function furnish(sim: SimHost, store: SimStore): void {
  sim.bootedAt -= 2 * STARTED_AGO_MS;
  sim.agentStartedAt = sim.bootedAt;
  const spec = { datastoreId: FLEET_DATASTORE_ID, path: FLEET_DATASTORE_PATH, shared: true };
  sim.datastores.set(FLEET_DATASTORE_ID, { spec, store });
  sim.switches.set(FLEET_SWITCH_ID, {
    switchId: FLEET_SWITCH_ID,
    name: "default",
    generation: 1,
    mtu: 1500,
    uplinks: ["eth1"],
  });
}

function addVm(sim: SimHost, store: SimStore, spec: VmSpec, isRunning: boolean): void {
  for (const disk of spec.disks) {
    store.put({
      volumeUuid: disk.volumeUuid,
      sizeBytes: DISK_BYTES,
      format: "qcow2",
      allocatedBytes: 4 * GiB,
      isWhole: true,
      linkedTo: null,
    });
  }
  const vm = sim.newVm(spec);
  sim.vms.set(spec.vmUuid, vm);
  if (!isRunning) return;
  for (const disk of spec.disks) store.open(disk.volumeUuid, sim.hostUuid);
  vm.live = spec;
  vm.power = "running";
  vm.reason = "booted";
  vm.startedAt = sim.clock.now() - STARTED_AGO_MS;
  vm.bootedAt = vm.startedAt;
  vm.vncPort = 5900 + (sim.vms.size % 1000);
}

// Parts that are the same in every VM are one object: 20,000 specs must not fill the memory.
const CPU = { count: 2, coresPerSocket: 1, shares: 2000, reservationMhz: 0, limitMhz: 0, affinity: [] };
const BOOT_ORDER: VmSpec["bootOrder"] = ["disk"];
const VNC: VmSpec["vnc"] = { keymap: "en-us" };
const VLAN: NicSpec["vlan"] = { kind: "access", vlanId: 0 };
const DISK: Omit<DiskSpec, "volumeUuid"> = {
  datastoreId: FLEET_DATASTORE_ID,
  slot: 1,
  bus: "virtio",
  format: "qcow2",
  shared: false,
  discard: true,
  readBytesPerSec: 0,
  writeBytesPerSec: 0,
  readIops: 0,
  writeIops: 0,
};

function fleetVm(seed: string, number: number): VmSpec {
  const id = `${seed}:vm:${number}`;
  return {
    vmUuid: seededUuid(id),
    vmId: `i-${(number + 1).toString(16).toUpperCase().padStart(8, "0")}`,
    name: `vm-${number + 1}`,
    generation: 1,
    architecture: "x86_64",
    cpu: CPU,
    memoryMiB: 4096,
    firmware: "bios",
    bootOrder: BOOT_ORDER,
    disks: [{ ...DISK, volumeUuid: seededUuid(`${id}:disk`) }],
    nics: [
      {
        nicUuid: seededUuid(`${id}:nic`),
        index: 0,
        // Counted, since the short hash of a MAC would repeat among thousands.
        mac: countedMac(number),
        model: "virtio",
        switchId: FLEET_SWITCH_ID,
        vlan: VLAN,
        connected: true,
      },
    ],
    vnc: VNC,
    onCrash: "restart",
    seed: null,
    cdromBus: "scsi",
    cdrom: null,
  };
}

function countedMac(number: number): string {
  const hex = number.toString(16).padStart(6, "0");
  return `52:54:00:${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4, 6)}`;
}
