import { createHash } from "node:crypto";
import { join } from "node:path";

export const ROOT = join(import.meta.dirname, "..", "..");

/** Where `npm start` keeps its state: below the checkout, so that two checkouts do not meet. */
export const DEFAULT_STATE = process.env.SINTER_STATE ?? join(ROOT, ".sinter");

/** Lab names have at most eight characters; one per state directory. */
export function labName(stateDir: string): string {
  return `s${createHash("sha256").update(stateDir).digest("hex").slice(0, 6)}`;
}

/** Short enough for a socket path, and gone with the machine's power. */
export function runtimeDir(stateDir: string): string {
  return join("/run/sinter", labName(stateDir));
}

/** The files of one stand. */
export function standFiles(stateDir: string) {
  return {
    lab: join(stateDir, "lab"),
    manager: join(stateDir, "manager"),
    managerLog: join(stateDir, "manager.log"),
    postgres: join(stateDir, "postgres"),
    password: join(stateDir, "admin-password"),
    /** Pid and start time of the process that holds the stand. */
    owner: join(stateDir, "owner.json"),
    startLog: join(stateDir, "start.log"),
    ready: join(stateDir, "ready.json"),
  };
}
