export * from "./architecture.ts";
export * from "./capacity.ts";
export * from "./entitlement.ts";
export * from "./limits.ts";
export * from "./vm-state.ts";
export * from "./volume-chain.ts";
