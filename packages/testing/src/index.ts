export * from "./shared-postgres.ts";
export * from "./test-database.ts";
