export * from "./common.schema.ts";
export * from "./error-codes.ts";
export * from "./read.ts";
export * from "./times.ts";
export * from "./urn.ts";
