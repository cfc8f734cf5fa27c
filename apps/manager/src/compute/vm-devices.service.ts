import {
  type AttachVolumeRequest,
  type DetachVolumeRequest,
  type NicRequest,
  parseUrn,
} from "@sinter/northbound";
import type { Static } from "typebox";
import type { Actor } from "../identity/user.ts";
import { snapshotErrors } from "../snapshot/snapshot.errors.ts";
import { snapshotStore } from "../snapshot/snapshot.store.ts";
import { volumeErrors } from "../storage/volume.errors.ts";
import { volumeStore } from "../storage/volume.store.ts";
import { draftNics, usableVolume } from "./vm-draft.ts";
import {
  attachNic,
  attachVolume,
  detachNic,
  detachVolume,
  type DiskInput,
  type NicInput,
} from "./vm-devices.task.ts";
import { vmErrors } from "./vm.errors.ts";
import { vmStore } from "./vm.store.ts";
import { type Begun, volumeLock, type VmWork } from "./vm-work.ts";
import type { Nic } from "./vm.ts";

type AttachRequest = Static<typeof AttachVolumeRequest>;
type DetachRequest = Static<typeof DetachVolumeRequest>;

/** Disks and NICs that come and go, also while the VM runs. */
export function createVmDevices(work: VmWork) {
  const { begin, submit, getWhole, refuseBusy, requireEdit } = work;
  return {
    async attachVolume(actor: Actor, id: number, request: AttachRequest): Promise<Begun> {
      return begin(async (tx) => {
        const whole = await getWhole(tx, id);
        const { vm } = whole;
        await refuseBusy(id, tx.client);
        requireEdit(vm, "attachVolume");
        if (vm.hostId === null) throw vmErrors.hostAway(id);
        const named = parseUrn(request.volUrn)?.id;
        if (whole.disks.some((disk) => disk.volume.id === named)) throw volumeErrors.attachedHere(named ?? 0);
        const volume = await usableVolume(tx.db, request.volUrn);
        if (await snapshotStore(tx.db).isBase(volume.id)) throw snapshotErrors.volumeHasClones(volume.id);
        const bus = request.pciType === "IDE" ? "ide" : request.pciType === "SCSI" ? "scsi" : "virtio";
        const taken = new Set(whole.disks.filter((disk) => disk.bus === bus).map((disk) => disk.slot));
        const slot = request.sequenceNum || firstFree(taken);
        if (taken.has(slot)) throw vmErrors.diskSlotUsed(slot, bus);
        if (whole.disks.length >= 60) throw vmErrors.tooManyDisks();
        const reaching = await volumeStore(tx.db).hostsReaching(volume.datastoreId);
        if (!reaching.includes(vm.hostId)) throw vmErrors.noStorageAtLocation();
        await volumeStore(tx.db).attach([{ volumeId: volume.id, vmId: id, bus, slot }]);
        const input: DiskInput = {
          vmId: id,
          vmUuid: vm.uuid,
          hostId: vm.hostId,
          volumeId: volume.id,
          bus,
          slot,
        };
        const locks = [volumeLock(volume.id)];
        return { taskId: await submit(tx, actor, attachVolume, { input, vm, locks }), id };
      });
    },

    async detachVolume(actor: Actor, id: number, request: DetachRequest): Promise<Begun> {
      return begin(async (tx) => {
        const { vm, disks } = await getWhole(tx, id);
        await refuseBusy(id, tx.client);
        requireEdit(vm, "detachVolume");
        if (vm.hostId === null) throw vmErrors.hostAway(id);
        const volumeId = parseUrn(request.volUrn)?.id;
        const disk = disks.find((candidate) => candidate.volume.id === volumeId);
        if (!disk || volumeId === undefined) throw volumeErrors.notAttachedHere(request.volUrn.slice(0, 96));
        if (disk.slot === 1 && vm.state !== "stopped") throw volumeErrors.isSystemDisk();
        if (await snapshotStore(tx.db).hasVolume(volumeId)) throw snapshotErrors.diskHasSnapshots(volumeId);
        const { bus, slot } = disk;
        const input: DiskInput = { vmId: id, vmUuid: vm.uuid, hostId: vm.hostId, volumeId, bus, slot };
        const locks = [volumeLock(volumeId)];
        return { taskId: await submit(tx, actor, detachVolume, { input, vm, locks }), id };
      });
    },

    async attachNic(actor: Actor, id: number, request: NicRequest): Promise<Begun & { index: number }> {
      let index = 0;
      const begun = await begin(async (tx) => {
        const { vm, nics } = await getWhole(tx, id);
        await refuseBusy(id, tx.client);
        requireEdit(vm, "attachNic");
        if (vm.hostId === null) throw vmErrors.hostAway(id);
        const draft = await draftNics(tx.db, id, [request], nics);
        const nic = draft.nics[0] as Nic;
        if ((await vmStore(tx.db).usedMacs([nic.mac])).size > 0) throw vmErrors.macUsed(nic.mac);
        await vmStore(tx.db).insertNic(nic);
        index = nic.index;
        const input: NicInput = { vmId: id, vmUuid: vm.uuid, hostId: vm.hostId, nic };
        return { taskId: await submit(tx, actor, attachNic, { input, vm }), id };
      });
      return { ...begun, index };
    },

    async detachNic(actor: Actor, id: number, index: number): Promise<Begun> {
      return begin(async (tx) => {
        const { vm, nics } = await getWhole(tx, id);
        await refuseBusy(id, tx.client);
        requireEdit(vm, "detachNic");
        if (vm.hostId === null) throw vmErrors.hostAway(id);
        const nic = nics.find((candidate) => candidate.index === index);
        if (!nic) throw vmErrors.nicMissing(index);
        const input: NicInput = { vmId: id, vmUuid: vm.uuid, hostId: vm.hostId, nic };
        return { taskId: await submit(tx, actor, detachNic, { input, vm }), id };
      });
    },
  };
}

function firstFree(taken: ReadonlySet<number>): number {
  for (let slot = 1; ; slot++) if (!taken.has(slot)) return slot;
}
