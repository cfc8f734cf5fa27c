export { deleteHost } from "./delete-host.task.ts";
export { hostErrors, hostWireErrors } from "./host.errors.ts";
export type { HostPorts } from "./host.ports.ts";
export { registerHostRoutes } from "./host.routes.ts";
export { createHostService, hostLock, type HostService } from "./host.service.ts";
export { hostStore, type NewHost } from "./host.store.ts";
export type { Host, HostSettings, HostStatus, HostView } from "./host.ts";
export { modifyHost } from "./modify-host.task.ts";
export { usageStore } from "./usage.store.ts";
