export * from "./postgres-programs.ts";
export * from "./private-postgres.ts";
