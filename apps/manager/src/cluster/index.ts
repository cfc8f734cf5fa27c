export { clusterErrors, clusterWireErrors } from "./cluster.errors.ts";
export { registerClusterRoutes } from "./cluster.routes.ts";
export { type ClusterService, createClusterService } from "./cluster.service.ts";
export { clusterStore } from "./cluster.store.ts";
export type { StoredCluster } from "./cluster.ts";
