import { AppError } from "@sinter/kit";
import type { WireError } from "@sinter/northbound";

/** What can be wrong with a request about switches and port groups. */
export const networkErrors = {
  switchMissing: (id: number | string) =>
    new AppError("notFound", "SWITCH_NOT_FOUND", `There is no switch ${String(id).slice(0, 64)}.`),
  switchNameUsed: (name: string) =>
    new AppError("conflict", "SWITCH_NAME_USED", `There is a switch called "${name}" already.`),
  switchTypeUnsupported: (type: number) =>
    new AppError(
      "invalid",
      "SWITCH_TYPE_UNSUPPORTED",
      `Switches are of type 0 (virtual switch); type ${type} is not available on these hosts.`,
    ),
  mtuInvalid: (mtu: number) =>
    new AppError("invalid", "MTU_INVALID", `The MTU must be from 1500 to 9000, not ${mtu}.`),
  poolMissing: () =>
    new AppError("invalid", "VLAN_POOL_MISSING", "The request needs vlanPoolSet with at least one pool."),
  poolReversed: (start: number, end: number) =>
    new AppError("invalid", "VLAN_POOL_REVERSED", `The VLAN pool ${start} to ${end} ends before it starts.`),
  poolsOverlap: (start: number, end: number) =>
    new AppError("invalid", "VLAN_POOLS_OVERLAP", `The VLAN pool ${start} to ${end} overlaps another one.`),
  tooManyPools: () => new AppError("exhausted", "TOO_MANY_VLAN_POOLS", "A switch may have 100 VLAN pools."),
  poolUnknown: (start: number, end: number) =>
    new AppError("invalid", "VLAN_POOL_UNKNOWN", `The switch has no VLAN pool ${start} to ${end}.`),
  poolInUse: (start: number, end: number, group: string) =>
    new AppError(
      "conflict",
      "VLAN_POOL_IN_USE",
      `The VLAN pool ${start} to ${end} is used by the port group "${group}".`,
    ),
  vxlanUnsupported: () =>
    new AppError("invalid", "VXLAN_UNSUPPORTED", "The switch has no VXLAN pool; use a VLAN."),
  switchHasPortGroups: (id: number) =>
    new AppError("conflict", "SWITCH_HAS_PORT_GROUPS", `Switch ${id} still has port groups.`),
  hostMissing: (urn: string) =>
    new AppError("invalid", "HOST_MISSING", `There is no host ${urn.slice(0, 96)}.`),
  hostTwice: (name: string) =>
    new AppError("invalid", "SWITCH_HOST_TWICE", `The host ${name} is part of the switch already.`),
  hostNotOnSwitch: (name: string) =>
    new AppError("invalid", "SWITCH_HOST_MISSING", `The host ${name} is not part of the switch.`),
  hostHasPorts: (name: string) =>
    new AppError("conflict", "SWITCH_HOST_IN_USE", `VMs on the host ${name} are connected to the switch.`),
  uplinkMissing: (nic: string, host: string, has: readonly string[]) =>
    new AppError(
      "invalid",
      "UPLINK_MISSING",
      `The host ${host} has no NIC ${nic.slice(0, 32)}; it has ${has.join(", ")}.`,
    ),
  uplinkUsed: (nic: string, host: string) =>
    new AppError("conflict", "UPLINK_USED", `NIC ${nic} of the host ${host} carries another switch already.`),
  uplinkIsManagement: (nic: string, host: string) =>
    new AppError(
      "conflict",
      "UPLINK_IS_MANAGEMENT",
      `NIC ${nic} of the host ${host} has the address by which the manager reaches it; giving it to a switch would cut the host off.`,
    ),

  portGroupMissing: (id: number | string) =>
    new AppError("notFound", "PORT_GROUP_NOT_FOUND", `There is no port group ${String(id).slice(0, 64)}.`),
  portGroupElsewhere: (id: number) =>
    new AppError("notFound", "PORT_GROUP_ELSEWHERE", `Port group ${id} belongs to another switch.`),
  portGroupUrnInvalid: (text: string) =>
    new AppError("invalid", "PORT_GROUP_URN_INVALID", `"${text.slice(0, 96)}" does not name a port group.`),
  portGroupBusy: (id: number) =>
    new AppError("conflict", "PORT_GROUP_BUSY", `Port group ${id} is still being changed; try again.`),
  portGroupInUse: (id: number, nics: number) =>
    new AppError("conflict", "PORT_GROUP_IN_USE", `Port group ${id} is used by ${nics} VM NICs.`),
  runningVms: (id: number, count: number) =>
    new AppError(
      "conflict",
      "PORT_GROUP_HAS_RUNNING_VMS",
      `${count} VMs on port group ${id} are not stopped; stop them before changing its VLAN or type.`,
    ),
  nothingToChange: () =>
    new AppError("invalid", "PORT_GROUP_NO_CHANGE", "The request names nothing to change."),
  nameInvalid: () =>
    new AppError("invalid", "PORT_GROUP_NAME_INVALID", "A name may not contain any of & ; $ ` < > \\ !"),
  vlanNeeded: () =>
    new AppError("invalid", "PORT_GROUP_VLAN_NEEDED", "An access port group needs a vlanId from 0 to 4094."),
  oneOfVlans: () =>
    new AppError(
      "invalid",
      "PORT_GROUP_ONE_VLAN",
      "A port group has exactly one of vlanId, vlanRange, vxlanId and subnetUrn.",
    ),
  vlanOutsidePools: (vlanId: number) =>
    new AppError("invalid", "VLAN_OUTSIDE_POOLS", `VLAN ${vlanId} lies in none of the switch's VLAN pools.`),
  trunkNeedsRange: () =>
    new AppError("invalid", "TRUNK_NEEDS_RANGE", "A trunk port group needs a vlanRange such as 1-10,20."),
  accessNeedsVlan: () =>
    new AppError("invalid", "ACCESS_NEEDS_VLAN", "Changing a trunk to access needs a vlanId."),
  accessHasRange: () =>
    new AppError("invalid", "ACCESS_HAS_RANGE", "An access port group cannot have a vlanRange."),
  rangeInvalid: (range: string) =>
    new AppError(
      "invalid",
      "VLAN_RANGE_INVALID",
      `"${range.slice(0, 64)}" is no VLAN range; write numbers from 1 to 4094 like 1-10,20.`,
    ),
  subnetMissing: () => new AppError("invalid", "SUBNET_MISSING", "There is no such subnet."),
  trunkNoBinding: () =>
    new AppError("invalid", "TRUNK_NO_BINDING", "A trunk cannot bind IP and MAC addresses."),
  adminStatusOfTrunk: () =>
    new AppError("invalid", "ADMIN_STATUS_OF_TRUNK", "adminStatus is for trunk port groups only."),
  limitNeeded: () =>
    new AppError("invalid", "RATE_NEEDED", "A peak or burst needs the average rate of its direction."),
  peakInvalid: () =>
    new AppError("invalid", "PEAK_INVALID", "A peak rate must be at least the average rate."),
  priorityInvalid: () =>
    new AppError("invalid", "PRIORITY_INVALID", "A priority is from 2 to 7 and needs txLimit."),
  ipSuppressionInvalid: () =>
    new AppError("invalid", "IP_SUPPRESSION_INVALID", "IP broadcast suppression is 0 or from 5 to 1024."),
};

