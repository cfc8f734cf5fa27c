import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTestPki, type TestPki } from "@sinter/agent-link/testing";
import { createLog, type Log, silentLog } from "@sinter/kit";
import { type PrivateLibvirtd, startPrivateLibvirtd } from "@sinter/libvirt/testing";
import { MANAGER_NAME } from "@sinter/southbound";
import { composeNode } from "../compose.ts";
import { type AgentConfig, checkedConfig } from "../config.ts";
import { type Identity, writeIdentity } from "../identity/identity-store.ts";

const OVS_SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema";

/**
 * What an agent finds on a host, for tests: a libvirtd and an Open vSwitch of their own in namespaces of their own,
 * and folders that go away with them. The agent itself runs in the test's process, or as a process of its own.
 */
export interface TestHost extends AsyncDisposable {
  readonly libvirtd: PrivateLibvirtd;
  /** As ovs-vsctl's --db takes it, from anywhere on the machine. */
  readonly ovsDatabase: string;
  readonly stateDir: string;
  /** A folder for a datastore, made anew. */
  newDirectory(): Promise<string>;
  config(changes?: Partial<AgentConfig>): AgentConfig;
  readonly pki: TestPki;
  readonly identity: Identity;
}

export async function startTestHost(): Promise<TestHost> {
  await using parts = new AsyncDisposableStack();
  const root = await mkdtemp(join(tmpdir(), "sagent-"));
  parts.defer(() => rm(root, { recursive: true, force: true, maxRetries: 5 }));
  const libvirtd = parts.use(await startPrivateLibvirtd());
  const ovsDatabase = await startOpenVSwitch(libvirtd);
  const stateDir = join(root, "state");
  await mkdir(stateDir, { mode: 0o700 });
  await seedAccelerator(stateDir);

  await using connection = await libvirtd.connect();
  const hostUuid = /<uuid>([^<]+)<\/uuid>/.exec(await connection.capabilities())?.[1] ?? randomUUID();
  const pki = await createTestPki();
  const tls = await pki.agent(hostUuid);
  const identity: Identity = {
    hostUuid,
    managerName: MANAGER_NAME,
    address: "127.0.0.1",
    port: 0,
    key: tls.key,
    certificate: tls.cert,
    ca: tls.ca,
  };
  await writeIdentity(stateDir, identity);
  const owned = parts.move();
  let directories = 0;
  return {
    libvirtd,
    ovsDatabase,
    stateDir,
    pki,
    identity,
    async newDirectory() {
      const path = join(root, `ds${directories++}`);
      await mkdir(path);
      return path;
    },
    config: (changes = {}) =>
      checkedConfig({
        stateDir,
        listenAddress: "127.0.0.1",
        port: 0,
        libvirtSocket: libvirtd.socketPath,
        libvirtDirectory: join(libvirtd.directory, "var/lib/libvirt"),
        libvirtConfigDir: join(libvirtd.directory, "etc/libvirt"),
        mediaDir: join(root, "media"),
        ovsDatabase,
        guestIntervalS: 1,
        deviceReleaseS: 1,
        ...changes,
      }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Asking QEMU whether KVM works may take seconds, and once a run is enough. */
let accelerator: Promise<string> | undefined;
async function seedAccelerator(stateDir: string): Promise<void> {
  accelerator ??= probeOnce();
  await writeFile(join(stateDir, "accelerator.json"), await accelerator);
}

/** For facts and compiled code that outlive a run. */
export function testCacheDir(): string {
  return join(tmpdir(), `sinter-agent-test-${process.getuid?.() ?? 0}`);
}

async function probeOnce(): Promise<string> {
  // Kept between runs as well: the agent's own file knows when it is out of date.
  const directory = testCacheDir();
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const config = checkedConfig({ stateDir: directory, libvirtSocket: "/nonexistent" });
  const node = await composeNode({ config, keptAddresses: () => [], log: silentLog });
  await node[Symbol.asyncDispose]();
  return await readFile(join(directory, "accelerator.json"), "utf8");
}

/** In libvirtd's namespaces, at the place where libvirt's own ovs-vsctl looks for it. Ends with them. */
async function startOpenVSwitch(libvirtd: PrivateLibvirtd): Promise<string> {
  const directory = join(libvirtd.directory, "ovs");
  const usual = "/run/openvswitch";
  await mkdir(directory);
  await mkdir(usual, { recursive: true });
  await libvirtd.run("mount", ["--bind", directory, usual]);
  const database = join(directory, "conf.db");
  await libvirtd.run("ovsdb-tool", ["create", database, OVS_SCHEMA]);
  const daemon = (name: string): string[] => [
    "--detach",
    "--no-chdir",
    `--pidfile=${usual}/${name}.pid`,
    `--unixctl=${usual}/${name}.ctl`,
    `--log-file=${directory}/${name}.log`,
  ];
  await libvirtd.run("ovsdb-server", [
    database,
    `--remote=punix:${usual}/db.sock`,
    ...daemon("ovsdb-server"),
  ]);
  await libvirtd.run("ovs-vsctl", ["--no-wait", "init"]);
  await libvirtd.run("ovs-vswitchd", [`unix:${usual}/db.sock`, ...daemon("ovs-vswitchd")]);
  return `unix:${directory}/db.sock`;
}

/** Where a failing test can be told to explain itself: SINTER_TEST_LOG=1. */
export const testLog: Log =
  process.env["SINTER_TEST_LOG"] === undefined
    ? silentLog
    : createLog({ name: "agent-test", level: "debug" });
