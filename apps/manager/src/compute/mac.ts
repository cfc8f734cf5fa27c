import { randomInt } from "node:crypto";
import { vmErrors } from "./vm.errors.ts";

/** Prefix of generated addresses: locally administered and unicast, so no vendor's address can collide. */
const PREFIX = [0x2a, 0x6e, 0xd4];

/** A random address of ours; the table's unique constraint decides whether it is free. */
export function generateMac(): string {
  const tail = [randomInt(256), randomInt(256), randomInt(256)];
  return [...PREFIX, ...tail].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}

/** Reads `28:6e:d4:88:c6:2d` or `28-6E-D4-88-C6-2D`; empty means "give me one" (CMP-28). */
export function readMac(text: string | undefined): string | undefined {
  if (text === undefined || text.trim() === "") return undefined;
  const mac = text.trim().toLowerCase().replaceAll("-", ":");
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(mac) || mac === "00:00:00:00:00:00")
    throw vmErrors.macInvalid(text);
  if ((Number.parseInt(mac.slice(0, 2), 16) & 1) === 1) throw vmErrors.macNotUnicast(mac);
  return mac;
}
