import { AppError, type Clock, type Log } from "@sinter/kit";
import { type CreateIsoRequest, parseUrn, vmWireId } from "@sinter/northbound";
import type { Database } from "../database/database.ts";
import { nextId } from "../database/ids.ts";
import type { Agent, Fleet } from "../fleet/fleet.ts";
import { datastoreErrors, datastoreIdOnAgent, datastoreStore } from "../storage/index.ts";
import { volumeErrors } from "../storage/volume.errors.ts";
import { volumeStore } from "../storage/volume.store.ts";
import { type ContentRange, piecesOf } from "./content-range.ts";
import { isoNameFrom, type Iso } from "./iso.ts";
import { isoStore, type IsoUser } from "./iso.store.ts";
import { mediaErrors } from "./media.errors.ts";

export interface IsoServiceParts {
  readonly database: Database;
  readonly fleet: Fleet;
  readonly clock: Clock;
  readonly log: Log;
}

/** An upload to which nothing was added for so long is given up. */
const ABANDONED_MS = 24 * 3_600_000;
/** Handed to an agent at once: what a broken connection may have to send again. */
const PIECE_BYTES = 2 * 1024 * 1024;

const uploadIdOf = (id: number): string => `iso-${id}`;

/**
 * The ISO library: files in the `isos` folders of datastores. Files are what counts, and rows follow them; a row is
 * there first only while an upload goes on.
 *
 * | at the same time               | what makes it safe                                                     |
 * | ------------------------------ | ---------------------------------------------------------------------- |
 * | two uploads to one name        | the row's unique name                                                    |
 * | two pieces of one upload       | one at a time in this process, and pieces may be written twice           |
 * | attach and removal             | the attaching transaction holds the row, the removal locks it            |
 * | crash of browser, manager, agent | what is on disk is the length of a file, and the row never says more   |
 */
