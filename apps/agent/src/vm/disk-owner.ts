import { AppError, waitFor } from "@sinter/kit";
import { isLibvirtError } from "@sinter/libvirt";
import { translated } from "../libvirt/libvirt-errors.ts";
import type { LibvirtLink } from "../libvirt/libvirt-link.ts";
import type { DiskOwner } from "../volume/overlay.service.ts";
import type { LiveGrowth } from "../volume/volume-upkeep.ts";
import type { DomainReader } from "./domain-reader.ts";
import { findDisk } from "./vm-devices.ts";
import { isUp, powerOf } from "./vm-observation.ts";

const COMMIT = { active: 4, relative: 8 } as const;
const ABORT = { pivot: 2 } as const;
const LOOK_MS = 50;

/** What overlays need of libvirt. `moveDisks`: changes files in a stored definition, by target. */
export function createDiskOwner(options: {
  readonly libvirt: LibvirtLink;
  readonly reader: DomainReader;
  readonly moveDisks: (
    vmUuid: string,
    files: ReadonlyMap<string, { path: string; format: "qcow2" | "raw" }>,
  ) => Promise<void>;
}): DiskOwner & LiveGrowth {
  const { libvirt, reader } = options;

  async function diskOf(vmUuid: string, volumeUuid: string): ReturnType<DiskOwner["diskOf"]> {
    const seen = await reader.find(vmUuid);
    if (!seen) return undefined;
    const stored = findDisk(seen.stored, volumeUuid);
    const live = isUp(powerOf(seen)) ? findDisk(seen.current, volumeUuid) : undefined;
    const target = (live ?? stored)?.target.dev;
    if (target === undefined) return undefined;
    return { target, live: live?.source?.file, stored: stored?.source?.file };
  }

  return {
    diskOf,

    async commitLive(vmUuid, { target, base, top, isActive, signal, onProgress }): Promise<void> {
      await translated(vmUuid, async () => {
        await using connection = await libvirt.own();
        const domain = connection.domain({ uuid: vmUuid });
        const job = () => domain.call("domainGetBlockJobInfo", { path: target, flags: 0 });
        // An agent that ended in the middle left its job at work.
        if ((await job()).found === 0) {
          const flags = isActive ? COMMIT.active | COMMIT.relative : COMMIT.relative;
          await domain.call("domainBlockCommit", { disk: target, base, top, bandwidth: 0n, flags });
        }
        for (;;) {
          signal.throwIfAborted();
          const { found, cur, end } = await job();
          if (found === 0) break;
          if (end > 0n) onProgress((Number(cur) / Number(end)) * 100);
          if (isActive && end > 0n && cur === end && (await pivot())) break;
          await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
        }

        /** Whether the guest goes on with the lower file: it writes on, so the job may just not be level. */
        async function pivot(): Promise<boolean> {
          try {
            await domain.call("domainBlockJobAbort", { path: target, flags: ABORT.pivot });
            return true;
          } catch (error) {
            if (isLibvirtError(error, "BLOCK_COPY_ACTIVE")) return false;
            throw error;
          }
        }
      });
      if (!isActive) return;
      await waitFor(
        "the guest on the lower file",
        async () =>
          (await reader.get(vmUuid)).current.devices?.disks?.some(({ source }) => source?.file === base) ||
          undefined,
        { timeoutMs: 10_000, intervalMs: LOOK_MS },
      ).catch((cause: unknown) => {
        throw new AppError("internal", "MERGE_FAILED", `VM ${vmUuid} is not on ${base} after its merge.`, {
          params: { vmUuid },
          cause,
        });
      });
    },

    async growLive(vmUuid, target, sizeBytes): Promise<void> {
      await translated(vmUuid, async () => {
        const domain = libvirt.changes.domain({ uuid: vmUuid });
        if ((await domain.blockInfo(target)).capacity < sizeBytes) await domain.resizeDisk(target, sizeBytes);
      });
    },

    async moveStored(vmUuid, volumeUuid, { from, path, format }): Promise<void> {
      const disk = await diskOf(vmUuid, volumeUuid);
      if (disk?.stored === from) await options.moveDisks(vmUuid, new Map([[disk.target, { path, format }]]));
    },
  };
}
