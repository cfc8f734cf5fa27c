import { parseUrn } from "@sinter/northbound";
import type { Query } from "../http/query.ts";
import type { HostFilter } from "./host.store.ts";
import type { HostStatus } from "./host.ts";
import { HOST_STATUS } from "./host.wire.ts";

/**
 * Reads the filters of the host list (contract 2.5). `resourceGroupFlag` acts only together with a cluster whose hosts
 * are grouped, and no cluster has such groups; one client always sends it and expects all hosts.
 */
export function hostFilterFrom(query: Query, siteId: string): HostFilter {
  const name = query.text("name");
  const address = query.text("ip");
  const hostname = query.text("hostRealName") ?? query.text("HostRealName");
  return {
    ...(name === undefined ? {} : { name }),
    ...(address === undefined ? {} : { address }),
    ...(hostname === undefined ? {} : { hostname }),
    ...statusFilter(query.text("status")),
    ...scopeFilter(query.text("scope"), siteId),
  };
}

/** Ours, as the VM list has it. A status that no host can have matches none. */
function statusFilter(text: string | undefined): HostFilter {
  if (text === undefined) return {};
  const status = (Object.keys(HOST_STATUS) as HostStatus[]).find((each) => HOST_STATUS[each] === text);
  return status === undefined ? { isNone: true } : { status };
}

/** A scope that names nothing that can hold hosts matches none; the site itself matches all. */
function scopeFilter(scope: string | undefined, siteId: string): HostFilter {
  if (scope === undefined) return {};
  if (scope === "default") return { clusterId: null };
  const urn = parseUrn(scope);
  if (urn?.siteId !== siteId || urn.child !== undefined) return { isNone: true };
  if (urn.kind === undefined || urn.id === undefined) return {};
  switch (urn.kind) {
    case "clusters":
      return { clusterId: urn.id };
    case "datastores":
      return { datastoreId: urn.id };
    case "dvswitchs":
      return { switchId: urn.id };
    default:
      return { isNone: true };
  }
}
