/** What is wrong with a MAC address that was typed. */
export type MacFault = "malformed" | "multicast" | "zero";

/** Reads `28-6E-D4-88-C6-2D` or `286ed488c62d` as the wire writes it; empty text is no address and no fault. */
export function readMac(text: string): { readonly mac?: string; readonly fault?: MacFault } {
  const trimmed = text.trim().toLowerCase();
  if (trimmed === "") return {};
  const isWritten = /^[0-9a-f]{2}([:-]?)(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}$/.test(trimmed);
  const digits = trimmed.replaceAll(/[^0-9a-f]/g, "");
  if (!isWritten || digits.length !== 12) return { fault: "malformed" };
  // The lowest bit of the first byte says "to many".
  if (Number.parseInt(digits.slice(0, 2), 16) % 2 === 1) return { fault: "multicast" };
  if (/^0+$/.test(digits)) return { fault: "zero" };
  return { mac: digits.replaceAll(/(..)(?=.)/g, "$1:") };
}

/** The contract's codes about MAC addresses: malformed, used, none free, not unicast. */
const CODES = new Set(["10300066", "10300045", "10300047", "10300454"]);
export const isMacCode = (code: string): boolean => CODES.has(code);
