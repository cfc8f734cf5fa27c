/** The manager: reads its configuration, composes, listens, and stops in order. */
import { setFlagsFromString } from "node:v8";
import { createLog, MiB } from "@sinter/kit";
import { keepHeapSmall } from "@sinter/kit/heap-keeper";
import { composeManager } from "./compose.ts";
import { readConfig } from "./config.ts";

// The space for young objects stays at its first size: with 1,250 hosts it would take 100 MB for little speed.
setFlagsFromString("--semi-space-growth-factor=1");
// Events and statistics of 1,250 hosts leave 3 MiB of garbage a second: V8 alone would let 100 MiB come together.
keepHeapSmall({ garbageBytes: 40 * MiB });
const config = await readConfig(process.argv.slice(2), process.env).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(2);
});
const log = createLog({ name: "manager", level: config.logLevel ?? "info" });
const manager = await composeManager({ config, log });
const addresses = await manager.start();
log.info(addresses, "the manager serves");

let isStopping = false;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    if (isStopping) return;
    isStopping = true;
    log.info({ signal }, "stopping");
    manager.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, "stopping failed");
        process.exit(1);
      },
    );
  });
}
