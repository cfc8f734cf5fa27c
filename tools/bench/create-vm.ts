import { randomBytes, randomUUID } from "node:crypto";
import { rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Client } from "@sinter/client";
import type { LabHost } from "@sinter/lab";
import type { Scene } from "../../e2e/scene.ts";
import { type BenchContext, type Figure, median, timed } from "./figure.ts";

const ROUNDS = 9;
/** A client that waits for its task looks this often. */
const POLL_MS = 20;
/** Where the lab mounts the shared datastore into its hosts. */
const DATASTORE = "/var/lib/sinter/datastores/shared";
const DISK_BYTES = 2 ** 30;
/** What a lease takes on disk. */
const LEASE_BYTES = 2 ** 20;
/** That a person types, the lease's among them. */
const COMMANDS = 4;

/**
 * From the request to a VM that is seen running, against what a person would type for the very same domain on the
 * same host. The two take turns, so that whatever else the machine does meets both.
 */
export async function benchCreate(scene: Scene, { say, signal }: BenchContext): Promise<Figure[]> {
  const { lab } = scene.stand;
  const [host] = lab.hosts;
  if (!host) throw new Error("Broken assumption: the stand has a host.");
  const exec = (program: string, args: readonly string[]) => lab.exec(host, program, args);

  say("creating VMs through the API and by hand, in turns");
  const model = await scene.create({ ...scene.bare("bench-model"), autoBoot: false });
  const domainXml = (
    await exec("virsh", ["-q", "dumpxml", "--inactive", "--security-info", model.split("/").at(-1) ?? ""])
  ).stdout;
  await scene.remove(model);

  const api: number[] = [];
  const byHand: number[] = [];
  const createOnly: number[] = [];
  const entering: number[] = [];
  const steps = new Map<string, number[]>();
  for (let round = 0; round <= ROUNDS; round++) {
    signal.throwIfAborted();
    // What only the first pays for (code, caches, connections) is left out on both sides.
    const keep = (list: number[], ms: number): void => void (round > 0 && list.push(ms));
    const throughApi = async (): Promise<void> => {
      const made = await createThroughApi(scene, `bench-${round}`);
      if (round > 0) addSteps(steps, made.steps);
      keep(api, made.ms);
      await scene.remove(made.uri);
    };
    const throughVirsh = async (): Promise<void> => {
      keep(entering, await timed(() => exec("true", [])));
      keep(byHand, await defineAndStart(exec, host, domainXml));
      keep(createOnly, await createTransient(exec, host, domainXml));
    };
    for (const way of round % 2 === 0 ? [throughApi, throughVirsh] : [throughVirsh, throughApi]) await way();
  }
  // Getting into the lab host costs the commands by hand something that a person there would not pay.
  const enterMs = median(entering);
  const breakdown = [...steps].map(([name, ms]) => `${name} ${median(ms).toFixed(0)}`).join(", ");
  return [
    {
      name: "create VM to running",
      unit: "ms",
      value: median(api),
      raw: { tool: "qemu-img + lease + define + start", value: median(byHand) - COMMANDS * enterMs },
      target: { of: "ratio", max: 1.3 },
      note: `median of ${ROUNDS}, in turns; steps in ms: ${breakdown}; entering the host (${enterMs.toFixed(0)} ms a command) is not counted`,
    },
    {
      name: "create VM to running, bare",
      unit: "ms",
      value: median(api),
      raw: { tool: "virsh create alone", value: median(createOnly) - enterMs },
      note: "without making its disk and without a definition that stays",
    },
  ];
}

type TaskStep = Awaited<ReturnType<Client["tasks"]["getWithSteps"]>>["steps"][number];

async function createThroughApi(
  { client, bare }: Scene,
  name: string,
): Promise<{ ms: number; uri: string; steps: TaskStep[] }> {
  const body = bare(name);
  const startedAt = performance.now();
  const answer = await client.vms.create(body);
  await watchTask(client, answer.taskUri);
  const ms = performance.now() - startedAt;
  return { ms, uri: answer.uri ?? "", steps: (await client.tasks.getWithSteps(answer.taskUri)).steps };
}

