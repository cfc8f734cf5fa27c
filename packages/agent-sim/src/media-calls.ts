import { createHash } from "node:crypto";
import { southboundError } from "@sinter/agent-link";
import { silentLog } from "@sinter/kit";
import { RemoteFile } from "@sinter/nbd";
import type { CdromMedium, CdromObservation, MediaChannel } from "@sinter/southbound";
import type { Effects } from "./effects.ts";
import type { SimHost } from "./sim-host.ts";
import type { SimStore } from "./sim-store.ts";
import type { SimVm } from "./sim-vm.ts";

export const mediaEffects = {
  listIsos: (host, { datastoreId }) => ({
    isos: [...storeOf(host, datastoreId).isos].map(([name, iso]) => ({ name, ...iso })),
  }),

  removeIso(host, { datastoreId, name }) {
    const store = storeOf(host, datastoreId);
    const users = [...host.vms.values()].filter((vm) => hasIso(vm, datastoreId, name));
    if (users.length > 0) {
      const vms = users.map(({ spec }) => spec.vmId);
      throw southboundError("ISO_IN_USE", `The ISO file ${name} is in the CD drive of ${vms.join(", ")}.`, {
        params: { name, vms },
      });
    }
    if (store.isos.delete(name)) host.emit({ type: "datastoreChanged", datastoreId });
    return {};
  },

  ensureIsoUpload(host, { datastoreId, uploadId, sizeBytes }) {
    const store = storeOf(host, datastoreId);
    const there = store.uploads.get(uploadId) ?? Buffer.alloc(0);
    requireRoom(store, datastoreId, sizeBytes - there.length);
    store.uploads.set(uploadId, there);
    return { receivedBytes: there.length };
  },

  writeIsoUpload(host, { datastoreId, uploadId, offset, data }) {
    const store = storeOf(host, datastoreId);
    const there = store.uploads.get(uploadId) ?? Buffer.alloc(0);
    const at = Number(offset);
    if (at > there.length) throw gap(uploadId, there.length);
    const end = at + data.length;
    requireRoom(store, datastoreId, end - there.length);
    store.uploads.set(uploadId, Buffer.concat([there.subarray(0, at), data, there.subarray(end)]));
    return { receivedBytes: Math.max(end, there.length) };
  },

  finishIsoUpload(host, { datastoreId, uploadId, name, sizeBytes }) {
    const store = storeOf(host, datastoreId);
    const there = store.uploads.get(uploadId);
    if (there === undefined) {
      const sha256 = store.finishedUploads.get(uploadId);
      if (sha256 !== undefined && store.isos.get(name)?.sizeBytes === sizeBytes) return { sha256 };
    }
    if (there?.length !== sizeBytes) throw gap(uploadId, there?.length ?? 0);
    if (store.isos.has(name)) {
      throw southboundError("ISO_EXISTS", `Datastore ${datastoreId} has an ISO file ${name} already.`, {
        params: { datastoreId, name },
      });
    }
    const sha256 = createHash("sha256").update(there).digest("hex");
    store.uploads.delete(uploadId);
    store.finishedUploads.set(uploadId, sha256);
    store.isos.set(name, { sizeBytes, modifiedAt: host.clock.now() });
    host.emit({ type: "datastoreChanged", datastoreId });
    return { sha256 };
  },

  removeIsoUpload(host, { datastoreId, uploadId }) {
    storeOf(host, datastoreId).uploads.delete(uploadId);
    return {};
  },
} satisfies Partial<Effects>;

function storeOf(host: SimHost, datastoreId: string): SimStore {
  const datastore = host.datastores.get(datastoreId);
  if (datastore && datastore.store.state !== "lost") return datastore.store;
  throw southboundError("DATASTORE_NOT_FOUND", `Host ${host.hostUuid} has no datastore ${datastoreId}.`, {
    params: { datastoreId },
  });
}

function requireRoom(store: SimStore, datastoreId: string, bytes: number): void {
  if (bytes <= store.freeBytes) return;
  throw southboundError(
    "DATASTORE_FULL",
    `Datastore ${datastoreId} has ${store.freeBytes} bytes free; ${bytes} are needed.`,
    { params: { datastoreId, neededBytes: bytes, freeBytes: store.freeBytes } },
  );
}

function gap(uploadId: string, receivedBytes: number) {
  return southboundError("ISO_UPLOAD_GAP", `Of upload ${uploadId} ${receivedBytes} bytes are there.`, {
    params: { uploadId, receivedBytes },
  });
}

function hasIso(vm: SimVm, datastoreId: string, name: string): boolean {
  return [vm.spec.cdrom, vm.live?.cdrom].some(
    (cdrom) => cdrom?.kind === "iso" && cdrom.datastoreId === datastoreId && cdrom.name === name,
  );
}

