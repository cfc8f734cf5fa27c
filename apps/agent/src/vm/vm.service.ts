import type { Duplex } from "node:stream";
import { KeyedQueue, type Log } from "@sinter/kit";
import { CONSOLE, UNDEFINE } from "@sinter/libvirt";
import type { AgentApi, CallContext, VmObservation } from "@sinter/southbound";
import type { Screens } from "../console/screen.service.ts";
import { fromLibvirt, translated } from "../libvirt/libvirt-errors.ts";
import type { LibvirtLink } from "../libvirt/libvirt-link.ts";
import type { BrowserMedia } from "../media/browser-media.ts";
import type { MediaService } from "../media/media.service.ts";
import { removeDescription } from "./description-file.ts";
import type { DomainReader } from "./domain-reader.ts";
import { runGuestCommand } from "./guest-command.ts";
import type { GuestWatch } from "./guest-watch.ts";
import type { SeedStore } from "./seed-store.ts";
import { vmErrors } from "./vm.errors.ts";
import type { VmDefiner } from "./vm-define.ts";
import type { VmDevices } from "./vm-devices.ts";
import type { VmLeases } from "./vm-leases.ts";
import { readMetadata } from "./vm-metadata.ts";
import { isUp, observationOf, powerOf, type SeenDomain } from "./vm-observation.ts";
import type { VmPowerControl } from "./vm-power.ts";
import type { VmSnapshots } from "./vm-snapshot.ts";

export type VmService = ReturnType<typeof createVmService>;

type VmCalls = Pick<
  AgentApi,
  | "listVms"
  | "getVm"
  | "defineVm"
  | "startVm"
  | "stopVm"
  | "rebootVm"
  | "pauseVm"
  | "resumeVm"
  | "hibernateVm"
  | "removeVm"
  | "attachDisk"
  | "detachDisk"
  | "tuneDisk"
  | "attachNic"
  | "detachNic"
  | "changeMedia"
  | "takeSnapshot"
  | "guestCommand"
>;

/**
 * The calls of the contract about VMs.
 *
 * | at the same time         | what makes it safe                                                      |
 * | ------------------------ | ----------------------------------------------------------------------- |
 * | two changes of one VM    | one after the other, in the order of arrival                            |
 * | changes of several VMs   | independent                                                             |
 * | safe stop, anything else | the waiting is not in the queue; libvirt's state decides what comes out |
 * | reading, anything        | reads libvirt, changes nothing                                          |
 */
