import { parseUrn, parseVmWireId } from "@sinter/northbound";
import type { Query } from "../http/query.ts";
import type { VmFilter, VmOrder } from "./vm.store.ts";
import { statesOfStatus } from "./vm.wire.ts";

/** Reads the filters of the VM list (contract 2.6). Empty values and unknown parameters mean nothing. */
export function vmFilterFrom(query: Query): VmFilter {
  const status = query.text("status");
  const filter = {
    name: query.text("name"),
    description: query.text("description"),
    groupLabel: query.text("group"),
    isTemplate: query.boolean("isTemplate"),
    states: status === undefined ? undefined : statesOfStatus(status),
    uuid: query.text("uuid"),
    externalUuid: query.text("externalUuid"),
    wireIdPart: query.text("vmId"),
    ip: query.text("ip"),
    mac: query.text("mac")?.toLowerCase().replaceAll("-", ":"),
    toolsRunning: toolsFilter(query.text("pvDriverStatus")),
    ...scopeFilter(query.text("scope")),
    isLinkClone: query.boolean("isLinkClone"),
  };
  const vmUrns = query.list("vmurns");
  const hasOther = Object.values(filter).some((value) => value !== undefined);
  const ids =
    vmUrns.length > 0 && !hasOther ? vmUrns.slice(0, 50).map((urn) => parseUrn(urn)?.id ?? -1) : undefined;
  return defined({ ...filter, ids });
}

function toolsFilter(value: string | undefined): boolean | undefined {
  if (value === "running") return true;
  return value === "notRunning" ? false : undefined;
}

/** A scope that names nothing that can hold VMs matches none; the site itself matches all. */
function scopeFilter(text: string | undefined): { [K in keyof VmFilter]?: VmFilter[K] | undefined } {
  if (text === undefined) return {};
  const urn = parseUrn(text);
  if (urn === undefined) return { isNone: true };
  if (urn.kind === undefined) return {};
  switch (urn.kind) {
    case "clusters":
      return urn.child ? { isNone: true } : { clusterId: urn.id };
    case "hosts":
      return { hostId: urn.id };
    case "datastores":
      return { datastoreId: urn.id };
    case "volumes":
      return { volumeId: urn.id };
    case "dvswitchs":
      return urn.child?.kind === "portgroups" ? { portGroupId: urn.child.id } : { switchId: urn.id };
    default:
      return { isNone: true };
  }
}

export function vmOrderFrom(query: Query): VmOrder {
  const field = query.text("orderField");
  return {
    field: field === "name" || field === "status" ? field : "id",
    isDescending: query.text("order")?.toUpperCase() === "DESC",
  };
}

/** 0, 1 (default) or 2; anything else counts as the default. */
export function detailFrom(query: Query): 0 | 1 | 2 {
  const detail = query.integer("detail");
  return detail === 0 || detail === 2 ? detail : 1;
}

/** The id in a path; undefined for anything that is not one of ours. */
export const vmIdFrom = parseVmWireId;

function defined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