/** Looks at a task every 20 ms until it has succeeded. */
export async function watchTask(client: Client, uri: string): Promise<void> {
  for (;;) {
    const { status, reasonDes } = await client.tasks.get(uri);
    if (status === "success") return;
    if (status === "failed") throw new Error(`The task failed: ${reasonDes}`);
    await pause(POLL_MS);
  }
}

function addSteps(all: Map<string, number[]>, steps: readonly TaskStep[]): void {
  for (const { name, startedAt, endedAt } of steps) {
    if (startedAt === "" || endedAt === "") continue;
    const list = all.get(name) ?? [];
    list.push(Number(endedAt) - Number(startedAt));
    all.set(name, list);
  }
}

type Exec = (program: string, args: readonly string[]) => Promise<unknown>;

async function defineAndStart(exec: Exec, host: LabHost, model: string): Promise<number> {
  const { name, disk, xml, lease } = await writeTwin(host, model);
  try {
    return await timed(async () => {
      await exec("qemu-img", ["create", "-q", "-f", "qcow2", disk, String(DISK_BYTES)]);
      if (lease !== undefined) await exec("sanlock", ["direct", "init", "-r", lease.place]);
      await exec("virsh", ["-q", "define", xml]);
      await exec("virsh", ["-q", "start", name]);
    });
  } finally {
    // Each is forgiven: the failure to tell is the one above.
    await exec("virsh", ["-q", "destroy", name]).catch(() => {});
    await exec("virsh", ["-q", "undefine", name]).catch(() => {});
    await forget(host, [disk, xml, lease?.path]);
  }
}

async function forget(host: LabHost, files: readonly (string | undefined)[]): Promise<void> {
  for (const file of files) if (file !== undefined) await rm(await host.path(file), { force: true });
}

async function createTransient(exec: Exec, host: LabHost, model: string): Promise<number> {
  const { name, disk, xml, lease } = await writeTwin(host, model);
  await exec("qemu-img", ["create", "-q", "-f", "qcow2", disk, String(DISK_BYTES)]);
  if (lease !== undefined) await exec("sanlock", ["direct", "init", "-r", lease.place]);
  try {
    return await timed(() => exec("virsh", ["-q", "create", xml]));
  } finally {
    await exec("virsh", ["-q", "destroy", name]).catch(() => {});
    await forget(host, [disk, xml, lease?.path]);
  }
}

interface Twin {
  readonly name: string;
  readonly disk: string;
  readonly xml: string;
  /** Of its disk, as the agent's has one; `place` as sanlock takes it. */
  readonly lease: { readonly path: string; readonly place: string } | undefined;
}

/** The agent's own domain as a file, with an identity and a disk of its own, and nothing Sinter would know it by. */
async function writeTwin(host: LabHost, model: string): Promise<Twin> {
  const name = `byhand-${randomBytes(4).toString("hex")}`;
  const disk = join(DATASTORE, `${name}.qcow2`);
  const xml = join("/run", `${name}.xml`);
  const mac = `52:54:00:${(randomBytes(3).toString("hex").match(/../g) ?? []).join(":")}`;
  const text = model
    .replace(/<metadata>.*?<\/metadata>/s, "")
    .replace(/<name>[^<]*<\/name>/, `<name>${name}</name>`)
    .replace(/<uuid>[^<]*<\/uuid>/, `<uuid>${randomUUID()}</uuid>`)
    .replace(/<source file=(['"])[^'"]*\1/, `<source file='${disk}'`)
    .replace(/<mac address=(['"])[^'"]*\1/, `<mac address='${mac}'`)
    .replace(/interfaceid=(['"])[^'"]*\1/, `interfaceid='${randomUUID()}'`)
    .replace(/<key>[^<]*<\/key>/, `<key>${name}</key>`)
    .replace(/<target path=(['"])[^'"]*\1/, `<target path='${disk}.lease'`);
  await writeFile(await host.path(xml), text, { mode: 0o600 });
  const lockspace = /<lockspace>([^<]*)</.exec(model)?.[1];
  if (lockspace === undefined) return { name, disk, xml, lease: undefined };
  const path = `${disk}.lease`;
  await writeFile(await host.path(path), Buffer.alloc(0));
  await truncate(await host.path(path), LEASE_BYTES);
  return { name, disk, xml, lease: { path, place: `${lockspace}:${name}:${path}:0` } };
}
