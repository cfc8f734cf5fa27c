/*
 * Serves reads of a CD from a file on this computer (docs/formats/browser-media.md). Each connection begins with
 * `{"resume":"<path>"}`, where the file is handed out again should this connection be lost. Then come reads: the manager sends
 * `{"id":n,"offset":o,"length":l}` as text; the answer is a binary message of four bytes with the id, big-endian, and
 * then the bytes, or the text `{"id":n,"error":"…"}`. Nothing is sent that the guest does not read.
 */

/** The part of a Blob that reads need. */
export interface MediaFile {
  readonly name: string;
  readonly size: number;
  slice(from: number, to: number): { arrayBuffer(): Promise<ArrayBuffer> };
}

/** The part of a WebSocket that serving needs. */
export interface MediaSocket {
  send(message: string | ArrayBuffer): void;
  close(code?: number): void;
}

export interface MediaActivity {
  readonly reads: number;
  readonly bytes: number;
  /** For each part of the file whether some of it was read. */
  readonly touched: readonly boolean[];
  /** Where the latest read began, as a share of the file. */
  readonly latest: number | undefined;
}

/** One read at most; the agent asks for pieces of 1 MiB. */
const READ_BYTES_MAX = 8 * 1024 * 1024;
/** Parts that the picture of the file has. */
export const PICTURE_PARTS = 96;

interface ReadRequest {
  readonly id: number;
  readonly offset: number;
  readonly length: number;
}

/** The first message of a connection; undefined for any other. */
export function parseGreeting(text: string): { readonly resume: string } | undefined {
  const value = parseObject(text);
  const resume = value?.["resume"];
  // Only ever this manager's own: a path, not another host.
  return typeof resume === "string" && resume.startsWith("/sinter/") ? { resume } : undefined;
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Undefined for what is not a request: it is left unanswered, and the manager's own time limit ends it. */
export function parseRequest(text: string): ReadRequest | undefined {
  const value = parseObject(text);
  if (value === undefined) return undefined;
  const { id, offset, length } = value;
  const isCount = (number: unknown): number is number => Number.isSafeInteger(number) && Number(number) >= 0;
  if (!isCount(id) || id > 0xffffffff || !isCount(offset) || !isCount(length)) return undefined;
  return { id, offset, length };
}

/** Four bytes of id, then what was read. */
export function encodeAnswer(id: number, bytes: ArrayBuffer): ArrayBuffer {
  const message = new Uint8Array(4 + bytes.byteLength);
  new DataView(message.buffer).setUint32(0, id);
  message.set(new Uint8Array(bytes), 4);
  return message.buffer;
}

/** Answers the requests of one medium, on whichever connection they come. */
export function createMediaReader(file: MediaFile, onActivity: (activity: MediaActivity) => void) {
  let reads = 0;
  let bytes = 0;
  let latest: number | undefined;
  const touched = Array.from({ length: PICTURE_PARTS }, () => false);

  const note = (offset: number, length: number): void => {
    reads++;
    bytes += length;
    latest = file.size === 0 ? 0 : offset / file.size;
    const part = (at: number): number => Math.floor((at / Math.max(1, file.size)) * PICTURE_PARTS);
    for (let index = part(offset); index <= part(offset + Math.max(1, length) - 1); index++) {
      if (index < PICTURE_PARTS) touched[index] = true;
    }
    onActivity({ reads, bytes, touched: [...touched], latest });
  };

  return {
    async answer(socket: MediaSocket, text: string): Promise<void> {
      const request = parseRequest(text);
      if (request === undefined) return;
      const { id, offset, length } = request;
      const refuse = (error: string): void => socket.send(JSON.stringify({ id, error }));
      if (length > READ_BYTES_MAX) return refuse(`a read has at most ${READ_BYTES_MAX} bytes`);
      if (offset + length > file.size) return refuse(`the file has ${file.size} bytes`);
      try {
        const content = await file.slice(offset, offset + length).arrayBuffer();
        // A file that became shorter since it was chosen gives less than was asked for.
        if (content.byteLength !== length) return refuse("the file has changed");
        socket.send(encodeAnswer(id, content));
        note(offset, length);
      } catch (error) {
        refuse(error instanceof Error ? error.message : "the file cannot be read");
      }
    },
  };
}
