import { setTimeout as pause } from "node:timers/promises";
import { isLibvirtError } from "@sinter/libvirt";

const ATTEMPTS = 5;
const PAUSE_MS = 200;

/**
 * Changes a drive's medium. libvirt opens the tray and takes the medium out in two steps; firmware or guest may close
 * it in between, and the second fails although nothing is wrong. The whole is then done again, which changes nothing
 * that was done.
 */
export async function whileTrayStaysOpen<T>(change: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await change();
    } catch (error) {
      if (attempt === ATTEMPTS || !isLibvirtError(error) || !/[Tt]ray .*is not open/.test(error.message))
        throw error;
      await pause(PAUSE_MS * attempt);
    }
  }
}
