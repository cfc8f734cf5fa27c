export * from "./common.schema.ts";
export * from "./error-codes.ts";
export * from "./read.ts";
export * from "./times.ts";
export * from "./urn.ts";
export * from "./task.schema.ts";
export * from "./vm.schema.ts";
export * from "./volume.schema.ts";
