import { isDeepStrictEqual } from "node:util";
import { southboundError } from "@sinter/agent-link";
import type { AppError } from "@sinter/kit";
import type { DiskSpec, NicSpec, VmObservation, VmSpec } from "@sinter/southbound";
import type { Effects } from "./effects.ts";
import { mediumToBeHad, observeCdrom, openMedium, releaseBrowserMedia } from "./media-calls.ts";
import { memoryKey } from "./sim-chain.ts";
import type { SimHost } from "./sim-host.ts";
import { isAlive, isBooted, isRunning, observeVm, type SimVm } from "./sim-vm.ts";
import { bootGuest, closeDisk, endVm, hibernateVm, openDisk, setPower, startVm } from "./vm-life.ts";

/**
 * What calls on VMs do. Each change is one synchronous step, so calls on one VM cannot get between each other; only
 * the wait of a safe stop lies outside, and looks again afterwards.
 */
export const vmEffects = {
  listVms: (host) => ({ vms: [...host.vms.values()].map((vm) => observe(host, vm)) }),
  getVm: (host, { vmUuid }) => observe(host, getVm(host, vmUuid)),

  defineVm(host, spec) {
    const vm = host.vms.get(spec.vmUuid);
    if (vm && !vm.isForeign && spec.generation <= vm.spec.generation) return observe(host, vm);
    for (const disk of spec.disks) requireVolume(host, disk);
    for (const nic of spec.nics) requireSwitch(host, nic);
    const had = { ...spec, cdrom: mediumToBeHad(host, spec.cdrom) };
    if (vm) {
      vm.spec = had;
      vm.isForeign = false;
      host.changed(vm);
      return observe(host, vm);
    }
    const fresh = host.newVm(had);
    host.vms.set(spec.vmUuid, fresh);
    host.changed(fresh);
    return observe(host, fresh);
  },

  startVm(host, { vmUuid, paused, memory }) {
    const vm = getVm(host, vmUuid);
    if (isRunning(vm)) return observe(host, vm);
    if (
      memory !== undefined &&
      !host.datastores.get(memory.datastoreId)?.store.memories.has(memoryKey(memory))
    ) {
      throw southboundError("SNAPSHOT_MEMORY_MISSING", `Snapshot ${memory.snapshotUuid} kept no memory.`, {
        params: { vmUuid },
      });
    }
    startVm(host, vm, paused === true);
    return observe(host, vm);
  },

  async stopVm(host, { vmUuid, mode, waitMs }, { signal }) {
    const vm = getVm(host, vmUuid);
    if (vm.power === "stopped") return observe(host, vm);
    if (mode === "force") {
      endVm(host, vm, "destroyed");
      return observe(host, vm);
    }
    if (!isRunning(vm)) throw notRunning(vm);
    const { guest, run } = vm;
    if (guest.obeysStop && guest.stopMs <= waitMs) {
      if (guest.stopMs > 0) {
        setPower(host, vm, "stopping", "shutdown asked for");
        await host.clock.sleep(guest.stopMs, signal);
      }
      // Somebody may have pulled the plug meanwhile, and even have started it again.
      if (vm.run === run && isAlive(vm)) endVm(host, vm, "shutdown");
      return observe(host, vm);
    }
    await host.clock.sleep(waitMs, signal);
    throw southboundError(
      "GUEST_DID_NOT_STOP",
      `The guest of VM ${vmUuid} has not stopped within ${waitMs} ms; it runs on.`,
      { params: { vmUuid, waitMs } },
    );
  },

  rebootVm(host, { vmUuid }) {
    const vm = getVm(host, vmUuid);
    if (!isRunning(vm)) throw notRunning(vm);
    bootGuest(host, vm);
    setPower(host, vm, "running", "booted");
    return observe(host, vm);
  },

  pauseVm(host, { vmUuid }) {
    const vm = getVm(host, vmUuid);
    if (!isRunning(vm)) throw notRunning(vm);
    if (vm.power !== "paused") setPower(host, vm, "paused", "user");
    return observe(host, vm);
  },

  resumeVm(host, { vmUuid }) {
    const vm = getVm(host, vmUuid);
    if (!isRunning(vm)) throw notRunning(vm);
    if (vm.power === "paused") setPower(host, vm, "running", "unpaused");
    return observe(host, vm);
  },

  hibernateVm(host, { vmUuid }) {
    const vm = getVm(host, vmUuid);
    if (vm.power === "hibernated") return observe(host, vm);
    if (!isRunning(vm)) throw notRunning(vm);
    if ((vm.live ?? vm.spec).cdrom?.kind === "browser") setMedium(host, vm, null);
    hibernateVm(host, vm);
    return observe(host, vm);
  },

  removeVm(host, { vmUuid, force }) {
    const vm = host.vms.get(vmUuid);
    if (!vm) return {};
    if (isAlive(vm)) {
      if (!force) {
        throw southboundError(
          "VM_STILL_RUNNING",
          `VM ${vmUuid} is ${vm.power}; stop it before removing it.`,
          {
            params: { vmUuid, power: vm.power },
          },
        );
      }
      endVm(host, vm, "destroyed");
    }
    host.vms.delete(vmUuid);
    releaseBrowserMedia(host);
    host.changed(vm);
    return {};
  },

  attachDisk(host, { vmUuid, ...disk }) {
    const vm = getVm(host, vmUuid);
    requireVolume(host, disk);
    const plug = (spec: VmSpec): VmSpec =>
      spec.disks.some(({ volumeUuid }) => volumeUuid === disk.volumeUuid)
        ? spec
        : { ...spec, disks: [...spec.disks, disk] };
    if (vm.live) openDisk(host, disk);
    change(host, vm, plug);
    return observe(host, vm);
  },

  detachDisk(host, { vmUuid, volumeUuid }) {
    const vm = getVm(host, vmUuid);
    const disk = (vm.live ?? vm.spec).disks.find((one) => one.volumeUuid === volumeUuid);
    if (!disk) return observe(host, vm);
    requireLetGo(vm, `disk ${volumeUuid}`);
    if (vm.live) closeDisk(host, disk);
    change(host, vm, (spec) => ({
      ...spec,
      disks: spec.disks.filter((one) => one.volumeUuid !== volumeUuid),
    }));
    return observe(host, vm);
  },

  tuneDisk(host, { vmUuid, volumeUuid, ...limits }) {
    const vm = getVm(host, vmUuid);
    if (!vm.spec.disks.some((disk) => disk.volumeUuid === volumeUuid)) {
      throw southboundError("DISK_MISSING", `VM ${vmUuid} has no volume ${volumeUuid}.`, {
        params: { vmUuid, volumeUuid },
      });
    }
    change(host, vm, (spec) => ({
      ...spec,
      disks: spec.disks.map((disk) => (disk.volumeUuid === volumeUuid ? { ...disk, ...limits } : disk)),
    }));
    return observe(host, vm);
  },

  attachNic(host, { vmUuid, ...nic }) {
    const vm = getVm(host, vmUuid);
    requireSwitch(host, nic);
    change(host, vm, (spec) =>
      spec.nics.some(({ mac }) => mac === nic.mac) ? spec : { ...spec, nics: [...spec.nics, nic] },
    );
    return observe(host, vm);
  },

  detachNic(host, { vmUuid, mac }) {
    const vm = getVm(host, vmUuid);
    if (!(vm.live ?? vm.spec).nics.some((nic) => nic.mac === mac)) return observe(host, vm);
    requireLetGo(vm, `NIC ${mac}`);
    change(host, vm, (spec) => ({ ...spec, nics: spec.nics.filter((nic) => nic.mac !== mac) }));
    return observe(host, vm);
  },

  openVncGate(host, { vmUuid, seconds }) {
    const vm = requireRunning(host, vmUuid);
    vm.gateUntil = host.clock.now() + seconds * 1000;
    return { host: host.address, port: vm.vncPort };
  },

  changeMedia(host, { vmUuid, cdrom }) {
    const vm = getVm(host, vmUuid);
    openMedium(host, cdrom);
    const before = (vm.live ?? vm.spec).cdrom;
    const wasForced =
      isRunning(vm) && vm.guest.keepsDevices && before !== null && !isDeepStrictEqual(before, cdrom);
    setMedium(host, vm, cdrom);
    return { vm: observe(host, vm), wasForced };
  },

  guestCommand(host, { vmUuid, command }) {
    const vm = getVm(host, vmUuid);
    if (!isRunning(vm)) throw notRunning(vm);
    if (!isBooted(vm, host.clock.now())) {
      throw southboundError("GUEST_AGENT_AWAY", `The guest agent of VM ${vmUuid} does not answer.`, {
        params: { vmUuid },
      });
    }
    return { result: guestAnswer(host, vm, command) };
  },
} satisfies Partial<Effects>;

