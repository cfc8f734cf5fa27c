import { mediaErrors } from "./media.errors.ts";

export interface ContentRange {
  readonly first: number;
  readonly length: number;
  /** Of the whole file. */
  readonly totalBytes: number;
}

/** Largest piece of one request. */
export const REQUEST_BYTES_MAX = 8 * 1024 * 1024;

/** Reads `bytes <first>-<last>/<total>`. Throws invalid ISO_RANGE_INVALID, ISO_PIECE_TOO_LARGE. */
export function readContentRange(header: unknown, sizeBytes: number): ContentRange {
  const text = typeof header === "string" ? header : "";
  const [, first, last, total] = (/^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(text.trim()) ?? []).map(
    Number,
  );
  if (first === undefined || last === undefined || total === undefined) throw mediaErrors.rangeInvalid(text);
  const length = last - first + 1;
  if (length < 1 || last >= total || total !== sizeBytes) throw mediaErrors.rangeInvalid(text);
  if (length > REQUEST_BYTES_MAX) throw mediaErrors.pieceTooLarge(REQUEST_BYTES_MAX);
  return { first, length, totalBytes: total };
}

/**
 * The bytes of a request in pieces of about `pieceBytes`, exactly `length` of them in all; a body of another length is
 * ISO_RANGE_INVALID once that is seen. Never breaks the request off, whose answer would not be heard then.
 */
export async function* piecesOf(
  body: NodeJS.ReadableStream,
  length: number,
  pieceBytes: number,
): AsyncGenerator<Buffer> {
  let parts: Buffer[] = [];
  let waiting = 0;
  let received = 0;
  for await (const part of unbroken(body)) {
    received += part.length;
    if (received > length) throw mediaErrors.rangeInvalid(`a body of more than ${length} bytes`);
    parts.push(part);
    waiting += part.length;
    if (waiting < pieceBytes) continue;
    yield Buffer.concat(parts);
    parts = [];
    waiting = 0;
  }
  if (waiting > 0) yield Buffer.concat(parts);
  if (received < length) throw mediaErrors.rangeInvalid(`a body of ${received} bytes`);
}

async function* unbroken(body: NodeJS.ReadableStream): AsyncGenerator<Buffer> {
  const readable = body as NodeJS.ReadableStream & {
    iterator?: (options: { destroyOnReturn: boolean }) => AsyncIterable<Buffer>;
  };
  try {
    for await (const part of readable.iterator?.({ destroyOnReturn: false }) ??
      (body as AsyncIterable<Buffer>))
      yield part;
  } finally {
    // What nobody reads any more is read over.
    body.resume();
  }
}