export function createVmService(options: {
  readonly libvirt: LibvirtLink;
  readonly reader: DomainReader;
  readonly definer: VmDefiner;
  readonly power: VmPowerControl;
  readonly devices: VmDevices;
  readonly snapshots: VmSnapshots;
  readonly vmLeases: VmLeases;
  readonly guests: GuestWatch;
  readonly screens: Pick<Screens, "gateOf">;
  readonly seeds: SeedStore;
  readonly media: MediaService;
  readonly browsers: Pick<BrowserMedia, "release">;
  readonly log: Log;
}): VmCalls & { openConsole: (vmUuid: string) => Promise<Duplex> } {
  const { libvirt, reader, definer, power, devices, snapshots, vmLeases, guests, screens, media, browsers } =
    options;
  const queue = new KeyedQueue();

  const observe = (seen: SeenDomain): VmObservation =>
    observationOf(seen, {
      guest: guests.of(seen.uuid),
      vnc: screens.gateOf(seen.uuid),
      cdrom: media.describe(seen.current),
    });
  const read = async (vmUuid: string): Promise<VmObservation> => observe(await reader.get(vmUuid));
  /** A change in the VM's turn, answered by what then is. A caller who has left meanwhile changes nothing any more. */
  const changed = (
    vmUuid: string,
    { signal }: CallContext,
    work: () => Promise<unknown>,
  ): Promise<VmObservation> =>
    queue.run(vmUuid, async () => {
      signal.throwIfAborted();
      await work();
      return await read(vmUuid);
    });

  async function requireUp(vmUuid: string): Promise<void> {
    const now = powerOf(await reader.get(vmUuid));
    if (!isUp(now)) throw vmErrors.notRunning(vmUuid, now);
  }

  return {
    listVms: async () => ({ vms: (await reader.list()).map(observe) }),
    getVm: ({ vmUuid }) => read(vmUuid),
    defineVm: (spec, context) => changed(spec.vmUuid, context, () => definer.define(spec)),
    startVm: ({ vmUuid, paused, memory }, context) =>
      changed(vmUuid, context, async () => {
        await media.dropLost(vmUuid);
        if (!isUp(powerOf(await reader.get(vmUuid)))) await vmLeases.prepareStart(vmUuid);
        if (memory !== undefined) await snapshots.startFromMemory(vmUuid, memory);
        else await power.start(vmUuid, paused ?? false);
      }),

    async stopVm({ vmUuid, mode, waitMs }, context) {
      if (mode === "force") return await changed(vmUuid, context, () => power.stopByForce(vmUuid));
      await power.stopSafely(vmUuid, waitMs, context);
      return await read(vmUuid);
    },

    rebootVm: ({ vmUuid, mode }, context) =>
      changed(vmUuid, context, () => (mode === "safe" ? power.rebootSafely(vmUuid) : power.reset(vmUuid))),
    pauseVm: ({ vmUuid }, context) => changed(vmUuid, context, () => power.pause(vmUuid)),
    resumeVm: ({ vmUuid }, context) =>
      changed(vmUuid, context, async () => {
        // libvirt gives leases up while a VM is paused.
        if (powerOf(await reader.get(vmUuid)) === "paused") await vmLeases.prepareResume(vmUuid);
        await power.resume(vmUuid);
      }),
    hibernateVm: ({ vmUuid }, context) =>
      changed(vmUuid, context, async () => {
        // A saved VM wakes with what it had, and would wait for the browser for ever.
        if ((await media.browserMediaOf(vmUuid)).size > 0) await media.change(vmUuid, null);
        await power.hibernate(vmUuid);
      }),

    removeVm: ({ vmUuid, force }) =>
      queue.run(vmUuid, async () => {
        const seen = await reader.find(vmUuid);
        const browserMedia = await media.browserMediaOf(vmUuid);
        if (seen) {
          const now = powerOf(seen);
          if (isUp(now)) {
            if (!force) throw vmErrors.stillRunning(vmUuid, now);
            await power.stopByForce(vmUuid);
          }
          // Files before the definition: a crash between leaves a VM that can be removed again, not files of none.
          const metadata = readMetadata(seen.stored);
          if (metadata) await removeDescription(metadata);
          await undefine(vmUuid);
          options.log.info({ vmUuid, vmId: seen.stored.name }, "removed a VM");
        }
        guests.forget(vmUuid);
        for (const mediaId of browserMedia) await browsers.release(mediaId);
        await options.seeds.remove(vmUuid);
        return {};
      }),

    attachDisk: ({ vmUuid, ...disk }, context) =>
      changed(vmUuid, context, () => devices.attachDisk(vmUuid, disk)),
    detachDisk: ({ vmUuid, volumeUuid }, context) =>
      changed(vmUuid, context, () => devices.detachDisk(vmUuid, volumeUuid)),
    tuneDisk: ({ vmUuid, volumeUuid, ...limits }, context) =>
      changed(vmUuid, context, () => devices.tuneDisk(vmUuid, volumeUuid, limits)),
    attachNic: ({ vmUuid, ...nic }, context) =>
      changed(vmUuid, context, () => devices.attachNic(vmUuid, nic)),
    detachNic: ({ vmUuid, mac }, context) => changed(vmUuid, context, () => devices.detachNic(vmUuid, mac)),

    changeMedia: ({ vmUuid, cdrom }, { signal }) =>
      queue.run(vmUuid, async () => {
        signal.throwIfAborted();
        const { wasForced } = await media.change(vmUuid, cdrom);
        return { vm: await read(vmUuid), wasForced };
      }),

    takeSnapshot: (input, context) =>
      queue.run(input.vmUuid, async () => {
        context.signal.throwIfAborted();
        const { memoryBytes } = await snapshots.take(input, context);
        return { vm: await read(input.vmUuid), memoryBytes };
      }),

    async guestCommand({ vmUuid, ...request }, { signal }) {
      await requireUp(vmUuid);
      return { result: (await runGuestCommand(libvirt, vmUuid, request, signal)) ?? null };
    },

    /** The serial line; whoever had it before loses it. */
    async openConsole(vmUuid) {
      await requireUp(vmUuid);
      // A line may stay open for days, with a connection of its own.
      const connection = await libvirt.own();
      try {
        const line = await connection.domain({ uuid: vmUuid }).openConsole({ flags: CONSOLE.force });
        line.once("close", () => void connection.close());
        return line;
      } catch (error) {
        await connection.close();
        throw fromLibvirt(error, vmUuid);
      }
    },
  };

  async function undefine(vmUuid: string): Promise<void> {
    const everything =
      UNDEFINE.managedSave | UNDEFINE.nvram | UNDEFINE.snapshotsMetadata | UNDEFINE.checkpointsMetadata;
    await translated(vmUuid, () => libvirt.changes.domain({ uuid: vmUuid }).undefine(everything));
  }
}
