/**
 * The way back in when the administrator's password is lost (OPS-10; docs/howto/recover-the-administrator.md). Needs
 * the manager's configuration, so whoever may run it may do everything anyhow. The manager may be running meanwhile.
 */
import { createLog, systemClock } from "@sinter/kit";
import { createAudit } from "./audit/index.ts";
import { readConfig } from "./config.ts";
import { openDatabase } from "./database/database.ts";
import { createIdentity } from "./identity/index.ts";

const config = await readConfig(process.argv.slice(2), process.env).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(2);
});
const parts = { log: createLog({ name: "recover", level: "warn" }), clock: systemClock };
const database = openDatabase({ url: config.databaseUrl, log: parts.log, connections: 2 });
try {
  await using audit = await createAudit({ database, stateDir: config.stateDir, ...parts });
  await using identity = createIdentity({ database, ...parts });
  const { userName, password } = await identity.recoverAdministrator();
  await audit.recordLocal(userName, "recover-administrator");
  process.stdout.write(`The administrator is "${userName}" with the password ${password}\n`);
} finally {
  await database.close();
}
