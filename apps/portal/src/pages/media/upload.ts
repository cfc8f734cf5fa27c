import { AppError } from "@sinter/kit/errors";
import type { Iso } from "@sinter/client/portable";

/*
 * One file on its way into an ISO library: pieces one after the other, each as large as goes through in about a
 * second. What has arrived is the manager's to say, so an upload goes on after a pause, a lost manager, or a reload.
 *
 * | at the same time                         | what makes it safe                                            |
 * |------------------------------------------|---------------------------------------------------------------|
 * | pause or cancel while a piece is sent    | the piece is aborted; what arrived of it is asked for later   |
 * | resume before the paused loop has ended  | the new loop waits for the old one                            |
 * | another browser sends the same file      | the manager refuses a piece at the wrong place: we ask again  |
 */

export type UploadState = "running" | "paused" | "waiting" | "done" | "failed";

export interface UploadView {
  readonly state: UploadState;
  readonly sentBytes: number;
  readonly totalBytes: number;
  /** Of the last pieces; 0 while nothing goes through. */
  readonly bytesPerS: number;
  readonly error: unknown;
}

export interface UploadPorts {
  read(id: string): Promise<Iso>;
  /** Puts `bytes` at `from`; gives the image as it is then. */
  put(id: string, from: number, total: number, bytes: Blob, signal: AbortSignal): Promise<Iso>;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  now(): number;
}

const MIB = 1024 ** 2;
const PIECE = { first: MIB, min: MIB / 4, max: 8 * MIB, aimMs: 1000 } as const;
const RETRY_MS = { first: 500, max: 10_000 } as const;
/** Pieces in a row that the manager did not want where it had asked for them. */
const MISPLACED_MAX = 5;

export class Upload {
  readonly iso: Pick<Iso, "id" | "name" | "datastoreUrn">;
  readonly #file: Blob;
  readonly #ports: UploadPorts;
  readonly #listeners = new Set<() => void>();
  #view: UploadView;
  #stop = new AbortController();
  #loop: Promise<void> = Promise.resolve();

  constructor(iso: Iso, file: Blob, ports: UploadPorts) {
    this.iso = iso;
    this.#file = file;
    this.#ports = ports;
    this.#view = {
      state: "paused",
      sentBytes: iso.receivedBytes,
      totalBytes: iso.sizeBytes,
      bytesPerS: 0,
      error: undefined,
    };
  }

  get view(): UploadView {
    return this.#view;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Begins, goes on after a pause, or tries again after a failure. */
  resume(): void {
    if (this.#view.state === "running" || this.#view.state === "waiting" || this.#view.state === "done")
      return;
    const stop = new AbortController();
    this.#stop = stop;
    const before = this.#loop;
    this.#show({ state: "running", error: undefined });
    this.#loop = before.then(() => this.#run(stop.signal));
  }

  pause(): void {
    if (this.#view.state !== "running" && this.#view.state !== "waiting") return;
    this.#stop.abort();
    this.#show({ state: "paused", bytesPerS: 0 });
  }

  /** Resolves when nothing is being sent any more. */
  async settled(): Promise<void> {
    for (let loop: Promise<void> | undefined; loop !== this.#loop; ) {
      loop = this.#loop;
      await loop;
    }
  }

  #show(change: Partial<UploadView>): void {
    this.#view = { ...this.#view, ...change };
    for (const listener of this.#listeners) listener();
  }

  async #run(signal: AbortSignal): Promise<void> {
    let piece: number = PIECE.first;
    let retryMs: number = RETRY_MS.first;
    let misplaced = 0;
    /** Unknown after anything went wrong. */
    let from: number | undefined;
    while (!signal.aborted) {
      try {
        from ??= (await this.#ports.read(this.iso.id)).receivedBytes;
        if (from >= this.#view.totalBytes)
          return this.#show({ state: "done", sentBytes: from, bytesPerS: 0 });
        const begin = this.#ports.now();
        const bytes = this.#file.slice(from, Math.min(from + piece, this.#view.totalBytes));
        const iso = await this.#ports.put(this.iso.id, from, this.#view.totalBytes, bytes, signal);
        if (signal.aborted) return;
        const tookMs = Math.max(1, this.#ports.now() - begin);
        const bytesPerS = ((iso.receivedBytes - from) / tookMs) * 1000;
        piece = Math.max(PIECE.min, Math.min(PIECE.max, Math.round((bytes.size * PIECE.aimMs) / tookMs)));
        from = iso.receivedBytes;
        retryMs = RETRY_MS.first;
        misplaced = 0;
        this.#show({ state: "running", sentBytes: from, bytesPerS });
      } catch (error) {
        if (signal.aborted) return;
        from = undefined;
        const isMisplaced =
          error instanceof AppError && error.kind === "conflict" && ++misplaced <= MISPLACED_MAX;
        if (!isMisplaced && !isPassing(error)) {
          return this.#show({ state: "failed", error, bytesPerS: 0 });
        }
        if (!isMisplaced) this.#show({ state: "waiting", bytesPerS: 0, error });
        await this.#ports.sleep(retryMs, signal).catch(() => {});
        retryMs = Math.min(RETRY_MS.max, retryMs * 2);
        piece = Math.max(PIECE.min, piece / 2);
      }
    }
  }
}

/** The manager is away, or the login has run out: both come back. Anything it says on purpose does not. */
function isPassing(error: unknown): boolean {
  return !(error instanceof AppError) || error.retryable || error.kind === "unauthenticated";
}

/** Why this file cannot go on with that upload; undefined when it can. */
export function mismatch(
  iso: Pick<Iso, "name" | "sizeBytes">,
  file: { readonly name: string; readonly size: number },
): "name" | "size" | undefined {
  if (iso.name !== file.name) return "name";
  return iso.sizeBytes === file.size ? undefined : "size";
}
