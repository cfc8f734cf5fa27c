import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { MiB } from "@sinter/kit";

const LOOK_MS = 5_000;
/** As V8 does when memory runs out: caches that are quick to fill again go as well. */
const THOROUGHLY = { type: "major", execution: "sync", flavor: "last-resort" } as const;
/** Garbage worth a collection of some 30 ms. */
const GARBAGE_BYTES = 6 * MiB;

/**
 * Keeps the process small on a host whose memory belongs to guests. V8 lets garbage lie until its heap has about
 * doubled, which suits a server that has a machine to itself; here it is collected when a little has come together.
 */
export function keepHeapSmall(): Disposable {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as (options: typeof THOROUGHLY) => void; // V8's own, see its flag
  let liveBytes = 0;
  const timer = setInterval(() => {
    if (process.memoryUsage().heapUsed < liveBytes + GARBAGE_BYTES) return;
    collect(THOROUGHLY);
    liveBytes = process.memoryUsage().heapUsed;
  }, LOOK_MS);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
