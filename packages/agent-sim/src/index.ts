export type { CallRecord } from "./call-log.ts";
export { FaultPlan, type FaultTarget, type PlannedFault } from "./fault-plan.ts";
export { seededMac, seededUuid } from "./seeded.ts";
export * from "./serve-sims.ts";
export * from "./sim-fleet.ts";
export * from "./sim-host.ts";
export * from "./sim-port.ts";
export { SimStore, type SimVolume } from "./sim-store.ts";
export { COOPERATIVE_GUEST, type SimGuest, type SimVm } from "./sim-vm.ts";
