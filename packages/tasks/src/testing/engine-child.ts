import { silentLog } from "@sinter/kit";
import { Pool } from "pg";
import { createTaskEngine } from "../engine.ts";
import { interrupted } from "./interrupted-task.ts";

/*
 * An engine in a process of its own, for tests that kill it. Argument: the database. It says "arrived" when its step
 * has had its effect, and never comes back from it.
 */
const pool = new Pool({ connectionString: process.argv[2] });
const engine = createTaskEngine({
  pool,
  definitions: [interrupted],
  ports: {
    pool,
    linger: async () => {
      process.stdout.write("arrived\n");
      await new Promise(() => {});
    },
  },
  log: silentLog,
});
engine.start();
