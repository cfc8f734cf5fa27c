import { parseUrn } from "@sinter/northbound";
import type { Query } from "../http/query.ts";
import type { DatastoreFilter } from "./datastore.store.ts";
import type { DatastoreStatus, LinkState } from "./datastore.ts";
import { DATASTORE_STATUS, LINK_STATE } from "./datastore.wire.ts";

/** States that the contract sums up as OTHER (site and cluster scope). */
const OTHER: readonly DatastoreStatus[] = ["creating", "deleting"];

/** Reads the filters of the datastore list. With a host scope `status` is that of the link (contract 2.17). */
export function datastoreFilterFrom(query: Query, siteId: string): DatastoreFilter {
  const name = query.text("name");
  const shareType = query.integer("shareType");
  const scope = scopeFilter(query.text("scope"), siteId);
  return {
    ...(name === undefined ? {} : { name }),
    ...(shareType === 1 ? { kind: "shared" } : shareType === 2 ? { kind: "local" } : {}),
    ...scope,
    ...statusFilter(query.text("status")?.toUpperCase(), scope.hostId !== undefined),
  };
}

function statusFilter(status: string | undefined, isOfLink: boolean): DatastoreFilter {
  if (status === undefined) return {};
  if (isOfLink) {
    const states = keysOf<LinkState>(LINK_STATE, status);
    return states.length > 0 ? { linkStates: states } : { isNone: true };
  }
  const statuses = status === "OTHER" ? OTHER : keysOf<DatastoreStatus>(DATASTORE_STATUS, status);
  return statuses.length > 0 ? { statuses } : { isNone: true };
}

function keysOf<K extends string>(table: Readonly<Record<K, string>>, text: string): K[] {
  return (Object.keys(table) as K[]).filter((key) => table[key] === text);
}

/** A scope that names nothing that can have datastores matches none; the site itself matches all. */
function scopeFilter(scope: string | undefined, siteId: string): DatastoreFilter {
  if (scope === undefined) return {};
  const urn = parseUrn(scope);
  if (urn?.siteId !== siteId || urn.child !== undefined) return { isNone: true };
  if (urn.kind === undefined || urn.id === undefined) return {};
  if (urn.kind === "clusters") return { clusterId: urn.id };
  if (urn.kind === "hosts") return { hostId: urn.id };
  return { isNone: true };
}
