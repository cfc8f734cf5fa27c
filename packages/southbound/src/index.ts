export * from "./calls.ts";
export * from "./common.ts";
export * from "./enrolment.ts";
export * from "./errors.ts";
export * from "./events.ts";
export * from "./host.ts";
export * from "./resources.ts";
export * from "./vm.ts";
