/**
 * `npm run dev`: the true manager on simulated agents, for working on API, CLI and portal without hosts. Everything is
 * forgotten at the end.
 *
 *     -- --hosts N   default 4
 *     -- --port N    default 7443
 */
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { serveSims, SimHost, SimStore, simEnrolment } from "@sinter/agent-sim";
import { createClient } from "@sinter/client";
import { createLog, GiB } from "@sinter/kit";
import { PrivatePostgres } from "@sinter/postgres";
import { ENROLMENT_PATH, type EnrolmentReply } from "@sinter/southbound";
import { ensureMachine } from "./setup.ts";
import { ManagerProcess } from "./stand/manager-process.ts";
import { standFiles } from "./stand/paths.ts";

const { values } = parseArgs({
  options: { hosts: { type: "string", default: "4" }, port: { type: "string", default: "7443" } },
});
await ensureMachine({ wants: ["database"], log: (line) => console.log(line) });
const stateDir = await mkdtemp(join("/var/tmp", "sinter-dev-"));
await chmod(stateDir, 0o755);
const files = standFiles(stateDir);
const log = createLog({ name: "dev", level: "warn" });
const postgres = await PrivatePostgres.start({
  dataDir: files.postgres,
  socketDir: join(stateDir, "pg"),
  durable: false,
  log,
});
const manager = new ManagerProcess({
  stateDir: files.manager,
  logFile: files.managerLog,
  databaseUrl: postgres.url(),
  port: Number(values.port),
  advertisedAddress: "127.0.0.1",
  passwordFile: files.password,
});
await manager.start();
const password = (await readFile(files.password, "utf8")).trim();
const client = createClient({
  url: manager.url,
  ca: await readFile(manager.caFile, "utf8"),
  userName: "admin",
  password,
});

const store = new SimStore({ capacityBytes: 1024 * GiB });
store.addImage("sinter-mini.qcow2", GiB);
const sims = Array.from(
  { length: Number(values.hosts) },
  (_, index) => new SimHost({ seed: `dev-${index}`, mounts: { "/srv/shared": store } }),
);
const server = await serveSims(sims, {});
const { urn: clusterUrn } = await client.clusters.create({ name: "ManagementCluster" });
for (const sim of sims) {
  const { token } = await client.joinTokens.create({ clusterUrn });
  const { request, accept } = await simEnrolment(sim, { token, address: "127.0.0.1", port: server.port });
  accept(await client.api.post<EnrolmentReply>(ENROLMENT_PATH, request));
}
const hostUrns = (await client.hosts.list()).items.map((host) => host.urn);
await client.datastores.create({ name: "shared", path: "/srv/shared", shared: true, hostUrns });
const dvs = await client.switches.create({
  name: "ManagementDVS",
  hostPortSet: hostUrns.map((hostUrn) => ({ hostUrn })),
});
await client.portGroups.create(dvs.uri, { name: "VM Network", vlanId: 0 });
await client.close();
console.log(
  `${manager.url} with ${sims.length} simulated hosts; admin has the password ${password}\nCtrl-C ends it.`,
);

let isEnding = false;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    if (isEnding) return;
    isEnding = true;
    void (async () => {
      await manager.stop();
      await server.close();
      for (const sim of sims) sim.dispose();
      await postgres.stop();
      await rm(stateDir, { recursive: true, force: true });
      process.exit(0);
    })();
  });
}
