import type { CreatePortGroupRequest, ModifyPortGroupRequest } from "@sinter/northbound";
import { networkErrors as errors } from "./network.errors.ts";
import { isInPools, isVlanRange, type PortGroup, type PortGroupSettings, type VlanPool } from "./network.ts";

/*
 * What a request makes of a port group: pure. Clients send back what they read, so 0 and "" stand for "not given"
 * wherever an answer shows them for an unset value.
 */

/** The part of a port group that a request decides. */
export type PortGroupShape = Pick<
  PortGroup,
  "name" | "description" | "kind" | "vlanId" | "vlanRange" | "settings"
>;

const RATES = ["txLimit", "txPeakLimit", "txBurstSize", "rxLimit", "rxPeakLimit", "rxBurstSize"] as const;
const NUMBERS = [
  ...RATES,
  "priority",
  "txWeight",
  "arpBcstSuppress",
  "ipBcstSuppress",
  "adminStatus",
] as const;
const SWITCHES = ["isDhcpIsolation", "isIpMacBind", "isEnablePG", "isCalcTCPCheckSum"] as const;

export function newPortGroup(request: CreatePortGroupRequest, pools: readonly VlanPool[]): PortGroupShape {
  refuseOverlays(request);
  const kind = request.portType === 1 ? "trunk" : "access";
  const shape = {
    name: checkedName(request.name),
    description: request.description ?? "",
    kind,
    ...vlansOf(kind, request, kind === "trunk" ? errors.trunkNeedsRange : errors.vlanNeeded),
    settings: settingsFrom(request, {}, kind),
  } as const;
  checkPools(shape, pools);
  return shape;
}

export function changedPortGroup(
  before: PortGroupShape,
  request: ModifyPortGroupRequest,
  pools: readonly VlanPool[],
): PortGroupShape {
  if (Object.keys(request).length === 0) throw errors.nothingToChange();
  refuseOverlays(request);
  const kind = request.portType === undefined ? before.kind : request.portType === 1 ? "trunk" : "access";
  const isKindKept = kind === before.kind;
  // Of the other kind's fields only the one that it needs is looked at.
  const given = {
    vlanId: request.vlanId ?? (isKindKept ? before.vlanId : undefined),
    vlanRange: request.vlanRange || (isKindKept ? before.vlanRange : ""),
  };
  if (!isKindKept && kind === "access") given.vlanRange = "";
  const shape = {
    name: request.name === undefined ? before.name : checkedName(request.name),
    description: request.description ?? before.description,
    kind,
    ...vlansOf(kind, given, kind === "trunk" ? errors.trunkNeedsRange : errors.accessNeedsVlan),
    settings: settingsFrom(request, before.settings, kind),
  };
  if (hasOtherVlans(before, shape)) checkPools(shape, pools);
  return shape;
}

/** Whether the ports of VMs would have to change. */
export function hasOtherVlans(a: PortGroupShape, b: PortGroupShape): boolean {
  return a.kind !== b.kind || a.vlanId !== b.vlanId || a.vlanRange !== b.vlanRange;
}

function checkedName(name: string): string {
  if (/[&;$`<>\\!]/.test(name)) throw errors.nameInvalid();
  return name;
}

/** Networks that this product does not have yet: there is nothing such a request could name. */
function refuseOverlays(request: ModifyPortGroupRequest): void {
  const kinds = [
    (request.vlanId ?? 0) > 0,
    Boolean(request.vlanRange),
    Boolean(request.vxlanId),
    Boolean(request.subnetUrn),
  ].filter(Boolean);
  if (kinds.length > 1) throw errors.oneOfVlans();
  if (request.vxlanId || request.multicastIp) throw errors.vxlanUnsupported();
  if (request.subnetUrn || request.ipsegmentUrn) throw errors.subnetMissing();
}

function vlansOf(
  kind: PortGroup["kind"],
  given: { vlanId?: number | undefined; vlanRange?: string | undefined },
  missing: () => Error,
): Pick<PortGroupShape, "vlanId" | "vlanRange"> {
  if (kind === "access") {
    if (given.vlanRange) throw errors.accessHasRange();
    if (given.vlanId === undefined) throw missing();
    return { vlanId: given.vlanId, vlanRange: "" };
  }
  if (!given.vlanRange) throw missing();
  if (!isVlanRange(given.vlanRange)) throw errors.rangeInvalid(given.vlanRange);
  return { vlanId: 0, vlanRange: given.vlanRange.replaceAll(/\s/g, "") };
}

/** Only an access VLAN is looked up, and only where the switch has pools. 0 is untagged and always there. */
function checkPools(shape: Pick<PortGroupShape, "kind" | "vlanId">, pools: readonly VlanPool[]): void {
  if (shape.kind !== "access" || shape.vlanId === 0 || pools.length === 0) return;
  if (!isInPools(shape.vlanId, pools)) throw errors.vlanOutsidePools(shape.vlanId);
}

function settingsFrom(
  request: ModifyPortGroupRequest,
  before: PortGroupSettings,
  kind: PortGroup["kind"],
): PortGroupSettings {
  const after: PortGroupSettings = { ...before };
  for (const key of [...NUMBERS, ...SWITCHES]) if (request[key] !== undefined) after[key] = request[key];
  const number = (key: (typeof NUMBERS)[number]): number => Number(after[key] ?? 0);

  for (const way of ["tx", "rx"] as const) {
    const limit = number(`${way}Limit`);
    if (limit === 0) {
      const isAsked = Boolean(request[`${way}PeakLimit`] || request[`${way}BurstSize`]);
      if (isAsked) throw errors.limitNeeded();
      delete after[`${way}PeakLimit`];
      delete after[`${way}BurstSize`];
      continue;
    }
    const isRateNew = request[`${way}Limit`] !== undefined && request[`${way}PeakLimit`] === undefined;
    if (isRateNew && number(`${way}PeakLimit`) < limit) after[`${way}PeakLimit`] = limit;
    if (number(`${way}PeakLimit`) === 0) after[`${way}PeakLimit`] = limit;
    if (number(`${way}PeakLimit`) < limit) throw errors.peakInvalid();
    if (number(`${way}BurstSize`) === 0) after[`${way}BurstSize`] = number(`${way}PeakLimit`);
  }
  if (number("txLimit") === 0) {
    if (request.priority) throw errors.priorityInvalid();
    delete after.priority;
  } else {
    if (number("priority") === 0) after.priority = 7;
    if (number("priority") < 2) throw errors.priorityInvalid();
  }
  const suppression = number("ipBcstSuppress");
  if (suppression > 0 && suppression < 5) throw errors.ipSuppressionInvalid();
  if (kind === "trunk" && after.isIpMacBind === true) throw errors.trunkNoBinding();
  if (kind === "access") {
    if (request.adminStatus === 1) throw errors.adminStatusOfTrunk();
    delete after.adminStatus;
  }
  return after;
}
