import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "@sinter/kit";
import type { GuestSeed } from "@sinter/southbound";
import { buildSeed } from "./seed-image.ts";

export type SeedStore = ReturnType<typeof createSeedStore>;

/**
 * First-boot media, in the agent's own folder and not on a datastore: they hold passwords. The manager forgets a seed
 * once the VM is made and sends none with later specs, so one that is there stays until the VM is removed.
 */
export function createSeedStore(stateDir: string) {
  const pathOf = (vmUuid: string): string => join(stateDir, "seeds", `${vmUuid}.iso`);
  return {
    /** The medium of a VM; null when it never had one. */
    async ensure(vmUuid: string, seed: GuestSeed | null): Promise<string | null> {
      const path = pathOf(vmUuid);
      if (seed !== null) {
        await writeFileAtomic(path, buildSeed(vmUuid, seed), 0o600);
        return path;
      }
      return (await stat(path).catch(() => undefined)) === undefined ? null : path;
    },

    async remove(vmUuid: string): Promise<void> {
      await rm(pathOf(vmUuid), { force: true });
    },
  };
}
