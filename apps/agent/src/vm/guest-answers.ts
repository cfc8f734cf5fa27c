import type { GuestAddress } from "@sinter/southbound";

/** As guest-network-get-interfaces tells it. The guest may be hostile: nothing of it is taken for granted. */
interface GuestInterface {
  readonly name?: unknown;
  readonly "hardware-address"?: unknown;
  readonly "ip-addresses"?: unknown;
}

const INTERFACES_MAX = 64;
const ADDRESSES_MAX = 64;
const TEXT_LENGTH_MAX = 64;

/** Interfaces with a MAC, without the loopback; bounded, whatever the guest says. */
export function guestAddresses(interfaces: unknown): GuestAddress[] {
  if (!Array.isArray(interfaces)) return [];
  return interfaces.slice(0, INTERFACES_MAX).flatMap((said: unknown) => {
    const one = (said ?? {}) as GuestInterface; // only read
    const mac = one["hardware-address"];
    if (!isText(mac) || !isText(one.name) || mac === "00:00:00:00:00:00") return [];
    const listed = one["ip-addresses"];
    const addresses: unknown[] = Array.isArray(listed) ? listed.slice(0, ADDRESSES_MAX) : [];
    const ofType = (type: string): string[] =>
      addresses.flatMap((address) => {
        const entry = (address ?? {}) as Record<string, unknown>; // only read
        const text = entry["ip-address"];
        return entry["ip-address-type"] === type && isText(text) ? [text] : [];
      });
    return [{ mac: mac.toLowerCase(), name: one.name, ipv4: ofType("ipv4"), ipv6: ofType("ipv6") }];
  });
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= TEXT_LENGTH_MAX;
}
