import type { Client } from "@sinter/client";

/** Shown as text everywhere, or something is wrong. */
export const MARKUP_NAME = '<img src=x onerror="globalThis.pwned=1">';

const NAMES = [
  "web-01",
  "web-02",
  "db-01",
  "build-agent",
  "mail",
  "dns-1",
  "proxy",
  "测试虚拟机",
  MARKUP_NAME,
];

/** Some VMs to look at: most run, some do not. For a stand of simulated hosts. */
export async function furnishSimVms(client: Client): Promise<void> {
  const [cluster] = await client.clusters.list();
  const [datastore] = (await client.datastores.list()).items;
  const [group] = (await client.portGroups.list()).items;
  if (!cluster || !datastore || !group) throw new Error("Broken assumption: the stand is furnished.");
  const made = await Promise.all(
    NAMES.map((name, index) =>
      client.vms.create({
        name,
        location: cluster.urn,
        osOptions: { osType: "Linux", osVersion: 302 },
        autoBoot: index % 3 !== 2,
        vmConfig: {
          cpu: { quantity: 1 + (index % 4) },
          memory: { quantityMB: 2048 },
          disks: [{ sequenceNum: 1, quantityGB: 40, datastoreUrn: datastore.urn, isThin: true }],
          nics: [{ name: "eth0", portGroupUrn: group.urn }],
        },
      }),
    ),
  );
  await Promise.all(made.map((task) => client.tasks.wait(task)));
}
