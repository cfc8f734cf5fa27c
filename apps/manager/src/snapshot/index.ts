import { createSnapshot, deleteSnapshot, revertSnapshot } from "./snapshot.task.ts";

export { snapshotWireErrors } from "./snapshot.errors.ts";
export { registerSnapshotRoutes } from "./snapshot.routes.ts";
export { createSnapshotService, type SnapshotService } from "./snapshot.service.ts";

/** Operations of many steps on snapshots. */
export const snapshotTasks = [createSnapshot, deleteSnapshot, revertSnapshot] as const;
