import { Type, type Static } from "typebox";
import { LIMITS as L } from "@sinter/rules";
import { coded } from "./read.ts";

/* Sites on the wire (contract 2.2). */

const basic = {
  urn: Type.String(),
  uri: Type.String(),
  name: Type.String(),
  /** Address of the manager. */
  ip: Type.String(),
  isDC: Type.Boolean(),
  isSelf: Type.Boolean(),
  status: Type.String({ description: "joining, exiting, normal or fault." }),
};
export const WireSiteBasic = Type.Object(basic, { title: "SiteBasic" });
export type WireSiteBasic = Static<typeof WireSiteBasic>;
export const SiteList = Type.Object({ sites: Type.Array(WireSiteBasic) }, { title: "SiteList" });

export const WireSite = Type.Object(
  {
    ...basic,
    description: Type.String(),
    timeZone: Type.String(),
    ntpIp: Type.String(),
    ntpIp2: Type.String(),
    ntpIp3: Type.String(),
    ntpBridgeIp: Type.String(),
    ntpCycle: Type.Integer(),
  },
  { title: "Site" },
);
export type WireSite = Static<typeof WireSite>;

export const ModifySiteRequest = Type.Object(
  {
    name: Type.Optional(coded(Type.String({ minLength: 1, maxLength: L.nameLength.max }), "10000012")),
    description: Type.Optional(coded(Type.String({ maxLength: L.descriptionLength.max }), "10000018")),
  },
  { title: "ModifySiteRequest" },
);
export type ModifySiteRequest = Static<typeof ModifySiteRequest>;
