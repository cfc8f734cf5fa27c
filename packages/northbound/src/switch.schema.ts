import { LIMITS as L } from "@sinter/rules";
import { Type, type Static } from "typebox";
import { TextMap } from "./common.schema.ts";
import { coded } from "./read.ts";

/* Distributed switches on the wire (contract 2.19). */

const O = Type.Optional;
const name = coded(Type.String({ minLength: 1, maxLength: L.nameLength.max }), "10540521");
const description = O(coded(Type.String({ maxLength: L.descriptionLength.max }), "10540522"));
/** 0 and 1 are how older releases said 1500 and 9000; the service checks the range (NET-25). */
const mtu = O(coded(Type.Integer({ minimum: 0, maximum: 9000 }), "10540415"));

export const VlanPoolRequest = Type.Object(
  {
    startVlanId: coded(Type.Integer({ minimum: 1, maximum: L.vlanId.max }), "10502001"),
    endVlanId: coded(Type.Integer({ minimum: 1, maximum: L.vlanId.max }), "10502001"),
  },
  { title: "VlanPoolRequest" },
);
/** More than 100 is refused by the service with a code of its own. */
const vlanPoolSet = coded(Type.Array(VlanPoolRequest, { maxItems: 4094 }), "10540004");

export const HostPortRequest = Type.Object(
  {
    hostUrn: coded(Type.String({ maxLength: 256 }), "10300027"),
    /** NICs of the host that carry the switch outside, separated by commas; none: internal to the host. */
    portName: O(coded(Type.String({ maxLength: 255 }), "10540011")),
    /** As the detail shows it; read when there is no portName. */
    portUrn: O(coded(Type.String({ maxLength: 256 }), "10540011")),
  },
  { title: "HostPortRequest" },
);
export type HostPortRequest = Static<typeof HostPortRequest>;
const hostPortSet = coded(Type.Array(HostPortRequest, { maxItems: 1250 }), "10540011");

export const CreateSwitchRequest = Type.Object(
  {
    name,
    description,
    type: O(coded(Type.Integer(), "10000001")),
    vlanPoolSet: O(vlanPoolSet),
    vxlanPoolSet: O(Type.Array(Type.Object({}))),
    /** Absent: every host of the site, without a NIC. */
    hostPortSet: O(hostPortSet),
    isIgmpSnooping: O(Type.Boolean()),
    mtu,
  },
  { title: "CreateSwitchRequest" },
);
export type CreateSwitchRequest = Static<typeof CreateSwitchRequest>;

export const ModifySwitchRequest = Type.Object(
  { name: O(name), description, mtu },
  { title: "ModifySwitchRequest" },
);
export type ModifySwitchRequest = Static<typeof ModifySwitchRequest>;

export const VlanPoolsRequest = Type.Object(
  { vlanPoolSet, isForce: O(Type.Boolean()) },
  { title: "VlanPoolsRequest" },
);
export const HostPortsRequest = Type.Object({ hostPortSet }, { title: "HostPortsRequest" });

// Replies -------------------------------------------------------------------------------------------------------------

const VlanPools = Type.Array(Type.Object({ startVlanId: Type.Integer(), endVlanId: Type.Integer() }));

const basic = {
  urn: Type.String(),
  uri: Type.String(),
  name: Type.String(),
  description: Type.String(),
  type: Type.Integer(),
  portGroupNum: Type.Integer(),
  isIgmpSnooping: Type.Boolean(),
  mtu: Type.Integer(),
  qosType: Type.Integer(),
  /** Has the key `description`, which one client reads without looking. */
  params: TextMap,
};

export const WireSwitchBasic = Type.Object(basic, { title: "DvsBasic" });
export type WireSwitchBasic = Static<typeof WireSwitchBasic>;
export const SwitchList = Type.Object({ dvSwitchs: Type.Array(WireSwitchBasic) }, { title: "DvsList" });

export const WireHostPort = Type.Object(
  {
    hostUrn: Type.String(),
    hostName: Type.String(),
    portUrn: Type.String(),
    portName: Type.String(),
    /** 0 up, 1 down. */
    status: Type.Integer(),
    vtepInfo: Type.Object({
      vtepIP: Type.String(),
      vtepMask: Type.Integer(),
      vtepGW: Type.String(),
      outerVLAN: Type.String(),
      enableLLDP: Type.Boolean(),
      switchType: Type.Integer(),
    }),
    /** Ours: whether the host has the switch as it should be, and if not why. */
    isApplied: Type.Boolean(),
    reason: Type.String(),
  },
  { title: "DvsHostPort" },
);
export type WireHostPort = Static<typeof WireHostPort>;

export const WireSwitch = Type.Object(
  {
    ...basic,
    hostPortSet: Type.Array(WireHostPort),
    vlanPoolSet: VlanPools,
    vxlanPoolSet: Type.Array(Type.Object({})),
    usedVspNum: Type.Integer(),
    totalVspNum: Type.Integer(),
  },
  { title: "Dvs" },
);
export type WireSwitch = Static<typeof WireSwitch>;

export const UsedVlans = Type.Object(
  { dvswitchId: Type.Integer(), vlanIds: Type.Array(Type.Integer()), muxVlanIds: Type.Array(Type.Integer()) },
  { title: "UsedVlans" },
);
