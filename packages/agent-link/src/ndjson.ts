import { StringDecoder } from "node:string_decoder";

/** Longest line one waits for; what is longer is skipped to its end. */
export const LINE_LENGTH_MAX = 64 * 1024;

/**
 * Cuts a byte stream into JSON values, one per line. A line that is no JSON, or too long, is given to `onGarbage`
 * (its beginning) and skipped: one bad line must not cost the stream.
 */
export class NdjsonDecoder {
  readonly #text = new StringDecoder("utf8");
  readonly #onGarbage: (start: string) => void;
  #rest = "";
  #skipping = false;

  constructor(onGarbage: (start: string) => void) {
    this.#onGarbage = onGarbage;
  }

  push(chunk: Buffer): unknown[] {
    const values: unknown[] = [];
    const lines = (this.#rest + this.#text.write(chunk)).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      if (this.#skipping) this.#skipping = false;
      else if (line.length > LINE_LENGTH_MAX) this.#onGarbage(line.slice(0, 80));
      else if (line.trim() !== "") this.#parse(line, values);
    }
    if (this.#rest.length > LINE_LENGTH_MAX) {
      if (!this.#skipping) this.#onGarbage(this.#rest.slice(0, 80));
      this.#skipping = true;
      this.#rest = "";
    }
    return values;
  }

  #parse(line: string, into: unknown[]): void {
    try {
      into.push(JSON.parse(line));
    } catch {
      this.#onGarbage(line.slice(0, 80));
    }
  }
}
