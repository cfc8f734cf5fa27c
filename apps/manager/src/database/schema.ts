/** All tables, for drizzle-kit and the test that migrations and tables agree. Domains import their own file. */
export * from "../audit/audit.table.ts";
export * from "../cluster/cluster.table.ts";
export * from "../compute/vm.table.ts";
export * from "../enrolment/join-token.table.ts";
export * from "../host/host.table.ts";
export * from "../identity/identity.table.ts";
export * from "../media/media.table.ts";
export * from "../network/network.table.ts";
export * from "../site/site.table.ts";
export * from "../snapshot/snapshot.table.ts";
export * from "../storage/datastore.table.ts";
export * from "../storage/lease.table.ts";
export * from "../storage/volume.table.ts";
export { objectIdSequence } from "./ids.ts";
