import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const LOOK_MS = 5_000;

export interface HeapKeeperOptions {
  /** Garbage worth a collection, which takes about a millisecond per MiB that lives. */
  readonly garbageBytes: number;
  /** As V8 does when memory runs out: caches that are quick to fill again go as well. Default false. */
  readonly isThorough?: boolean;
}

/**
 * Keeps the process small on a machine whose memory belongs to others. V8 lets garbage lie until its heap has about
 * doubled, which suits a server that has a machine to itself; here it is collected when some has come together.
 */
export function keepHeapSmall({ garbageBytes, isThorough = false }: HeapKeeperOptions): Disposable {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as (options: object) => void; // V8's own, see its flag
  let liveBytes = 0;
  const timer = setInterval(() => {
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    if (heapUsed + arrayBuffers < liveBytes + garbageBytes) return;
    collect({ type: "major", execution: "sync", flavor: isThorough ? "last-resort" : "regular" });
    const after = process.memoryUsage();
    liveBytes = after.heapUsed + after.arrayBuffers;
  }, LOOK_MS);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
