import { readdir, rm } from "node:fs/promises";
import { basename, join as joinPath } from "node:path";
import { KeyedQueue, type Log } from "@sinter/kit";
import { type NbdServer, RemoteFile, serveNbd } from "@sinter/nbd";
import { MEDIA_DETACHED, type MediaChannel } from "@sinter/southbound";
import { mediaErrors } from "./media.errors.ts";
import { findQemuUser, giveToQemu, makeQemuFolder } from "./qemu-user.ts";

export type BrowserMedia = ReturnType<typeof createBrowserMedia>;

interface Medium {
  readonly file: RemoteFile;
  readonly server: NbdServer;
}

/** More at once are a mistake of the manager's: each may take CACHE_BYTES_MAX of memory. */
const MEDIA_MAX = 32;
const ENDING = ".sock";
/** A browser may be faster than the task that puts its medium into the drive. */
const EARLY_MS_MAX = 60_000;

/**
 * Files of people's browsers as NBD exports on sockets that QEMU alone may open (CMP-29). One is made when it is put
 * into a drive, and a browser that has come before waits for that. It lives until it is taken out, also when its browser
 * is gone: then every read fails. Nothing of it is kept on disk, and a restart of the agent ends all of them, since QEMU
 * has lost its connection: a browser that comes back then waits in vain.
 */
export function createBrowserMedia(options: {
  readonly directory: string;
  readonly log: Log;
  /** Told when a medium's browser is gone for good. */
  readonly onEnded: (mediaId: string) => void;
  readonly graceMs?: number;
}) {
  const { directory, log } = options;
  const media = new Map<string, Medium>();
  const early = new Map<string, { channel: MediaChannel; sizeBytes: number }>();
  const queue = new KeyedQueue();
  const socketOf = (mediaId: string): string => joinPath(directory, mediaId + ENDING);

  const ensure = (mediaId: string, sizeBytes: number): Promise<Medium> =>
    queue.run(mediaId, async () => {
      const there = media.get(mediaId);
      if (there !== undefined) return there;
      if (media.size >= MEDIA_MAX) throw mediaErrors.tooMany(MEDIA_MAX);
      const user = await findQemuUser();
      await makeQemuFolder(directory, user);
      const file = new RemoteFile({
        sizeBytes,
        log,
        onEnded: () => {
          log.info({ mediaId }, "a medium's browser is gone");
          options.onEnded(mediaId);
        },
        ...(options.graceMs === undefined ? {} : { graceMs: options.graceMs }),
      });
      const server = await serveNbd({ socketPath: socketOf(mediaId), source: file, log });
      await giveToQemu(socketOf(mediaId), user);
      const made = { file, server };
      media.set(mediaId, made);
      return made;
    });

  return {
    /** The socket of a medium, which waits for its browser if that is not there yet. */
    async open(mediaId: string, sizeBytes: number): Promise<string> {
      const { file } = await ensure(mediaId, sizeBytes);
      const waiting = early.get(mediaId);
      early.delete(mediaId);
      if (waiting !== undefined) join(file, waiting.sizeBytes, waiting.channel);
      return socketOf(mediaId);
    },

    /** The socket of a medium that can still be read; undefined when there is no such one. */
    find: (mediaId: string): string | undefined =>
      media.get(mediaId)?.file.state === "ended" || !media.has(mediaId) ? undefined : socketOf(mediaId),

    /** The medium behind a socket of ours. */
    ofSocket: (path: string): { mediaId: string; isOpen: boolean } | undefined => {
      const mediaId = basename(path, ENDING);
      if (path !== socketOf(mediaId)) return undefined;
      const medium = media.get(mediaId);
      return { mediaId, isOpen: medium !== undefined && medium.file.state !== "ended" };
    },

    /** A browser's connection has arrived. */
    attach(mediaId: string, sizeBytes: number, channel: MediaChannel): void {
      const medium = media.get(mediaId);
      if (medium !== undefined) {
        join(medium.file, sizeBytes, channel);
        return;
      }
      if (early.size >= MEDIA_MAX) {
        channel.close(MEDIA_DETACHED, "too many connections wait for a drive");
        return;
      }
      const waiting = { channel, sizeBytes };
      early.set(mediaId, waiting);
      const forget = (): void => {
        clearTimeout(timer);
        if (early.get(mediaId) === waiting) early.delete(mediaId);
      };
      const timer = setTimeout(() => {
        if (early.get(mediaId) === waiting) channel.close(MEDIA_DETACHED, "the medium is in no drive");
        forget();
      }, EARLY_MS_MAX).unref();
      channel.onClose(forget);
    },

    /** Ends a medium and forgets it; forgives one that is not there. */
    release: (mediaId: string): Promise<void> =>
      queue.run(mediaId, async () => {
        const medium = media.get(mediaId);
        media.delete(mediaId);
        medium?.file.end();
        await medium?.server.close();
      }),

    /** Removes sockets that a former life of this agent left; nobody listens behind them. */
    async tidy(): Promise<void> {
      const names = await readdir(directory).catch((): string[] => []);
      for (const name of names.filter((each) => each.endsWith(ENDING))) {
        if (!media.has(basename(name, ENDING))) await rm(joinPath(directory, name), { force: true });
      }
    },

    async [Symbol.asyncDispose](): Promise<void> {
      for (const { channel } of early.values()) channel.close(MEDIA_DETACHED, "the agent ends");
      for (const { file, server } of media.values()) {
        file.end();
        await server.close();
      }
      media.clear();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function join(file: RemoteFile, sizeBytes: number, channel: MediaChannel): void {
  if (file.sizeBytes === sizeBytes) file.attach(channel);
  else channel.close(MEDIA_DETACHED, "the medium has another size");
}
