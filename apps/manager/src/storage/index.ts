export { connectDatastore, createDatastore } from "./create-datastore.task.ts";
export { datastoreErrors, datastoreWireErrors } from "./datastore.errors.ts";
export { datastoreIdOnAgent } from "./datastore-link.ts";
export type { DatastorePorts } from "./datastore.ports.ts";
export { registerDatastoreRoutes } from "./datastore.routes.ts";
export { createDatastoreService, datastoreLock, type DatastoreService } from "./datastore.service.ts";
export { datastoreStore } from "./datastore.store.ts";
export type { Datastore, DatastoreKind } from "./datastore.ts";
export { deleteDatastore, disconnectDatastore } from "./delete-datastore.task.ts";