// ---- What lies in drives -----------------------------------------------------------------------------------------

/** Throws notFound ISO_NOT_FOUND. A browser's medium is made when there is none yet. */
export function openMedium(host: SimHost, medium: CdromMedium | null): void {
  if (medium?.kind === "browser") ensureBrowserMedium(host, medium.mediaId, medium.sizeBytes);
  if (medium?.kind !== "iso" || storeOf(host, medium.datastoreId).isos.has(medium.name)) return;
  throw southboundError(
    "ISO_NOT_FOUND",
    `Datastore ${medium.datastoreId} has no ISO file ${JSON.stringify(medium.name)}.`,
    { params: { datastoreId: medium.datastoreId, name: medium.name } },
  );
}

/** What a definition gets of a spec's medium: what cannot be had is left out. */
export function mediumToBeHad(host: SimHost, medium: CdromMedium | null): CdromMedium | null {
  if (medium?.kind === "browser")
    return host.browserMedia.has(medium.mediaId) && isOpen(host, medium.mediaId) ? medium : null;
  if (medium?.kind !== "iso") return null;
  return host.datastores.get(medium.datastoreId)?.store.isos.has(medium.name) ? medium : null;
}

export function ensureBrowserMedium(host: SimHost, mediaId: string, sizeBytes: number): RemoteFile {
  const there = host.browserMedia.get(mediaId);
  if (there !== undefined) return there;
  const file = new RemoteFile({
    sizeBytes,
    log: silentLog,
    graceMs: host.mediaGraceMs,
    onEnded: () => {
      for (const vm of host.vms.values()) {
        const { cdrom } = vm.live ?? vm.spec;
        if (cdrom?.kind === "browser" && cdrom.mediaId === mediaId) host.changed(vm);
      }
    },
  });
  host.browserMedia.set(mediaId, file);
  return file;
}

/** Forgets media of browsers that lie in no drive any more. */
export function releaseBrowserMedia(host: SimHost): void {
  const used = new Set(
    [...host.vms.values()].flatMap(({ spec, live }) =>
      [spec.cdrom, live?.cdrom].flatMap((cdrom) => (cdrom?.kind === "browser" ? [cdrom.mediaId] : [])),
    ),
  );
  for (const [mediaId, file] of host.browserMedia) {
    if (used.has(mediaId)) continue;
    host.browserMedia.delete(mediaId);
    file.end();
  }
}

export function observeCdrom(host: SimHost, vm: SimVm): CdromObservation | null {
  const { cdrom } = vm.live ?? vm.spec;
  if (cdrom?.kind === "browser")
    return { kind: "browser", mediaId: cdrom.mediaId, isOpen: isOpen(host, cdrom.mediaId) };
  return cdrom === null || cdrom === undefined ? null : { ...cdrom };
}

function isOpen(host: SimHost, mediaId: string): boolean {
  const file = host.browserMedia.get(mediaId);
  return file !== undefined && file.state !== "ended";
}

/** Both ends of a channel inside one process; what one sends the other hears in a later turn, as over a network. */
export function channelPair(): [MediaChannel, MediaChannel] {
  const ends = [new ChannelEnd(), new ChannelEnd()] as const;
  ends[0].join(ends[1]);
  ends[1].join(ends[0]);
  return [ends[0], ends[1]];
}

class ChannelEnd implements MediaChannel {
  #other: ChannelEnd | undefined;
  #early: (string | Buffer)[] = [];
  #listener: ((message: string | Buffer) => void) | undefined;
  readonly #onClose: ((code: number) => void)[] = [];
  #closed: number | undefined;

  join(other: ChannelEnd): void {
    this.#other = other;
  }

  send(message: string | Uint8Array): void {
    const copy = typeof message === "string" ? message : Buffer.from(message);
    setImmediate(() => this.#other?.hear(copy));
  }

  hear(message: string | Buffer): void {
    if (this.#closed !== undefined) return;
    if (this.#listener === undefined) this.#early.push(message);
    else this.#listener(message);
  }

  onMessage(listener: (message: string | Buffer) => void): void {
    this.#listener = listener;
    for (const message of this.#early.splice(0)) listener(message);
  }

  onClose(listener: (code: number) => void): void {
    if (this.#closed === undefined) this.#onClose.push(listener);
    else listener(this.#closed);
  }

  close(code: number): void {
    setImmediate(() => {
      this.end(code);
      this.#other?.end(code);
    });
  }

  end(code: number): void {
    if (this.#closed !== undefined) return;
    this.#closed = code;
    for (const listener of this.#onClose) listener(code);
  }
}
