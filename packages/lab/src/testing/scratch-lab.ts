import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "@sinter/kit";
import type { LabOptions } from "../lab.ts";

/** A name no other lab on the machine has, and a directory of its own, with what the options of most tests share. */
export async function scratchLab(): Promise<Pick<LabOptions, "name" | "stateDir" | "log"> & AsyncDisposable> {
  const name = `t${randomBytes(3).toString("hex")}`;
  const parent = await mkdtemp(join(tmpdir(), "lab-test-"));
  return {
    name,
    stateDir: join(parent, name),
    log: silentLog,
    [Symbol.asyncDispose]: () => rm(parent, { recursive: true, force: true }),
  };
}
