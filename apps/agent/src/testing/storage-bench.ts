import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, silentLog } from "@sinter/kit";
import type { CallContext } from "@sinter/southbound";
import { createDatastoreService, type DatastoreService } from "../datastore/datastore.service.ts";
import { EventHub, type PlainEvent } from "../events/event-hub.ts";
import { createVolumeService, type FileUsers, type VolumeService } from "../volume/volume.service.ts";

/** Datastores and volumes on real files, without a hypervisor. */
export interface StorageBench extends AsyncDisposable {
  readonly root: string;
  readonly datastores: DatastoreService;
  readonly volumes: VolumeService;
  readonly events: PlainEvent[];
  /** What `usersOf` says of files; nobody by default. */
  readonly users: Map<string, FileUsers>;
  readonly context: CallContext;
  /** A datastore in a folder of its own, or on a file system of that size. */
  newDatastore(datastoreId: string, options?: { sizeBytes?: number; shared?: boolean }): Promise<string>;
  /** The same services as after a restart of the agent. */
  restarted(): Promise<Pick<StorageBench, "datastores" | "volumes">>;
}

export const HOST_UUID = "3f2b8c1e-0000-4000-8000-000000000001";

export async function openStorageBench(): Promise<StorageBench> {
  await using parts = new AsyncDisposableStack();
  const root = await mkdtemp(join(tmpdir(), "sagent-storage-"));
  parts.defer(() => rm(root, { recursive: true, force: true, maxRetries: 5 }));
  const stateDir = join(root, "state");
  await mkdir(stateDir);
  const hub = new EventHub();
  const events: PlainEvent[] = [];
  hub.subscribe((event) => events.push(event));
  const users = new Map<string, FileUsers>();

  const usersOf = async (path: string): Promise<FileUsers> => users.get(path) ?? { all: [], running: [] };

  function services(): Pick<StorageBench, "datastores" | "volumes"> {
    const datastores = createDatastoreService({
      stateDir,
      usersOf: async () => [...users.values()].flatMap(({ all }) => all),
      hub,
      log: silentLog,
    });
    return {
      datastores,
      volumes: createVolumeService({ datastores, hostUuid: HOST_UUID, usersOf, hub, log: silentLog }),
    };
  }

  const first = services();
  const owned = parts.move();
  return {
    root,
    ...first,
    events,
    users,
    context: { signal: new AbortController().signal },
    async newDatastore(datastoreId, options = {}) {
      const path = join(root, datastoreId);
      await mkdir(path);
      if (options.sizeBytes !== undefined) {
        await run("mount", ["-t", "tmpfs", "-o", `size=${options.sizeBytes},mode=0700`, "tmpfs", path]);
        owned.defer(async () => {
          await run("umount", ["--lazy", path], { okCodes: [0, 32] });
        });
      }
      await first.datastores.ensure({ datastoreId, path, shared: options.shared ?? false });
      return path;
    },
    async restarted() {
      const again = services();
      await again.datastores.load(async () => []);
      return again;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
