import { failures } from "../failures.ts";
import { readDiskSize } from "./sizes.ts";

export interface DiskFlag {
  readonly quantityGB: number;
  /** Absent: the manager's default. */
  readonly kind?: "thin" | "thick" | "lazy";
  /** Name, id or URN. */
  readonly datastore?: string;
}

/**
 * `size[:thin|thick|lazy][:datastore]`. The middle may be empty, for a datastore that is called "thin"; all behind it
 * is the datastore, since a URN has colons of its own.
 */
export function readDiskFlag(text: string): DiskFlag {
  const [size = "", ...rest] = text.split(":");
  const quantityGB = readDiskSize(size);
  const [first] = rest;
  const kind = DISK_KINDS.find((candidate) => candidate === first);
  const datastore = (kind !== undefined || first === "" ? rest.slice(1) : rest).join(":");
  if (rest.length > 0 && kind === undefined && datastore === "") throw badDisk(text);
  return { quantityGB, ...(kind === undefined ? {} : { kind }), ...(datastore === "" ? {} : { datastore }) };
}

const DISK_KINDS = ["thin", "thick", "lazy"] as const;

/** How the wire says the kind of a disk. */
export function provisioningOnWire(kind: DiskFlag["kind"] | undefined) {
  return kind === undefined ? {} : PROVISIONING[kind];
}

const PROVISIONING = {
  thin: { isThin: true },
  thick: { isThin: false, volType: 0 },
  lazy: { isThin: false, volType: 1 },
} as const satisfies Record<NonNullable<DiskFlag["kind"]>, { isThin: boolean; volType?: number }>;

export interface NicFlag {
  /** Name, id, URN, or `switch/name`. */
  readonly portGroup: string;
  readonly mac?: string;
}

/** `portgroup[:mac]`. */
export function readNicFlag(text: string): NicFlag {
  const match = /^(.+?)(?::((?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}))?$/i.exec(text);
  if (!match?.[1]) throw failures.usage(`"${text}" is not a NIC.`, "Write portgroup or portgroup:MAC.");
  const mac = match[2]?.toLowerCase().replaceAll("-", ":");
  return { portGroup: match[1], ...(mac === undefined ? {} : { mac }) };
}

function badDisk(text: string) {
  return failures.usage(
    `"${text}" is not a disk.`,
    "Write SIZE, SIZE:thin, SIZE:DATASTORE or SIZE:thin:DATASTORE, for instance 20G:thin:fast.",
  );
}
