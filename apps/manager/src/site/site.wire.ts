import { siteUrn, uriOf, type WireSite, type WireSiteBasic } from "@sinter/northbound";
import type { Site } from "./site.ts";

/** `status` is `normal` whenever there is somebody to answer. */
export function siteBasicToWire(site: Site, address: string): WireSiteBasic {
  const urn = siteUrn(site.id);
  return {
    urn,
    uri: uriOf(urn),
    name: site.name,
    ip: address,
    isDC: true,
    isSelf: true,
    status: "normal",
  };
}

/** Time comes from the hosts' own systems, so there is no server to name. */
export function siteToWire(site: Site, address: string): WireSite {
  return {
    ...siteBasicToWire(site, address),
    description: site.description,
    timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    ntpIp: "",
    ntpIp2: "",
    ntpIp3: "",
    ntpBridgeIp: "",
    ntpCycle: 0,
  };
}