export const networkWireErrors = {
  SWITCH_NOT_FOUND: { code: "10540010", http: 400 },
  SWITCH_NAME_USED: { code: "10540041", http: 400 },
  SWITCH_TYPE_UNSUPPORTED: { code: "10000001", http: 400 },
  MTU_INVALID: { code: "10540415", http: 400 },
  VLAN_POOL_MISSING: { code: "10540004", http: 400 },
  VLAN_POOL_REVERSED: { code: "10540006", http: 400 },
  VLAN_POOLS_OVERLAP: { code: "10540007", http: 400 },
  TOO_MANY_VLAN_POOLS: { code: "10540039", http: 400 },
  VLAN_POOL_UNKNOWN: { code: "10540020", http: 400 },
  VLAN_POOL_IN_USE: { code: "10540021", http: 400 },
  VXLAN_UNSUPPORTED: { code: "10502012", http: 400 },
  SWITCH_HAS_PORT_GROUPS: { code: "10540022", http: 400 },
  HOST_MISSING: { code: "10300027", http: 400 },
  SWITCH_HOST_TWICE: { code: "10540018", http: 400 },
  SWITCH_HOST_MISSING: { code: "10540023", http: 400 },
  SWITCH_HOST_IN_USE: { code: "10000009", http: 400 },
  UPLINK_MISSING: { code: "10540011", http: 400 },
  UPLINK_USED: { code: "10000009", http: 400 },
  UPLINK_IS_MANAGEMENT: { code: "10000009", http: 400 },
  PORT_GROUP_NOT_FOUND: { code: "10540107", http: 400 },
  PORT_GROUP_ELSEWHERE: { code: "10540108", http: 400 },
  PORT_GROUP_URN_INVALID: { code: "10540119", http: 400 },
  PORT_GROUP_BUSY: { code: "10540139", http: 400 },
  PORT_GROUP_IN_USE: { code: "10540109", http: 400 },
  PORT_GROUP_HAS_RUNNING_VMS: { code: "10540137", http: 400 },
  PORT_GROUP_NO_CHANGE: { code: "10540415", http: 400 },
  PORT_GROUP_NAME_INVALID: { code: "10540521", http: 400 },
  PORT_GROUP_VLAN_NEEDED: { code: "10540104", http: 400 },
  PORT_GROUP_ONE_VLAN: { code: "10504018", http: 400 },
  VLAN_OUTSIDE_POOLS: { code: "10540105", http: 400 },
  TRUNK_NEEDS_RANGE: { code: "10504014", http: 400 },
  ACCESS_NEEDS_VLAN: { code: "10504015", http: 400 },
  ACCESS_HAS_RANGE: { code: "10504019", http: 400 },
  VLAN_RANGE_INVALID: { code: "10504017", http: 400 },
  SUBNET_MISSING: { code: "10500001", http: 400 },
  TRUNK_NO_BINDING: { code: "10504016", http: 400 },
  ADMIN_STATUS_OF_TRUNK: { code: "10504028", http: 400 },
  RATE_NEEDED: { code: "10504027", http: 400 },
  PEAK_INVALID: { code: "10504021", http: 400 },
  PRIORITY_INVALID: { code: "10540511", http: 400 },
  IP_SUPPRESSION_INVALID: { code: "10504026", http: 400 },
} as const satisfies Record<string, WireError>;
