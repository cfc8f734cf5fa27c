import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "@sinter/client";
import { waitFor } from "@sinter/kit";
import type { GuestImage, Lab } from "@sinter/lab";

export interface FurnishOptions {
  readonly lab: Lab;
  readonly client: Client;
  readonly image: GuestImage;
  readonly imageName: string;
  readonly isFurnished: boolean;
  readonly say: (line: string) => void;
}

export const DEMO_VM = "demo";
export const TEMPLATE = "sinter-mini";

/** What a newcomer would create first, through the public API. What is there already is left as it is. */
export async function furnish(options: FurnishOptions): Promise<void> {
  const { client, lab, say } = options;
  const hosts = (await client.hosts.list()).items;
  const hostUrns = hosts.map((host) => host.urn);

  const [datastore] = (await client.datastores.list()).items;
  if (!datastore) {
    say("creating datastore, switch and port groups");
    const { path } = await lab.sharedDirectory("shared");
    await client.datastores.create({ name: "shared", path, shared: true, hostUrns });
  }
  if ((await client.switches.list()).length === 0) {
    const dvs = await client.switches.create({
      name: "ManagementDVS",
      type: 0,
      mtu: 1500,
      hostPortSet: hostUrns.map((hostUrn) => ({ hostUrn, portName: "up0" })),
    });
    await client.portGroups.create(dvs.uri, { name: "VM Network", vlanId: 0 });
    await client.portGroups.create(dvs.uri, { name: "VLAN 100", vlanId: 100 });
  }
  await waitFor(
    "Datastore and switch being ready on all hosts",
    async () => {
      const [store] = (await client.datastores.list()).items;
      return store?.status === "NORMAL" && store.hosts.length >= hosts.length ? true : undefined;
    },
    { timeoutMs: 60_000, intervalMs: 200 },
  );
  await placeImage(options);
  if (options.isFurnished) await furnishVms(options);
}

/** Puts the guest image into the datastore's image library, as an administrator would copy one there. */
async function placeImage({ lab, image, imageName }: FurnishOptions): Promise<void> {
  const host = lab.hosts[0];
  if (!host) throw new Error("Broken assumption: a lab has a host.");
  const { path } = await lab.sharedDirectory("shared");
  const folder = await host.path(join(path, "images"));
  await mkdir(folder, { recursive: true });
  await copyFile(image.path, join(folder, imageName));
}

async function furnishVms({ client, imageName, say }: FurnishOptions): Promise<void> {
  const [cluster] = await client.clusters.list();
  const [datastore] = (await client.datastores.list()).items;
  const [dvs] = await client.switches.list();
  if (!cluster || !datastore || !dvs)
    throw new Error("Broken assumption: cluster, datastore and switch were created.");
  const [group] = (await client.portGroups.list({ ofSwitch: dvs.uri })).items;
  if (!group) throw new Error("Broken assumption: a port group was created.");
  const all = (await client.vms.list({ limit: 100 })).items;
  const shape = (name: string) => ({
    name,
    location: cluster.urn,
    osOptions: { osType: "Linux" as const, osVersion: 302 },
    vmConfig: {
      cpu: { quantity: 1 },
      memory: { quantityMB: 256 },
      disks: [
        { sequenceNum: 1, quantityGB: 1, datastoreUrn: datastore.urn, isThin: true, sourceImage: imageName },
      ],
      nics: [{ name: "eth0", portGroupUrn: group.urn }],
    },
  });
  if (!all.some((vm) => vm.name === TEMPLATE && vm.isTemplate)) {
    say("creating a template");
    await client.tasks.wait(
      await client.vms.create({ ...shape(TEMPLATE), autoBoot: false, isTemplate: true }),
    );
  }
  const demo = all.find((vm) => vm.name === DEMO_VM && !vm.isTemplate);
  if (!demo) {
    say("creating and booting the demo VM");
    await client.tasks.wait(await client.vms.create(shape(DEMO_VM)));
  } else {
    await settle(client, demo.uri);
    const { status } = await client.vms.get(demo.uri);
    if (status === "stopped" || status === "hibernated") {
      say("booting the demo VM");
      await client.tasks.wait(await client.vms.start(demo.uri));
    }
  }
}

/** After a start on old state the reconciler looks at every host first. */
async function settle(client: Client, uri: string): Promise<void> {
  await waitFor(
    "The demo VM's state being known",
    async () => {
      const { status } = await client.vms.get(uri);
      return status === "running" || status === "stopped" || status === "hibernated" ? true : undefined;
    },
    { timeoutMs: 60_000, intervalMs: 300 },
  );
}

/** First address that a VM's guest reports; undefined while there is none. */
export async function addressOf(
  client: Client,
  name: string,
): Promise<{ ip: string; uri: string } | undefined> {
  const vm = (await client.vms.list({ name, detail: 1 })).items.find(
    (each) => each.name === name && !each.isTemplate,
  );
  const ip = vm?.vmConfig?.nics[0]?.ip;
  return vm && ip && ip !== "0.0.0.0" ? { ip, uri: vm.uri } : undefined;
}
