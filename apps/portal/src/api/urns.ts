/** Ids in the portal's URLs are the last part of a URN, which keeps them short and readable. */
export function idOf(urn: string): string {
  return urn.slice(urn.lastIndexOf(":") + 1);
}

export type ObjectKind = "vms" | "hosts" | "clusters" | "datastores" | "volumes" | "dvswitchs";

export function urnOf(siteUrn: string, kind: ObjectKind, id: string): string {
  return `${siteUrn}:${kind}:${id}`;
}

/** Where an object's page is; undefined for objects without one. */
export function pageOf(urn: string): string | undefined {
  const match = /^urn:sites:[^:]+(?::([a-z]+):([\w-]+))?/.exec(urn);
  if (!match) return undefined;
  const [, kind, id] = match;
  switch (kind) {
    case undefined:
      return "/site";
    case "vms":
      return `/vms/${id}`;
    case "hosts":
      return `/hosts/${id}`;
    case "clusters":
      return `/clusters/${id}`;
    case "datastores":
      return `/datastores/${id}`;
    case "dvswitchs":
      return `/switches/${id}`;
    default:
      return undefined;
  }
}
