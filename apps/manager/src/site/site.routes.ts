import {
  FolderList,
  ModifySiteRequest,
  SecurityGroupList,
  SiteList,
  VoidAnswer,
  WireSite,
} from "@sinter/northbound";
import type { FastifyInstance } from "fastify";
import { registerRoute, SITE } from "../http/route.ts";
import type { SiteService } from "./site.service.ts";
import { siteBasicToWire, siteToWire } from "./site.wire.ts";

export function registerSiteRoutes(
  app: FastifyInstance,
  /** `address`: where clients reach this manager. */
  { sites, address }: { sites: SiteService; address: string },
): void {
  registerRoute(app, {
    method: "GET",
    url: "/service/sites",
    access: "read",
    summary: "Lists the sites, this manager's own first.",
    reply: SiteList,
    handle: async () => ({ sites: [siteBasicToWire(sites.get(), address)] }),
  });

  registerRoute(app, {
    method: "GET",
    url: SITE,
    access: "read",
    summary: "Shows a site.",
    reply: WireSite,
    handle: async () => siteToWire(sites.get(), address),
  });

  registerRoute(app, {
    method: "PUT",
    url: SITE,
    access: "administer",
    summary: "Changes name and description of a site.",
    body: ModifySiteRequest,
    reply: VoidAnswer,
    handle: async ({ body }) => {
      await sites.modify(body);
      return {};
    },
  });

  // The contract writes the path in the singular and the URN in the plural; clients use both.
  for (const path of ["folder", "folders"]) {
    registerRoute(app, {
      method: "GET",
      url: `${SITE}/${path}`,
      access: "read",
      summary: "Lists folders, of which there are none: objects lie directly below the site.",
      query: { parentObjUrn: "URN of the site or a folder", type: "0 clusters, 1 VMs" },
      reply: FolderList,
      handle: async () => ({ folders: [] }),
    });
  }

  registerRoute(app, {
    method: "GET",
    url: `${SITE}/securitygroups`,
    access: "read",
    summary: "Lists security groups, of which there are none.",
    reply: SecurityGroupList,
    handle: async () => ({ securityGroups: [] }),
  });
}
