/** The portal's door and what only a browser needs. */
export { registerChangeRoute } from "./change.routes.ts";
export { ChangeListener } from "./change-listener.ts";
export { type ChangeStream, createChangeStream } from "./change-stream.ts";
export { createPortalDoor, DEFAULT_PORTAL_PORT, type PortalDoor } from "./portal-door.ts";
