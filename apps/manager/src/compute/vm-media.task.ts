import { AppError } from "@sinter/kit";
import { task } from "@sinter/tasks";
import { browserMediaStore } from "../media/browser-media.store.ts";
import type { ComputePorts } from "./compute.ports.ts";
import { unlessHostIsGone } from "./node-work.ts";
import { mediumSpec } from "./vm.spec.ts";
import { vmStore } from "./vm.store.ts";
import type { VmCdrom } from "./vm.ts";

export interface MediaInput {
  readonly vmId: number;
  readonly vmUuid: string;
  /** Where the VM is defined. */
  readonly hostId: number;
  readonly cdrom: VmCdrom;
}

const FORCED = "The guest kept the drive locked; it was opened by force.";

/** Puts a CD into the drive: what the VM's row says of it came with the task. */
export const attachCdrom = task<MediaInput, ComputePorts>("vm.attachCdrom")
  .step("reserve", {
    run: async () => {},
    undo: ({ input, ports }) => forget(ports, input),
  })
  .step("insert", {
    run: async ({ input, ports, signal }) => {
      const change = { vmUuid: input.vmUuid, cdrom: mediumSpec(input.cdrom) };
      await ports.fleet.agent(input.hostId).changeMedia(change, { signal });
    },
    undo: async ({ input, ports }) => {
      await unlessHostIsGone(ports, input.hostId, () => takeOut(ports, input));
      await vmStore(ports.database.db).bumpGeneration(input.vmId);
    },
  })
  .step("settle", {
    run: ({ input, ports }) => vmStore(ports.database.db).bumpGeneration(input.vmId),
    noUndo: "last step: one statement",
  });

/** Takes the CD out. What cannot be put back, since a browser has gone or a file was removed, stays out. */
export const detachCdrom = task<MediaInput, ComputePorts>("vm.detachCdrom")
  .step("eject", {
    run: async ({ input, ports, progress }) => {
      if (await takeOut(ports, input)) progress(1, FORCED);
    },
    undo: async ({ input, ports }) => {
      await unlessHostIsGone(ports, input.hostId, () =>
        forgiving(async () => {
          const change = { vmUuid: input.vmUuid, cdrom: mediumSpec(input.cdrom) };
          await ports.fleet.agent(input.hostId).changeMedia(change);
        }),
      );
    },
  })
  .pointOfNoReturn()
  .step("settle", {
    run: ({ input, ports }) => forget(ports, input),
  });

async function forget(ports: ComputePorts, { vmId, cdrom }: MediaInput): Promise<void> {
  await ports.database.transaction(async ({ db }) => {
    await vmStore(db).update(vmId, { cdrom: null });
    await vmStore(db).bumpGeneration(vmId);
    if (cdrom.kind === "browser") await browserMediaStore(db).remove(cdrom.mediaId);
  });
}

/** Whether the guest had to be overruled. */
async function takeOut(ports: ComputePorts, { hostId, vmUuid }: MediaInput): Promise<boolean> {
  let wasForced = false;
  await forgiving(async () => {
    ({ wasForced } = await ports.fleet.agent(hostId).changeMedia({ vmUuid, cdrom: null }));
  });
  return wasForced;
}

/** A VM that is not there or has no drive has nothing in it, and what is gone cannot come back. */
async function forgiving(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const isGone =
      error instanceof AppError && (error.kind === "notFound" || error.code === "CDROM_DRIVE_MISSING");
    if (!isGone || error.code === "HOST_NOT_FOUND") throw error;
  }
}
