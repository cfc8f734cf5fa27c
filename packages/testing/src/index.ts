export * from "./crash-matrix.ts";
export * from "./random.ts";
export * from "./shared-postgres.ts";
export * from "./test-database.ts";
