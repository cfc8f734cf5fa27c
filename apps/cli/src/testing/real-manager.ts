import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serveSims, SimHost, SimStore, simEnrolment } from "@sinter/agent-sim";
import { type Client, createClient } from "@sinter/client";
import { readIfThere, stopChild, waitFor } from "@sinter/kit";
import { testDatabase } from "@sinter/testing";

/** The true manager as a process, on a true PostgreSQL, with two simulated hosts of one cluster behind true TLS. */
export interface RealManager extends AsyncDisposable {
  readonly url: string;
  readonly userName: string;
  readonly password: string;
  readonly ca: string;
  readonly client: Client;
  readonly hosts: readonly SimHost[];
  readonly home: string;
}

const ENTRY = join(import.meta.dirname, "../../../manager/src/main.ts");
const STORE_PATH = "/srv/shared";
export const IMAGE = "mini.qcow2";

export async function startRealManager(): Promise<RealManager> {
  const undo = new AsyncDisposableStack();
  try {
    const home = await mkdtemp(join(tmpdir(), "sinter-cli-real-"));
    undo.defer(() => rm(home, { recursive: true, force: true }));
    const database = undo.use(await testDatabase());
    const manager = await startProcess(home, database.url, undo);
    const access = { ...manager, userName: "admin" };
    const client = undo.adopt(createClient(access), (opened) => opened.close());
    const hosts = await joinHosts(client, undo);
    await furnish(client);
    const disposer = undo.move();
    return { ...access, client, hosts, home, [Symbol.asyncDispose]: () => disposer.disposeAsync() };
  } catch (error) {
    await undo.disposeAsync();
    throw error;
  }
}

async function startProcess(home: string, databaseUrl: string, undo: AsyncDisposableStack) {
  const stateDir = join(home, "manager");
  const passwordFile = join(home, "admin-password");
  const logFile = join(home, "manager.log");
  const log = openSync(logFile, "a");
  const child = spawn(process.execPath, [ENTRY], {
    stdio: ["ignore", log, log],
    env: {
      PATH: process.env.PATH,
      HOME: home,
      SINTER_DATABASE_URL: databaseUrl,
      SINTER_STATE_DIR: stateDir,
      SINTER_LISTEN_HOST: "127.0.0.1",
      SINTER_LISTEN_PORT: "0",
      SINTER_CONSOLE_PORT: "0",
      SINTER_CONSOLE_PUBLIC_PORT: "0",
      SINTER_ADMIN_PASSWORD_FILE: passwordFile,
    },
  });
  closeSync(log);
  undo.defer(() => stopChild(child));
  const url = await waitFor(
    "The manager's address in its log",
    async () => {
      const text = (await readIfThere(logFile)) ?? "";
      if (child.exitCode !== null) throw new Error(`The manager ended:\n${text.slice(-2000)}`);
      const port = /"api":"https:\/\/[^"]*:(\d+)"/.exec(text)?.[1];
      return port === undefined ? undefined : `https://127.0.0.1:${port}`;
    },
    { timeoutMs: 60_000 },
  );
  const ca = await readFile(join(stateDir, "pki", "ca.crt"), "utf8");
  return { url, ca, password: (await readFile(passwordFile, "utf8")).trim() };
}

async function joinHosts(client: Client, undo: AsyncDisposableStack): Promise<SimHost[]> {
  const store = new SimStore({ seed: "shared" });
  const spare = new SimStore({ seed: "spare" });
  store.addImage(IMAGE, 2 ** 28);
  const hosts = ["one", "two"].map(
    (seed) =>
      new SimHost({ seed, mounts: { [STORE_PATH]: store, "/srv/spare": spare }, guest: { bootMs: 0 } }),
  );
  for (const host of hosts) undo.defer(() => host.dispose());
  const server = await serveSims(hosts, {});
  undo.defer(() => server.close());
  const { urn: clusterUrn } = await client.clusters.create({ name: "main" });
  for (const host of hosts) {
    const { token } = await client.joinTokens.create({ clusterUrn });
    const joining = await simEnrolment(host, { token, address: "127.0.0.1", port: server.port });
    joining.accept(await client.api.post("/sinter/v1/enrolments", joining.request));
  }
  await waitFor(
    "Both hosts being connected",
    async () => {
      const { items } = await client.hosts.list();
      return items.filter((host) => host.status === "normal").length === hosts.length ? true : undefined;
    },
    { timeoutMs: 30_000 },
  );
  return hosts;
}

async function furnish(client: Client): Promise<void> {
  const { items } = await client.hosts.list();
  const hostUrns = items.map((host) => host.urn);
  await client.datastores.create({ name: "shared", path: STORE_PATH, shared: true, hostUrns });
  const { uri } = await client.switches.create({
    name: "edge",
    hostPortSet: hostUrns.map((hostUrn) => ({ hostUrn })),
  });
  await client.portGroups.create(uri, { name: "lan", vlanId: 0 });
  await waitFor(
    "The datastore being connected to both hosts",
    async () => {
      const [store] = (await client.datastores.list()).items;
      return store?.status === "NORMAL" && store.hosts.length === hostUrns.length ? true : undefined;
    },
    { timeoutMs: 30_000 },
  );
}
