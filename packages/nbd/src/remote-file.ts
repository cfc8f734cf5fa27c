import { KiB, type Log, MiB } from "@sinter/kit";
import { MEDIA_DETACHED, MEDIA_ENDED, MEDIA_GRACE_MS, type MediaChannel } from "@sinter/southbound";
import type { BlockSource } from "./nbd-server.ts";

export interface RemoteFileOptions {
  readonly sizeBytes: number;
  readonly log: Log;
  /** Told when it has ended. */
  readonly onEnded?: () => void;
  /** How long reads wait for somebody who hands the file out; default MEDIA_GRACE_MS. */
  readonly graceMs?: number;
  /** Longest wait for one piece while somebody is there; default 60 s. */
  readonly answerMsMax?: number;
  /** What is asked for at once; default 256 KiB. */
  readonly pieceBytes?: number;
  /** What is kept of it at most; default 64 MiB. */
  readonly cacheBytesMax?: number;
}

/** waiting: nobody hands it out, reads wait; ended: nobody will any more, reads fail. */
export type RemoteFileState = "waiting" | "connected" | "ended";

interface Wanted {
  readonly promise: Promise<Buffer>;
  resolve(piece: Buffer): void;
  reject(why: Error): void;
  /** Number of the request that is on its way; undefined: not asked yet. */
  id: number | undefined;
  timer: NodeJS.Timeout | undefined;
}

const PIECE_BYTES = 256 * KiB;
const CACHE_BYTES_MAX = 64 * MiB;
const ANSWER_MS_MAX = 60_000;
/** Requests on their way at once: enough to fill a slow line, and little enough that a new read is soon served. */
const REQUESTS_MAX = 8;
/** Pieces asked for beyond those that are read, when reads follow one another. */
const AHEAD = 4;
const ID_MAX = 0xffff_ffff;

/**
 * A file somewhere else of which pieces are fetched when they are read (CMP-29), over a channel that may break and
 * come back. Nothing is asked for that nobody reads, but for a little ahead of a reader who goes on in order.
 *
 * | at the same time                | what makes it safe                                                   |
 * | ------------------------------- | -------------------------------------------------------------------- |
 * | two reads of one piece          | it is asked for once                                                   |
 * | the channel breaks, reads wait  | what was on its way is asked for again on the next channel             |
 * | a second channel                | takes the first one's place; late answers of the first count for nothing |
 * | the end, reads wait             | they fail at once, and so does every later one                         |
 */
export class RemoteFile implements BlockSource {
  readonly sizeBytes: number;
  readonly #options: RemoteFileOptions;
  readonly #pieceBytes: number;
  readonly #kept = new Map<number, Buffer>();
  readonly #wanted = new Map<number, Wanted>();
  readonly #asked = new Map<number, number>();
  #channel: MediaChannel | undefined;
  #isEnded = false;
  #lastId = 0;
  #lastPiece = -1;
  #grace: NodeJS.Timeout | undefined;

  constructor(options: RemoteFileOptions) {
    this.sizeBytes = options.sizeBytes;
    this.#options = options;
    this.#pieceBytes = options.pieceBytes ?? PIECE_BYTES;
    this.#awaitChannel();
  }

