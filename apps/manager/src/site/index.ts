export { registerSiteRoutes } from "./site.routes.ts";
export { createSiteService, type SiteService } from "./site.service.ts";
export type { Site } from "./site.ts";
