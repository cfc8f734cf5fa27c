import { createHash } from "node:crypto";
import { AppError, run } from "@sinter/kit";
import type { LabAddresses, LabHost } from "./lab.ts";

/**
 * Labs live in 198.18.0.0/15, set aside for laboratories (RFC 2544): lab N has 198.18.N.0/24 for management and the
 * two halves of 198.19.N.0/24 for storage and migration. Host k is at .10+k of each.
 */
export function labAddresses(index: number): LabAddresses {
  return {
    index,
    manager: `198.18.${index}.1`,
    managementCidr: `198.18.${index}.0/24`,
    storageCidr: `198.19.${index}.0/25`,
    migrationCidr: `198.19.${index}.128/25`,
  };
}

/** The half network of storage ends at .127, so that a lab has at most this many hosts. */
export const HOSTS_MAX = 100;

export function hostAddresses(index: number, number: number): LabHost["addresses"] {
  return {
    management: `198.18.${index}.${10 + number}`,
    storage: `198.19.${index}.${10 + number}`,
    migration: `198.19.${index}.${138 + number}`,
  };
}

export function hostAddressesWithPrefix(index: number, number: number): LabHost["addresses"] {
  const { management, storage, migration } = hostAddresses(index, number);
  return { management: `${management}/24`, storage: `${storage}/25`, migration: `${migration}/25` };
}

/**
 * A number no lab that is up on this machine has. The search begins at a place that follows from the state directory,
 * so that a lab that is down tends to find its number free again. Callers hold the machine's lab lock until the
 * address is on an interface.
 */
export async function chooseIndex(stateDir: string): Promise<number> {
  const taken = await takenIndexes();
  const start = createHash("sha256").update(stateDir).digest().readUInt16BE(0);
  for (let offset = 0; offset < 254; offset++) {
    const index = 1 + ((start + offset) % 254);
    if (!taken.has(index)) return index;
  }
  throw new AppError(
    "exhausted",
    "LAB_NO_NETWORK",
    "All networks in 198.18.0.0/15 are in use on this machine.",
  );
}

/** Throws when another lab, or anything else on the machine, has this lab's addresses. */
export async function assertIndexFree(index: number): Promise<void> {
  if (!(await takenIndexes()).has(index)) return;
  throw new AppError(
    "conflict",
    "LAB_ADDRESSES_TAKEN",
    `The network 198.18.${index}.0/24 of this lab is in use on the machine now; take the other lab down first.`,
  );
}

async function takenIndexes(): Promise<Set<number>> {
  const { stdout } = await run("ip", ["-json", "-4", "address", "show"]);
  const links = JSON.parse(stdout) as { addr_info?: { local?: string }[] }[];
  const taken = new Set<number>();
  for (const { local } of links.flatMap((link) => link.addr_info ?? [])) {
    const match = /^198\.1[89]\.(\d+)\.\d+$/.exec(local ?? "");
    if (match !== null) taken.add(Number(match[1]));
  }
  return taken;
}
