import { LIMITS as L } from "@sinter/rules";
import { Type, type Static } from "typebox";
import { TextMap } from "./common.schema.ts";
import { coded } from "./read.ts";

/* Port groups on the wire (contract 2.20). */

const O = Type.Optional;
const int = (errorCode: string, min: number, max: number) =>
  O(coded(Type.Integer({ minimum: min, maximum: max }), errorCode));

/** 0 is accepted wherever it is what an answer shows of an unset value, since clients send back what they read. */
const fields = {
  description: O(coded(Type.String({ maxLength: L.descriptionLength.max }), "10540522")),
  portType: int("10504013", 0, 1),
  vlanId: int("10504009", 0, L.vlanId.max),
  vxlanId: O(Type.Integer()),
  vlanRange: O(coded(Type.String({ maxLength: 2047 }), "10504017")),
  subnetUrn: O(Type.String({ maxLength: 256 })),
  ipsegmentUrn: O(Type.String({ maxLength: 256 })),
  adminStatus: int("10504029", 0, 1),
  txLimit: int("10540520", 0, 10_000),
  txPeakLimit: int("10504021", 0, 10_000),
  txBurstSize: int("10504022", 0, 10_000),
  rxLimit: int("10540520", 0, 10_000),
  rxPeakLimit: int("10504021", 0, 10_000),
  rxBurstSize: int("10504022", 0, 10_000),
  priority: int("10540511", 0, 7),
  txWeight: int("10000001", 0, 100),
  isDhcpIsolation: O(Type.Boolean()),
  isIpMacBind: O(Type.Boolean()),
  isEnablePG: O(Type.Boolean()),
  arpBcstSuppress: int("10504025", 0, 1024),
  ipBcstSuppress: int("10504026", 0, 1024),
  isCalcTCPCheckSum: O(Type.Boolean()),
  multicastIp: O(Type.String({ maxLength: 64 })),
};
const name = coded(Type.String({ minLength: 1, maxLength: L.nameLength.max }), "10540521");

export const CreatePortGroupRequest = Type.Object({ name, ...fields }, { title: "CreatePortGroupRequest" });
export type CreatePortGroupRequest = Static<typeof CreatePortGroupRequest>;
export const ModifyPortGroupRequest = Type.Object(
  { name: O(name), ...fields },
  { title: "ModifyPortGroupRequest" },
);
export type ModifyPortGroupRequest = Static<typeof ModifyPortGroupRequest>;

const list = (errorCode: string) =>
  O(coded(Type.Array(Type.String({ maxLength: 1024 }), { maxItems: 1000 }), errorCode));

/** `POST …/portgroups` of a site is a query. */
export const QueryPortGroupsRequest = Type.Object(
  {
    limit: O(coded(Type.Integer({ minimum: 0, maximum: 1_000_000 }), "10000013")),
    offset: O(coded(Type.Integer({ minimum: 0 }), "10000016")),
    pgurns: list("10504024"),
    dvsurns: list("10540010"),
    names: list("10540521"),
  },
  { title: "QueryPortGroupsRequest" },
);
export type QueryPortGroupsRequest = Static<typeof QueryPortGroupsRequest>;

export const WirePortGroup = Type.Object(
  {
    urn: Type.String(),
    uri: Type.String(),
    name: Type.String(),
    description: Type.String(),
    portType: Type.Integer(),
    vlanId: Type.Integer(),
    vxlanId: Type.Integer(),
    vlanRange: Type.String(),
    subnetUrn: Type.String(),
    ipsegmentUrn: Type.String(),
    dvsType: Type.Integer(),
    adminStatus: Type.Integer(),
    txLimit: Type.Integer(),
    txPeakLimit: Type.Integer(),
    txBurstSize: Type.Integer(),
    rxLimit: Type.Integer(),
    rxPeakLimit: Type.Integer(),
    rxBurstSize: Type.Integer(),
    priority: Type.Integer(),
    txWeight: Type.Integer(),
    isDhcpIsolation: Type.Boolean(),
    isIpMacBind: Type.Boolean(),
    isEnablePG: Type.Boolean(),
    arpBcstSuppress: Type.Integer(),
    ipBcstSuppress: Type.Integer(),
    isCalcTCPCheckSum: Type.Boolean(),
    multicastIp: Type.String(),
    vspNum: Type.Integer(),
    userId: Type.String(),
    userName: Type.String(),
    isQinQEnable: Type.Boolean(),
    params: TextMap,
  },
  { title: "PortGroup" },
);
export type WirePortGroup = Static<typeof WirePortGroup>;

export const PortGroupList = Type.Object(
  { total: Type.Integer(), portGroups: Type.Array(WirePortGroup) },
  { title: "PortGroupList" },
);
