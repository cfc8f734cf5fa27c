/**
 * The manager with a hand on its own throat: SIGKILL at a named point of a task, once. SINTER_E2E_KILL is
 * `type/step/phase`, SINTER_E2E_MARK a file that remembers that it happened.
 */
import { existsSync, writeFileSync } from "node:fs";
import { createLog } from "@sinter/kit";
import { composeManager } from "../apps/manager/src/compose.ts";
import { readConfig } from "../apps/manager/src/config.ts";

const [type, step, phase] = (process.env.SINTER_E2E_KILL ?? "").split("/");
const mark = process.env.SINTER_E2E_MARK ?? "";
const config = await readConfig([], process.env);
const manager = await composeManager({
  config,
  log: createLog({ name: "manager" }),
  fault: (point) => {
    if (point.type === type && point.step === step && point.phase === phase && !existsSync(mark)) {
      writeFileSync(mark, "");
      process.kill(process.pid, "SIGKILL");
    }
    return undefined;
  },
});
await manager.start();
process.on("SIGTERM", () => void manager.stop().then(() => process.exit(0)));
