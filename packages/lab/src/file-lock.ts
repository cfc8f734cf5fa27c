import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { AppError } from "@sinter/kit";

/** How long to wait for another holder; a cold build of the guest image is the longest thing done under a lock. */
const WAIT_SECONDS = 600;

/**
 * Runs `work` while no other holder of the lock on this machine runs, in this process or another. The lock is the
 * kernel's (flock): it goes with its holder, however that ends, and the file itself stays.
 *
 * Node cannot flock, so util-linux's `flock` holds it around a `cat`: what we write comes back once the lock is
 * ours, and the lock is given up when our end of the pipe closes.
 */
export async function withFileLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  const holder = spawn("flock", ["--exclusive", "--timeout", String(WAIT_SECONDS), path, "cat"], {
    stdio: ["pipe", "pipe", "ignore"],
  });
  const gone = new Promise<void>((resolve) => {
    holder.once("exit", () => resolve());
    holder.once("error", () => resolve());
  });
  // A holder that ended has closed its input; the failure is told below.
  holder.stdin.on("error", () => {});
  holder.stdin.write("?");
  try {
    const ours = await Promise.race([once(holder.stdout, "data").then(() => true), gone.then(() => false)]);
    if (!ours) {
      throw new AppError(
        "unavailable",
        "LOCK_NOT_TAKEN",
        `The lock ${path} was not free in ${WAIT_SECONDS} s.`,
      );
    }
    return await work();
  } finally {
    holder.stdin.end();
    await gone;
  }
}
