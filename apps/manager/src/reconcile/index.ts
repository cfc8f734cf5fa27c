export { createReconciler, type Reconciler, type ReconcilerOptions } from "./driver.ts";
export { createInventoryReconcilers, type InventoryReconcilers } from "./reconcilers.ts";
