import { ModifySiteRequest, SiteList, VoidAnswer, WireSite } from "@sinter/northbound";
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
}