  get state(): RemoteFileState {
    if (this.#isEnded) return "ended";
    return this.#channel === undefined ? "waiting" : "connected";
  }

  /** Somebody hands the file out from now on. After the end the channel is closed at once. */
  attach(channel: MediaChannel): void {
    if (this.#isEnded) {
      channel.close(MEDIA_DETACHED, "the medium is gone");
      return;
    }
    clearTimeout(this.#grace);
    const former = this.#channel;
    this.#channel = channel;
    former?.close(MEDIA_DETACHED, "another connection took its place");
    this.#forgetAsked();
    channel.onMessage((message) => {
      if (this.#channel === channel) this.#take(message);
    });
    channel.onClose((code) => {
      if (this.#channel !== channel) return;
      this.#channel = undefined;
      this.#forgetAsked();
      if (code === MEDIA_ENDED) this.end();
      else this.#awaitChannel();
    });
    this.#ask();
  }

  /** For good: reads that wait fail, and so do later ones. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    clearTimeout(this.#grace);
    this.#forgetAsked();
    const channel = this.#channel;
    this.#channel = undefined;
    channel?.close(MEDIA_DETACHED, "the medium is gone");
    const why = new Error("nobody hands the file out any more");
    for (const wanted of this.#wanted.values()) wanted.reject(why);
    this.#wanted.clear();
    this.#kept.clear();
    this.#options.onEnded?.();
  }

  async read(offset: number, length: number): Promise<Buffer> {
    if (this.#isEnded) throw new Error("nobody hands the file out any more");
    if (length === 0) return Buffer.alloc(0);
    const first = Math.floor(offset / this.#pieceBytes);
    const last = Math.floor((offset + length - 1) / this.#pieceBytes);
    const pieces: Promise<Buffer>[] = [];
    for (let index = first; index <= last; index++) pieces.push(this.#piece(index));
    const isInOrder = first === this.#lastPiece || first === this.#lastPiece + 1;
    this.#lastPiece = last;
    if (isInOrder) this.#readAhead(last);
    const whole = await Promise.all(pieces);
    const begin = offset - first * this.#pieceBytes;
    if (whole.length === 1) return (whole[0] as Buffer).subarray(begin, begin + length);
    return Buffer.concat(whole).subarray(begin, begin + length);
  }

  async #piece(index: number): Promise<Buffer> {
    const kept = this.#kept.get(index);
    if (kept !== undefined) {
      // The newest stand last: what has not been read for long goes first.
      this.#kept.delete(index);
      this.#kept.set(index, kept);
      return kept;
    }
    return await this.#want(index).promise;
  }

  #readAhead(last: number): void {
    const end = Math.min(last + AHEAD, Math.floor((this.sizeBytes - 1) / this.#pieceBytes));
    for (let index = last + 1; index <= end; index++) {
      if (!this.#kept.has(index)) this.#want(index).promise.catch(() => {}); // nobody waits for it
    }
  }

  #want(index: number): Wanted {
    const there = this.#wanted.get(index);
    if (there !== undefined) return there;
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    const wanted: Wanted = { promise, resolve, reject, id: undefined, timer: undefined };
    this.#wanted.set(index, wanted);
    this.#ask();
    return wanted;
  }

  /** Sends what is wanted and not asked for yet, oldest first, as far as requests may be on their way. */
  #ask(): void {
    const channel = this.#channel;
    if (channel === undefined) return;
    for (const [index, wanted] of this.#wanted) {
      if (this.#asked.size >= REQUESTS_MAX) return;
      if (wanted.id !== undefined) continue;
      this.#lastId = this.#lastId === ID_MAX ? 1 : this.#lastId + 1;
      wanted.id = this.#lastId;
      this.#asked.set(wanted.id, index);
      wanted.timer = setTimeout(
        () => this.#refuse(index, "it was not answered in time"),
        this.#options.answerMsMax ?? ANSWER_MS_MAX,
      ).unref();
      const offset = index * this.#pieceBytes;
      channel.send(JSON.stringify({ id: wanted.id, offset, length: this.#lengthOf(index) }));
    }
  }

  #take(message: string | Buffer): void {
    const answer = typeof message === "string" ? readRefusal(message) : readPiece(message);
    if (answer === undefined) return this.#misbehaved("a message that is no answer");
    const index = this.#asked.get(answer.id);
    // Of a request that was given up.
    if (index === undefined) return undefined;
    if ("error" in answer) return this.#refuse(index, answer.error);
    if (answer.piece.length !== this.#lengthOf(index)) {
      return this.#misbehaved(`${answer.piece.length} bytes where ${this.#lengthOf(index)} were asked for`);
    }
    const wanted = this.#settle(index);
    // A copy: the message may be part of a larger buffer that would be kept along.
    const piece = Buffer.from(answer.piece);
    this.#keep(index, piece);
    wanted?.resolve(piece);
    return this.#ask();
  }

  #refuse(index: number, why: string): void {
    this.#options.log.warn(
      { offset: index * this.#pieceBytes, why },
      "a piece of a browser's medium did not come",
    );
    this.#settle(index)?.reject(new Error(why));
    this.#ask();
  }

  #settle(index: number): Wanted | undefined {
    const wanted = this.#wanted.get(index);
    this.#wanted.delete(index);
    if (wanted?.id !== undefined) this.#asked.delete(wanted.id);
    clearTimeout(wanted?.timer);
    return wanted;
  }

  #keep(index: number, piece: Buffer): void {
    this.#kept.set(index, piece);
    const piecesMax = Math.max(
      Math.floor((this.#options.cacheBytesMax ?? CACHE_BYTES_MAX) / this.#pieceBytes),
      1,
    );
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= piecesMax) return;
      this.#kept.delete(oldest);
    }
  }

  /** Whoever breaks the protocol once cannot be believed about anything. */
  #misbehaved(how: string): void {
    this.#options.log.warn({ how }, "a browser's medium broke the protocol");
    this.end();
  }

  #lengthOf(index: number): number {
    return Math.min(this.#pieceBytes, this.sizeBytes - index * this.#pieceBytes);
  }

  #forgetAsked(): void {
    this.#asked.clear();
    for (const wanted of this.#wanted.values()) {
      wanted.id = undefined;
      clearTimeout(wanted.timer);
    }
  }

  #awaitChannel(): void {
    this.#grace = setTimeout(() => this.end(), this.#options.graceMs ?? MEDIA_GRACE_MS).unref();
  }
}

const ID_BYTES = 4;

function readPiece(message: Buffer): { id: number; piece: Buffer } | undefined {
  if (message.length < ID_BYTES) return undefined;
  return { id: message.readUInt32BE(0), piece: message.subarray(ID_BYTES) };
}

function readRefusal(message: string): { id: number; error: string } | undefined {
  try {
    const { id, error } = JSON.parse(message) as { id?: unknown; error?: unknown };
    if (typeof id !== "number") return undefined;
    return { id, error: typeof error === "string" ? error.slice(0, 200) : "the browser refused" };
  } catch {
    return undefined;
  }
}
