import { type FileHandle, open } from "node:fs/promises";
import type { Client, Iso } from "@sinter/client";
import { AppError } from "@sinter/kit/errors";
import type { Cli } from "./command.ts";
import { failures } from "./failures.ts";
import { createProgress, silentProgress } from "./output/progress.ts";

const MiB = 1024 * 1024;
const PIECE_BYTES_MAX = 8 * MiB;
const PIECE_BYTES_MIN = MiB / 4;
/** A piece has a minute at the manager; one that takes longer than this is followed by a smaller one. */
const PIECE_MS_GOOD = 8_000;
/** Failures in a row after which it is given up; the upload can be gone on with. */
const ATTEMPTS_MAX = 6;
const FIRST_PAUSE_MS = 500;

/** Sends a file into the library, from where an earlier attempt got to. Throws INTERRUPTED at Ctrl-C. */
export async function uploadIso(
  cli: Cli,
  client: Client,
  order: { readonly path: string; readonly name: string; readonly datastoreUrn: string },
): Promise<Iso> {
  const { path, name, datastoreUrn } = order;
  const file = await open(path, "r").catch((cause: unknown) => {
    throw failures.fileUnreadable(path, cause);
  });
  const stop = new AbortController();
  const release = cli.terminal.onInterrupt(() =>
    stop.abort(failures.interrupted("What was sent stays. Go on with the same command.")),
  );
  const progress = cli.printer.isJson ? silentProgress : await createProgress(cli.terminal);
  try {
    const { size: totalBytes } = await file.stat();
    let iso = await client.isos.create({ name, datastoreUrn, sizeBytes: totalBytes });
    let pieceBytes = 2 * MiB;
    for (let failed = 0; iso.status === "uploading"; ) {
      stop.signal.throwIfAborted();
      const share = Math.floor((100 * iso.receivedBytes) / totalBytes);
      progress.show({ type: "Upload", entityName: iso.name, status: "running", progress: share });
      // When all is there and its end was not heard of, the last byte is sent again.
      const first = Math.min(iso.receivedBytes, totalBytes - 1);
      const bytes = await readAt(file, first, Math.min(pieceBytes, totalBytes - first));
      const startedAt = performance.now();
      try {
        iso = await client.isos.put(iso.id, { first, totalBytes, bytes }, stop.signal);
        failed = 0;
        const isSlow = performance.now() - startedAt > PIECE_MS_GOOD;
        pieceBytes = isSlow
          ? Math.max(pieceBytes / 2, PIECE_BYTES_MIN)
          : Math.min(pieceBytes * 2, PIECE_BYTES_MAX);
      } catch (error) {
        stop.signal.throwIfAborted();
        if (++failed >= ATTEMPTS_MAX || !mayPass(error)) throw error;
        await new Promise((resolve) => setTimeout(resolve, FIRST_PAUSE_MS * 2 ** (failed - 1)));
        iso = await client.isos.get(iso.id).catch(() => iso);
      }
    }
    if (iso.status !== "ready") throw new AppError("conflict", "ISO_UPLOAD_FAILED", iso.reason);
    return iso;
  } finally {
    progress.end();
    release();
    await file.close();
  }
}

/** A lost connection or a busy manager; also a place to go on from that has moved. */
function mayPass(error: unknown): boolean {
  return error instanceof AppError && (error.kind === "unavailable" || error.kind === "conflict");
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  const { bytesRead } = await file.read(bytes, 0, length, position);
  if (bytesRead < length)
    throw new AppError("conflict", "FILE_CHANGED", "The file became shorter while it was sent.");
  return bytes;
}
