import { realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { KeyedQueue, type Log, readIfThere, writeFileAtomic } from "@sinter/kit";
import type { DatastoreObservation, DatastoreSpec } from "@sinter/southbound";
import type { EventHub } from "../events/event-hub.ts";
import { datastoreErrors } from "./datastore.errors.ts";
import { hasDirectIo, isWritable, readSpace, reserveBytes, within } from "./filesystem.ts";
import { ensureMarker, eraseMarker, readMarker } from "./marker-file.ts";

/** What the file system says; of leases others know. */
export type DatastoreLook = Omit<DatastoreObservation, "lease">;
export type DatastoreService = ReturnType<typeof createDatastoreService>;

/** A datastore as the rest of the agent uses it: it was there, and was the right one, when this was given out. */
export interface OpenDatastore extends DatastoreSpec {
  readonly markerId: string | null;
  /** Whether QEMU may go past the page cache. */
  readonly directIo: boolean;
}

/** A datastore that does not answer for so long is lost. */
const ANSWER_MS_MAX = 4_000;
/** Directories of the system; a datastore in one of them is a mistake. */
const SYSTEM_ROOTS = [
  "/proc",
  "/sys",
  "/dev",
  "/run",
  "/etc",
  "/boot",
  "/usr",
  "/bin",
  "/sbin",
  "/lib",
  "/root",
];

/**
 * Directories that are in use as datastores. The list is a file; where that is gone (a reinstalled agent), it is read
 * off the VMs that libvirt knows (CNA-05).
 */
export function createDatastoreService(options: {
  readonly stateDir: string;
  /** Names of VMs that have a disk on it. */
  readonly usersOf: (datastore: DatastoreSpec) => Promise<readonly string[]>;
  readonly hub: EventHub;
  readonly log: Log;
}) {
  const file = join(options.stateDir, "datastores.json");
  const known = new Map<string, DatastoreSpec>();
  const directIo = new Map<string, boolean>();
  const queue = new KeyedQueue();
  /** Looks that have not come back; a file system that hangs must not take one thread after the other. */
  const looking = new Map<string, Promise<DatastoreLook>>();
  const lastState = new Map<string, string>();

  const save = (): Promise<void> =>
    writeFileAtomic(file, `${JSON.stringify([...known.values()], null, 2)}\n`);

  async function look(spec: DatastoreSpec): Promise<DatastoreLook> {
    const { datastoreId, path } = spec;
    const lost = {
      datastoreId,
      path,
      state: "lost",
      markerId: null,
      capacityBytes: 0,
      freeBytes: 0,
    } as const;
    let pending = looking.get(datastoreId);
    if (!pending) {
      pending = readState(spec).catch(() => lost);
      looking.set(datastoreId, pending);
      void pending.finally(() => looking.delete(datastoreId));
    }
    const seen = await within(ANSWER_MS_MAX, pending).catch(() => lost);
    const before = lastState.get(datastoreId);
    lastState.set(datastoreId, seen.state);
    if (before !== undefined && before !== seen.state) {
      options.log.warn({ datastoreId, path, before, now: seen.state }, "a datastore changed its state");
      options.hub.emit({ type: "datastoreChanged", datastoreId });
    }
    return seen;
  }

  function require(datastoreId: string): DatastoreSpec {
    const spec = known.get(datastoreId);
    if (!spec) throw datastoreErrors.notFound(datastoreId);
    return spec;
  }

  return {
    /** Reads the list; `fromVms` stands in for one that is gone. */
    async load(fromVms: () => Promise<readonly DatastoreSpec[]>): Promise<void> {
      const text = await readIfThere(file);
      const specs = text === undefined ? await fromVms() : (JSON.parse(text) as DatastoreSpec[]); // our own file
      for (const spec of specs) known.set(spec.datastoreId, spec);
      if (text === undefined && specs.length > 0) {
        options.log.info({ datastores: specs.length }, "read the list of datastores off the VMs");
        await save();
      }
    },

    specs: (): readonly DatastoreSpec[] => [...known.values()],

    /** As `list`, of one; undefined when it is not in use. */
    async find(datastoreId: string): Promise<DatastoreLook | undefined> {
      const spec = known.get(datastoreId);
      return spec && (await look(spec));
    },

    list: (): Promise<DatastoreLook[]> => Promise.all([...known.values()].map(look)),

    /**
     * The datastore, checked to be there. Throws notFound DATASTORE_NOT_FOUND, or invalid DATASTORE_UNUSABLE where it
     * was unmounted or does not answer.
     */
    async open(datastoreId: string): Promise<OpenDatastore> {
      const spec = require(datastoreId);
      const seen = await look(spec);
      if (seen.state === "lost") {
        throw datastoreErrors.unusable(
          datastoreId,
          spec.path,
          "it is not mounted, not there or does not answer",
        );
      }
      let direct = directIo.get(datastoreId);
      if (direct === undefined) {
        direct = await hasDirectIo(spec.path);
        directIo.set(datastoreId, direct);
      }
      return { ...spec, markerId: seen.markerId, directIo: direct };
    },

    ensure: (spec: DatastoreSpec): Promise<DatastoreLook> =>
      queue.run(spec.datastoreId, async () => {
        const { datastoreId, shared } = spec;
        const path = await usablePath(spec);
        const before = known.get(datastoreId);
        if (before && before.path !== path) await requireUnused(before, options.usersOf);
        const expected = spec.markerId ?? undefined;
        // One that must be there already is never written: the right file system may not be mounted.
        const marker = await within(
          ANSWER_MS_MAX,
          expected === undefined ? ensureMarker(path, datastoreId) : readMarker(path),
        ).catch((cause: unknown) => {
          throw datastoreErrors.unusable(
            datastoreId,
            path,
            "its marker file cannot be written or read",
            cause,
          );
        });
        if (marker !== undefined && marker.datastoreId !== datastoreId)
          throw datastoreErrors.foreign(datastoreId, path, marker.datastoreId);
        if (expected !== undefined && marker?.markerId !== expected)
          throw datastoreErrors.unusable(datastoreId, path, "it is another file system, or not mounted");
        const lease = spec.lease ?? before?.lease;
        const isSame = before?.path === path && before.shared === shared && isSameLease(before.lease, lease);
        if (!isSame) {
          known.set(datastoreId, { datastoreId, path, shared, ...(lease === undefined ? {} : { lease }) });
          directIo.delete(datastoreId);
          await save();
          options.log.info({ datastoreId, path, shared }, "a datastore is in use");
        }
        return await look({ datastoreId, path, shared });
      }),

    /** With `isErased` also its marker goes, so that the directory may become another datastore. */
    remove: (datastoreId: string, isErased = false): Promise<void> =>
      queue.run(datastoreId, async () => {
        const spec = known.get(datastoreId);
        if (!spec) return;
        await requireUnused(spec, options.usersOf);
        // First: once it is forgotten nobody knows where to look.
        if (isErased) await within(ANSWER_MS_MAX, eraseMarker(spec.path, datastoreId));
        known.delete(datastoreId);
        lastState.delete(datastoreId);
        directIo.delete(datastoreId);
        await save();
        options.log.info({ datastoreId, path: spec.path }, "a datastore is no longer in use");
      }),
  };
}

function isSameLease(one: DatastoreSpec["lease"], other: DatastoreSpec["lease"]): boolean {
  return one?.hostId === other?.hostId && one?.ioTimeoutS === other?.ioTimeoutS;
}

async function readState(spec: DatastoreSpec): Promise<DatastoreLook> {
  const { datastoreId, path } = spec;
  const marker = await readMarker(path);
  // Somebody else's file system, or the empty directory under an unmounted one.
  if (marker?.datastoreId !== datastoreId) throw new Error("no marker of this datastore");
  const space = await readSpace(path);
  const usable = (await isWritable(path)) && space.freeBytes > reserveBytes(space);
  return { datastoreId, path, state: usable ? "normal" : "readOnly", markerId: marker.markerId, ...space };
}

async function requireUnused(
  spec: DatastoreSpec,
  usersOf: (datastore: DatastoreSpec) => Promise<readonly string[]>,
): Promise<void> {
  const users = await usersOf(spec);
  if (users.length > 0) throw datastoreErrors.inUse(spec.datastoreId, users);
}

/** The real path of a directory that may be used; links are followed once, here, and never again. */
async function usablePath({ datastoreId, path }: DatastoreSpec): Promise<string> {
  const refuse = (why: string, cause?: unknown) => datastoreErrors.unusable(datastoreId, path, why, cause);
  let real: string;
  try {
    real = await within(ANSWER_MS_MAX, realpath(path));
    if (!(await within(ANSWER_MS_MAX, stat(real))).isDirectory()) throw refuse("it is no directory");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") throw refuse("there is no such directory", cause);
    throw cause instanceof Error && "kind" in cause ? cause : refuse("it does not answer", cause);
  }
  if (real === "/" || SYSTEM_ROOTS.some((root) => real === root || real.startsWith(`${root}/`))) {
    throw refuse("that directory belongs to the system");
  }
  if (!(await isWritable(real))) throw refuse("it cannot be written");
  return real;
}
