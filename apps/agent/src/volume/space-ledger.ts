import { stat } from "node:fs/promises";
import { datastoreErrors } from "../datastore/datastore.errors.ts";
import { readSpace, reserveBytes } from "../datastore/filesystem.ts";

interface Claim {
  readonly datastorePath: string;
  readonly bytes: number;
  readonly file: string;
}

const SECTOR_BYTES = 512;

/**
 * Room that volumes under way will still take, so that two of them are not both promised the last of it. Other hosts
 * on a shared datastore are not seen; then the file system itself refuses, and the half-made volume is taken back.
 */
export class SpaceLedger {
  readonly #claims = new Set<Claim>();

  /**
   * Promises room for a file that is about to grow to `bytes`; dispose of the promise when it is done. Throws
   * exhausted DATASTORE_FULL when that would touch the datastore's reserve.
   */
  async claim(
    datastore: { datastoreId: string; path: string },
    file: string,
    bytes: number,
  ): Promise<Disposable> {
    const claim: Claim = { datastorePath: datastore.path, bytes, file };
    // Before looking, so that of two at the same time each sees the other.
    const others = [...this.#claims].filter(({ datastorePath }) => datastorePath === datastore.path);
    this.#claims.add(claim);
    const release = { [Symbol.dispose]: () => void this.#claims.delete(claim) };
    try {
      const space = await readSpace(datastore.path);
      const promised = (await Promise.all(others.map(outstandingBytes))).reduce((sum, one) => sum + one, 0);
      const freeBytes = Math.max(space.freeBytes - reserveBytes(space) - promised, 0);
      if (bytes > freeBytes) throw datastoreErrors.full(datastore.datastoreId, bytes, freeBytes);
      return release;
    } catch (error) {
      release[Symbol.dispose]();
      throw error;
    }
  }
}

async function outstandingBytes({ file, bytes }: Claim): Promise<number> {
  const there = await stat(file).catch(() => undefined);
  return Math.max(bytes - (there?.blocks ?? 0) * SECTOR_BYTES, 0);
}