export function createIsoService({ database, fleet, clock, log }: IsoServiceParts) {
  const store = () => isoStore(database.db);
  const receiving = new Set<number>();

  const get = async (id: number): Promise<Iso> => {
    const iso = await store().find(id);
    if (!iso) throw mediaErrors.isoNotFound(String(id));
    return iso;
  };

  /** Through a host that reaches the datastore; when one falls silent, through the next. */
  const onDatastore = async <T>(datastoreId: number, work: (agent: Agent) => Promise<T>): Promise<T> => {
    const hostIds = await volumeStore(database.db).hostsReaching(datastoreId);
    let failure: unknown = datastoreErrors.unreachable(datastoreId);
    for (const hostId of hostIds.filter((each) => fleet.isConnected(each))) {
      try {
        return await work(fleet.agent(hostId));
      } catch (error) {
        if (!(error instanceof AppError) || error.kind !== "unavailable") throw error;
        failure = error;
      }
    }
    throw failure;
  };

  const onAgent = ({ id, datastoreId }: Iso) => ({
    datastoreId: datastoreIdOnAgent(datastoreId),
    uploadId: uploadIdOf(id),
  });

  /** How much of an upload is on disk for certain: both the row and the file must say so. */
  const settleReceived = async (iso: Iso): Promise<number> => {
    const there = await onDatastore(iso.datastoreId, (agent) =>
      agent.ensureIsoUpload({ ...onAgent(iso), sizeBytes: iso.sizeBytes }),
    );
    const receivedBytes = Math.min(there.receivedBytes, iso.receivedBytes);
    if (receivedBytes !== iso.receivedBytes) await store().update(iso.id, { receivedBytes });
    return receivedBytes;
  };

  /** All bytes are there: gives the file its name. Repeatable. */
  const finish = async (iso: Iso): Promise<void> => {
    try {
      const { sha256 } = await onDatastore(iso.datastoreId, (agent) =>
        agent.finishIsoUpload({ ...onAgent(iso), name: iso.name, sizeBytes: iso.sizeBytes }),
      );
      await store().update(iso.id, { status: "ready", sha256, updatedAt: new Date(clock.now()) });
      log.info({ isoId: iso.id, name: iso.name, sha256 }, "an ISO file is ready");
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      if (error.code === "ISO_UPLOAD_GAP") {
        const { receivedBytes } = error.params;
        await store().update(iso.id, {
          receivedBytes: typeof receivedBytes === "number" ? receivedBytes : 0,
        });
      }
      if (error.code !== "ISO_EXISTS") throw error;
      // Somebody copied a file of that name there meanwhile.
      await onDatastore(iso.datastoreId, (agent) => agent.removeIsoUpload(onAgent(iso)));
      await store().update(iso.id, { status: "failed", receivedBytes: 0, reason: error.message });
    }
  };

  /** Takes file and row away; the row is marked already. Repeatable. */
  const erase = async (iso: Iso): Promise<void> => {
    const { datastoreId, uploadId } = onAgent(iso);
    await onDatastore(iso.datastoreId, async (agent) => {
      await agent.removeIsoUpload({ datastoreId, uploadId });
      // Of an upload that never became a file another file may have the name.
      if (iso.sha256 !== null || iso.receivedBytes === iso.sizeBytes)
        await agent.removeIso({ datastoreId, name: iso.name });
    });
    await store().remove(iso.id);
  };

  return {
    get,

    async list(filter: { datastoreId?: number }): Promise<{ isos: Iso[]; users: IsoUser[] }> {
      const [isos, users] = await Promise.all([store().list(filter), store().users(filter)]);
      return { isos, users };
    },

    usersOf: ({ datastoreId, name }: Iso) => store().users({ datastoreId, name }),

    /** Begins an upload; one of the same name and size that is under way is gone on with. */
    async create(request: CreateIsoRequest): Promise<Iso> {
      const name = isoNameFrom(request.name);
      if (name === undefined) throw mediaErrors.nameInvalid(request.name);
      const urn = parseUrn(request.datastoreUrn);
      const datastore =
        urn?.kind === "datastores" && urn.id !== undefined
          ? await datastoreStore(database.db).find(urn.id)
          : undefined;
      if (!datastore) throw datastoreErrors.notFound(request.datastoreUrn);
      if (datastore.status === "readOnly") throw volumeErrors.datastoreReadOnly(datastore.id);
      if (datastore.status !== "normal") throw volumeErrors.datastoreAbnormal(datastore.id);
      const { sizeBytes } = request;
      const there = await store().findNamed(datastore.id, name);
      if (there) {
        if (there.status !== "uploading" || there.sizeBytes !== sizeBytes) throw mediaErrors.exists(name);
        return { ...there, receivedBytes: await settleReceived(there) };
      }
      const files = await onDatastore(datastore.id, (agent) =>
        agent.listIsos({ datastoreId: datastoreIdOnAgent(datastore.id) }),
      );
      if (files.isos.some((file) => file.name === name)) throw mediaErrors.exists(name);
      const id = await nextId(database.db);
      const now = new Date(clock.now());
      const iso: Iso = {
        id,
        datastoreId: datastore.id,
        name,
        sizeBytes,
        receivedBytes: 0,
        status: "uploading",
        reason: "",
        sha256: null,
        createdAt: now,
        updatedAt: now,
      };
      if (!(await store().insert(iso))) throw mediaErrors.exists(name);
      try {
        await settleReceived(iso);
      } catch (error) {
        // No room, or no host: as if it had never begun.
        await store().remove(id);
        throw error;
      }
      return iso;
    },

    /** Writes a piece. The last one makes it an ISO file. Throws conflict ISO_UPLOAD_GAP saying where to go on. */
    async write(id: number, range: (iso: Iso) => ContentRange, body: NodeJS.ReadableStream): Promise<Iso> {
      const iso = await get(id);
      if (iso.status !== "uploading") throw mediaErrors.isoNotReady(iso.name, iso.status);
      const { first, length } = range(iso);
      if (receiving.has(id)) throw mediaErrors.uploadBusy(iso.name);
      receiving.add(id);
      try {
        let receivedBytes = await settleReceived(iso);
        if (first > receivedBytes) throw mediaErrors.gap(iso.name, receivedBytes);
        let offset = first;
        for await (const data of piecesOf(body, length, PIECE_BYTES)) {
          const piece = { ...onAgent(iso), offset: String(offset), data };
          await onDatastore(iso.datastoreId, (agent) => agent.writeIsoUpload(piece));
          offset += data.length;
          receivedBytes = Math.max(receivedBytes, offset);
          await store().update(id, { receivedBytes, updatedAt: new Date(clock.now()) });
        }
        if (receivedBytes === iso.sizeBytes) await finish(iso);
        return await get(id);
      } finally {
        receiving.delete(id);
        body.resume();
      }
    },

    /** Throws conflict ISO_IN_USE naming the VMs. */
    async remove(id: number): Promise<void> {
      const { iso, from } = await database.transaction(async ({ db }) => {
        const held = await isoStore(db).lock(id);
        if (!held) throw mediaErrors.isoNotFound(String(id));
        const users = await isoStore(db).users({ datastoreId: held.datastoreId, name: held.name });
        if (users.length > 0)
          throw mediaErrors.inUse(
            held.name,
            users.map((user) => `${user.name} (${vmWireId(user.vmId)})`),
          );
        if (receiving.has(id)) throw mediaErrors.uploadBusy(held.name);
        await isoStore(db).update(id, { status: "removing" });
        return { iso: held, from: held.status };
      });
      try {
        await erase(iso);
      } catch (error) {
        // While nobody knows what came of it, the reconciler goes on with it.
        const isUnknown =
          !(error instanceof AppError) || error.kind === "unavailable" || error.kind === "internal";
        if (!isUnknown) await store().transition(id, ["removing"], from);
        throw error;
      }
    },

    /** Brings a datastore's part of the library in line with its folder. Throws `unavailable` when no host reaches it. */
    async reconcile(datastoreId: number): Promise<void> {
      const name = datastoreIdOnAgent(datastoreId);
      const rows = await store().list({ datastoreId });
      const { isos: files } = await onDatastore(datastoreId, (agent) =>
        agent.listIsos({ datastoreId: name }),
      );
      const byName = new Map(files.map((file) => [file.name, file]));
      const now = new Date(clock.now());
      for (const row of rows) {
        const file = byName.get(row.name);
        byName.delete(row.name);
        if (receiving.has(row.id)) continue;
        if (row.status === "removing") await erase(row);
        else if (row.status === "uploading" && row.receivedBytes === row.sizeBytes) await finish(row);
        else if (row.status === "uploading") continue;
        else if (file === undefined && row.status === "ready") {
          await store().update(row.id, { status: "failed", reason: "The file is gone from the datastore." });
        } else if (file !== undefined && (row.status === "failed" || file.sizeBytes !== row.sizeBytes)) {
          const { sizeBytes } = file;
          // Another file than the one whose hash is known.
          const sha256 = sizeBytes === row.sizeBytes ? row.sha256 : null;
          const found = { sizeBytes, receivedBytes: sizeBytes, sha256, reason: "" };
          await store().update(row.id, { ...found, status: "ready", updatedAt: now });
        }
      }
      for (const { name: fileName, sizeBytes } of byName.values()) {
        const found = { datastoreId, name: fileName, sizeBytes, receivedBytes: sizeBytes };
        const id = await nextId(database.db);
        await store().insert({ id, ...found, status: "ready", reason: "", sha256: null, updatedAt: now });
        log.info({ isoId: id, datastoreId, name: fileName }, "found an ISO file that somebody copied there");
      }
      for (const iso of await store().abandoned(datastoreId, new Date(clock.now() - ABANDONED_MS))) {
        if (receiving.has(iso.id) || !(await store().transition(iso.id, ["uploading"], "removing"))) continue;
        log.info({ isoId: iso.id, name: iso.name }, "gave up an upload to which nothing was added for a day");
        await erase(iso);
      }
    },
  };
}
export type IsoService = ReturnType<typeof createIsoService>;
