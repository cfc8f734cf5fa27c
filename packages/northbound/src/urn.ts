/**
 * URNs and URIs convert into each other by plain text replacement, because clients do exactly that (contract,
 * identifiers): `urn:sites:43BC08E8:vms:i-00000034` ↔ `/service/sites/43BC08E8/vms/i-00000034`. Folders are the one
 * irregular pair.
 */
export function uriOf(urn: string): string {
  // Called for each of 20,000 objects of a list, so without regular expressions.
  const uri = (urn.startsWith("urn") ? `/service${urn.slice(3)}` : urn).replaceAll(":", "/");
  return uri.includes("/folders/") ? uri.replace("/folders/", "/folder/") : uri;
}

export function urnOf(uri: string): string {
  return uri
    .replace(/^\/service/, "urn")
    .replace("/folder/", "/folders/")
    .replaceAll("/", ":");
}

/** Kinds of objects directly below a site. */
export type ObjectKind =
  | "clusters"
  | "hosts"
  | "vms"
  | "volumes"
  | "datastores"
  | "dvswitchs"
  | "tasks"
  | "folders";

export function siteUrn(siteId: string): string {
  return `urn:sites:${siteId}`;
}

export function objectUrn(siteId: string, kind: ObjectKind, id: string | number): string {
  return `urn:sites:${siteId}:${kind}:${id}`;
}

export function portGroupUrn(siteId: string, switchId: number, portGroupId: number): string {
  return `${objectUrn(siteId, "dvswitchs", switchId)}:portgroups:${portGroupId}`;
}

/** VM ids on the wire are exactly ten characters; clients cut them off urns by length. */
export function vmWireId(id: number): string {
  return `i-${id.toString(16).toUpperCase().padStart(8, "0")}`;
}

export function parseVmWireId(text: string): number | undefined {
  const match = /^i-([0-9A-F]{8})$/.exec(text);
  return match?.[1] === undefined ? undefined : Number.parseInt(match[1], 16);
}

export interface ParsedUrn {
  readonly siteId: string;
  /** Undefined for the URN of the site itself. */
  readonly kind?: string;
  /** Number of the object; of a VM the number behind `i-`. */
  readonly id?: number;
  /** For port groups, NICs and other objects below an object. */
  readonly child?: { readonly kind: string; readonly id: number };
}

/** Reads a URN; undefined when it is none. A URI is read as well, since some clients send one for the other. */
export function parseUrn(text: string): ParsedUrn | undefined {
  const urn = text.startsWith("/service/") ? urnOf(text) : text;
  const match = /^urn:sites:([0-9A-Fa-f]{8})(?::([a-z]+):([^:]+)(?::([a-zA-Z]+):(\d+))?)?$/.exec(urn);
  if (!match?.[1]) return undefined;
  const siteId = match[1].toUpperCase();
  const kind = match[2];
  if (kind === undefined) return { siteId };
  const id = kind === "vms" ? parseVmWireId(match[3] ?? "") : parseNumber(match[3] ?? "");
  if (id === undefined) return undefined;
  if (match[4] === undefined) return { siteId, kind, id };
  const child = parseNumber(match[5] ?? "");
  return child === undefined ? undefined : { siteId, kind, id, child: { kind: match[4], id: child } };
}

function parseNumber(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