function setMedium(host: SimHost, vm: SimVm, cdrom: VmSpec["cdrom"]): void {
  change(host, vm, (spec) => ({ ...spec, cdrom }));
  releaseBrowserMedia(host);
}

export function getVm(host: SimHost, vmUuid: string): SimVm {
  const vm = host.vms.get(vmUuid);
  if (vm) return vm;
  throw southboundError("VM_NOT_ON_HOST", `There is no VM ${vmUuid} on host ${host.hostUuid}.`, {
    params: { vmUuid },
  });
}

export function observe(host: SimHost, vm: SimVm): VmObservation {
  return observeVm(vm, {
    address: host.address,
    now: host.clock.now(),
    cdrom: observeCdrom(host, vm),
    pathOf: (datastoreId) => host.datastores.get(datastoreId)?.spec.path ?? "/lost",
  });
}

/** Both what is defined and what runs; libvirt calls it live and config. */
export function change(host: SimHost, vm: SimVm, edit: (spec: VmSpec) => VmSpec): void {
  const isSame = vm.live === vm.spec;
  vm.spec = edit(vm.spec);
  if (vm.live) vm.live = isSame ? vm.spec : edit(vm.live);
  host.changed(vm);
}

function requireVolume(host: SimHost, disk: Pick<DiskSpec, "datastoreId" | "volumeUuid">): void {
  const volume = host.datastores.get(disk.datastoreId)?.store.find(disk.volumeUuid);
  if (volume?.isWhole) return;
  throw southboundError(
    "DISK_MISSING",
    `Volume ${disk.volumeUuid} of datastore ${disk.datastoreId} is not on host ${host.hostUuid}.`,
    { params: { volumeUuid: disk.volumeUuid, datastoreId: disk.datastoreId } },
  );
}

