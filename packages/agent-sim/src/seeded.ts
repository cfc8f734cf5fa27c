import { createHash } from "node:crypto";

/** Everything random of a simulated host comes from its seed, so that a run can be repeated. */
export function seededUuid(seed: string): string {
  const hex = digest(seed).toString("hex");
  // Version 4, variant 1: what any reader of UUIDs expects.
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** Locally administered, in QEMU's own range. */
export function seededMac(seed: string): string {
  const bytes = digest(seed);
  return `52:54:00:${[0, 1, 2].map((i) => bytes.toString("hex", i, i + 1)).join(":")}`;
}

/** A number of [0, 1). */
export function seededFraction(seed: string): number {
  return digest(seed).readUInt32BE() / 2 ** 32;
}

function digest(seed: string): Buffer {
  return createHash("sha256").update(seed).digest();
}
