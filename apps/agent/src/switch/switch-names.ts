import { createHash } from "node:crypto";

/** Longest name of a network interface in Linux. */
const INTERFACE_NAME_LENGTH_MAX = 15;
const PREFIX = "s-";

/** The bridge of a switch: `s-` and its id, or a digest of an id that is too long for an interface's name. */
export function bridgeName(switchId: string): string {
  const plain = `${PREFIX}${switchId}`;
  if (plain.length <= INTERFACE_NAME_LENGTH_MAX) return plain;
  // No id can look like this: `~` is not in their alphabet, so a digest cannot meet a plain name.
  const digest = createHash("sha256").update(switchId).digest("hex");
  return `${PREFIX}~${digest.slice(0, INTERFACE_NAME_LENGTH_MAX - PREFIX.length - 1)}`;
}
