import { silentLog } from "@sinter/kit";
import { PrivatePostgres } from "../private-postgres.ts";

/* Starts a server in a process of its own, for tests that kill that process. Arguments: folder, whether it outlives us. */
const [folder = "", outlives] = process.argv.slice(2);
const server = await PrivatePostgres.start({
  dataDir: `${folder}/data`,
  socketDir: `${folder}/socket`,
  log: silentLog,
  durable: false,
  outlivesParent: outlives === "outlives",
});
process.stdout.write(`${server.pid}\n`);
setInterval(() => {}, 1_000);
