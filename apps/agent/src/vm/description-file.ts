import { readdir, rm, rmdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type Log, writeFileAtomic } from "@sinter/kit";
import { descriptionFile } from "../volume/volume-paths.ts";
import { diskTarget } from "./device-names.ts";
import { readMetadata, type VmMetadata } from "./vm-metadata.ts";
import type { SeenDomain } from "./vm-observation.ts";

/**
 * The VM's description beside its system disk (CMP-31, CNA-06): with the folders of its disks it is the whole VM
 * (GEN-09). It is libvirt's XML of the stored definition, without passwords, since the datastore may be shared.
 */
export async function writeDescription(domain: SeenDomain, xml: string, log: Log): Promise<void> {
  const metadata = readMetadata(domain.stored);
  const home = metadata && descriptionHome(metadata);
  if (!metadata || !home) return;
  try {
    await writeFileAtomic(descriptionFile(home.path, metadata.vmId), xml);
  } catch (error) {
    // The VM is defined already and runs without it; the next change writes it again.
    log.error(
      { vmUuid: domain.uuid, datastoreId: home.datastoreId, err: error },
      "cannot write a VM's description",
    );
  }
  await removeFrom(metadata, ({ datastoreId }) => datastoreId !== home.datastoreId);
}

/** Forgives absence, also that of the datastore. */
export async function removeDescription(metadata: VmMetadata): Promise<void> {
  await removeFrom(metadata, () => true);
}

/** The datastore of the system disk: slot 1, or else the first disk there is. */
export function descriptionHome({
  disks,
  datastores,
}: VmMetadata): VmMetadata["datastores"][number] | undefined {
  const systemTargets = (["virtio", "scsi", "ide"] as const).map((bus) => diskTarget(bus, 1));
  const system = disks.find(({ target }) => systemTargets.includes(target)) ?? disks[0];
  return datastores.find(({ datastoreId }) => datastoreId === system?.datastoreId);
}

async function removeFrom(
  { vmId, datastores }: VmMetadata,
  where: (datastore: VmMetadata["datastores"][number]) => boolean,
): Promise<void> {
  for (const { path } of datastores.filter(where)) {
    const file = descriptionFile(path, vmId);
    const names = await readdir(dirname(file)).catch((): string[] => []);
    // The file, and drafts of it that a crash left.
    const ours = names.filter((name) => name === basename(file) || name.startsWith(`${basename(file)}.`));
    for (const name of ours) await rm(join(dirname(file), name), { force: true });
    // Somebody else's file in there keeps the folder; so does its being gone.
    await rmdir(dirname(file)).catch(() => {});
  }
}
