/** What the composition, and other domains, may use of media. */
export { browserMediaStore } from "./browser-media.store.ts";
export { registerIsoRoutes } from "./iso.routes.ts";
export { createIsoService, type IsoService } from "./iso.service.ts";
export { isoStore } from "./iso.store.ts";
export { mediaErrors, mediaWireErrors } from "./media.errors.ts";
export { registerMediaUpgrade } from "./media.upgrade.ts";
