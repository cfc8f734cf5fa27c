import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { type Client, TaskFailure } from "@sinter/client";
import { waitFor } from "@sinter/kit";
import type { LabHost } from "@sinter/lab";
import { type Stand, startStand } from "../tools/stand/stand.ts";

/** What the tests of this folder need of a running Sinter. */
export interface Scene {
  readonly stand: Stand;
  readonly client: Client;
  readonly cluster: string;
  readonly datastore: string;
  readonly portGroup: string;
  /** Body of a create request for a VM that boots the guest image. */
  guest(name: string): Parameters<Client["vms"]["create"]>[0];
  /** Body for a VM with an empty disk: it sits in its firmware, which is enough for most tests. */
  bare(name: string): Parameters<Client["vms"]["create"]>[0];
  create(body: Parameters<Client["vms"]["create"]>[0]): Promise<string>;
  remove(uri: string): Promise<void>;
  status(uri: string): Promise<string>;
  /** The lab host that a VM runs on, or ran on last. */
  hostOf(uri: string): Promise<LabHost>;
  /** Pid of a VM's QEMU inside its host; undefined while there is none. */
  pidOf(host: LabHost, uri: string): Promise<string | undefined>;
}

export async function openScene(hosts = 2, say: (line: string) => void = () => {}): Promise<Scene> {
  // Not /tmp, which hosts have of their own.
  const stateDir = await mkdtemp(join("/var/tmp", "sinter-e2e-"));
  const stand = await startStand({ stateDir, hosts, port: 0, say, isFurnished: false });
  return describeScene(stand);
}

export async function describeScene(stand: Stand): Promise<Scene> {
  const { client, lab } = stand;
  const [cluster] = await client.clusters.list();
  const [datastore] = (await client.datastores.list()).items;
  const [dvs] = await client.switches.list();
  const [group] = (await client.portGroups.list({ ofSwitch: dvs?.uri ?? "" })).items;
  if (!cluster || !datastore || !group) throw new Error("Broken assumption: the stand is furnished.");
  const shape = (name: string, disk: object, memoryMiB: number) => ({
    name,
    location: cluster.urn,
    osOptions: { osType: "Linux" as const, osVersion: 302 },
    vmConfig: {
      cpu: { quantity: 1 },
      memory: { quantityMB: memoryMiB },
      disks: [{ sequenceNum: 1, quantityGB: 1, datastoreUrn: datastore.urn, isThin: true, ...disk }],
      nics: [{ name: "eth0", portGroupUrn: group.urn }],
    },
  });
  return {
    stand,
    client,
    cluster: cluster.urn,
    datastore: datastore.urn,
    portGroup: group.urn,
    guest: (name) => shape(name, { sourceImage: "sinter-mini.qcow2" }, 256),
    bare: (name) => shape(name, {}, 128),
    create: async (body) => {
      const answer = await client.vms.create(body);
      await client.tasks.wait(answer, { timeoutMs: 120_000 });
      return answer.uri ?? "";
    },
    remove: async (uri) => {
      await client.tasks.wait(await client.vms.remove(uri), { timeoutMs: 120_000 });
    },
    status: async (uri) => (await client.vms.get(uri)).status,
    hostOf: async (uri) => {
      const { hostName } = await client.vms.get(uri);
      return lab.host(hostName ?? "");
    },
    pidOf: async (host, uri) => {
      const file = await host.path(`/run/libvirt/qemu/${uri.split("/").at(-1)}.pid`);
      const { readIfThere } = await import("@sinter/kit");
      return (await readIfThere(file))?.trim();
    },
  };
}

/** Waits until a VM shows this status. */
export function becomes(scene: Scene, uri: string, status: string, timeoutMs = 60_000): Promise<true> {
  return waitFor(
    `${uri} becoming ${status}`,
    async () => ((await scene.status(uri)) === status ? true : undefined),
    {
      timeoutMs,
      intervalMs: 200,
    },
  );
}

/** How a task ended: its status and, when it failed, the code. */
export async function outcome(client: Client, answer: { taskUri: string }): Promise<string> {
  try {
    return (await client.tasks.wait(answer.taskUri, { timeoutMs: 180_000 })).status;
  } catch (error) {
    if (error instanceof TaskFailure) return `failed ${error.errorCode}`;
    throw error;
  }
}
