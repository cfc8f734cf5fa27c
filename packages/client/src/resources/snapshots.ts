import type {
  CreateSnapshotRequest,
  ModifySnapshotRequest,
  SnapshotTree,
  TaskAnswer,
  WireSnapshot,
  WireSnapshotNode,
} from "@sinter/northbound";
import type { Api } from "../api.ts";
import { pathOf, type Reference } from "../references.ts";

/** Snapshots of VMs. Taking, deleting and reverting go on as tasks; see `tasks.wait`. */
export function createSnapshots(api: Api) {
  return {
    tree: (vm: Reference) => api.get<SnapshotTree>(`${pathOf(vm)}/snapshots`),
    get: (snapshot: Reference) => api.get<WireSnapshot>(pathOf(snapshot)),
    take: (vm: Reference, request: CreateSnapshotRequest) =>
      api.post<TaskAnswer>(`${pathOf(vm)}/snapshots`, request),
    modify: (snapshot: Reference, change: ModifySnapshotRequest) => api.put<object>(pathOf(snapshot), change),
    remove: (snapshot: Reference) => api.remove<TaskAnswer>(pathOf(snapshot)),
    /** Sets the VM back; what it wrote since its last snapshot is lost. */
    revert: (snapshot: Reference) => api.post<TaskAnswer>(`${pathOf(snapshot)}/action/resumevm`),
  };
}

/** All snapshots of a tree, each before those taken after it; `depth` 0 for roots. */
export function* eachSnapshot(
  nodes: readonly WireSnapshotNode[],
  depth = 0,
): Generator<{ readonly node: WireSnapshotNode; readonly depth: number }> {
  for (const node of nodes) {
    yield { node, depth };
    yield* eachSnapshot(node.childSnapshots, depth + 1);
  }
}