function requireSwitch(host: SimHost, nic: Pick<NicSpec, "switchId">): void {
  if (host.switches.has(nic.switchId)) return;
  throw southboundError("SWITCH_MISSING", `Switch ${nic.switchId} is not on host ${host.hostUuid}.`, {
    params: { switchId: nic.switchId },
  });
}

function requireLetGo(vm: SimVm, device: string): void {
  if (!isRunning(vm) || !vm.guest.keepsDevices) return;
  throw southboundError(
    "GUEST_KEEPS_DEVICE",
    `The guest of VM ${vm.spec.vmUuid} does not let go of ${device}.`,
    {
      params: { vmUuid: vm.spec.vmUuid },
    },
  );
}

function notRunning(vm: SimVm): AppError {
  return southboundError("VM_NOT_RUNNING", `VM ${vm.spec.vmUuid} is ${vm.power}; this needs it running.`, {
    params: { vmUuid: vm.spec.vmUuid, power: vm.power },
  });
}

/** The few commands that callers really look at; any other one is accepted with an empty answer. */
function guestAnswer(host: SimHost, vm: SimVm, command: string): unknown {
  const guest = observe(host, vm).guest;
  switch (command) {
    case "guest-get-host-name":
      return { "host-name": guest?.hostname };
    case "guest-get-osinfo":
      return { "pretty-name": guest?.osName, id: "simulated" };
    case "guest-get-time":
      return host.clock.now() * 1_000_000;
    case "guest-network-get-interfaces":
      return guest?.addresses.map(({ name, mac, ipv4 }) => ({
        name,
        "hardware-address": mac,
        "ip-addresses": ipv4.map((address) => ({
          "ip-address": address,
          "ip-address-type": "ipv4",
          prefix: 16,
        })),
      }));
    default:
      return {};
  }
}

/** For the console, which is no call of the table. */
export function requireRunning(host: SimHost, vmUuid: string): SimVm {
  const vm = getVm(host, vmUuid);
  if (!isRunning(vm)) throw notRunning(vm);
  return vm;
}
