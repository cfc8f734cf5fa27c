import { parseUrn } from "@sinter/northbound";
import type { Query } from "../http/query.ts";
import type { PortGroupFilter } from "./port-group.store.ts";
import type { SwitchFilter } from "./switch.store.ts";

export function switchFilterFrom(query: Query, siteId: string): SwitchFilter {
  const name = query.text("name");
  const type = query.text("type");
  return {
    ...(name === undefined ? {} : { name }),
    ...(type === undefined || type === "0" ? {} : { isNone: true }),
    ...locationFilter(query.text("location"), siteId),
  };
}

function locationFilter(location: string | undefined, siteId: string): SwitchFilter {
  if (location === undefined) return {};
  const urn = parseUrn(location);
  if (urn?.siteId !== siteId || urn.child !== undefined) return { isNone: true };
  if (urn.kind === undefined || urn.id === undefined) return {};
  if (urn.kind === "clusters") return { clusterId: urn.id };
  if (urn.kind === "hosts") return { hostId: urn.id };
  return { isNone: true };
}

/** There are no VXLANs, so a filter by one matches nothing. */
export function portGroupFilterFrom(query: Query): PortGroupFilter {
  const name = query.text("portGroupName") ?? query.text("name");
  const vlan = query.text("vlan");
  return {
    ...(name === undefined ? {} : { name }),
    ...(vlan === undefined ? {} : { vlan }),
    ...(query.text("vxlan") === undefined ? {} : { isNone: true }),
  };
}
