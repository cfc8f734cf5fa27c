import { inArray } from "drizzle-orm";
import { clusters } from "../cluster/cluster.table.ts";
import type { Db } from "../database/database.ts";
import { hosts } from "../host/host.table.ts";
import { portGroups } from "../network/network.table.ts";
import { datastores } from "../storage/datastore.table.ts";
import type { Vm, WholeVm } from "./vm.ts";
import type { PlaceNames, VmNames } from "./vm.wire.ts";

/** Names of all objects that these VMs mention: a read model over four domains, one query each. */
export async function readNames(db: Db, siteId: string, vms: readonly WholeVm[]): Promise<VmNames> {
  const datastoreIds = unique(vms.flatMap(({ disks }) => disks.map((disk) => disk.volume.datastoreId)));
  const groupIds = unique(vms.flatMap(({ nics }) => nics.map((nic) => nic.portGroupId)));
  const [places, datastoreRows, groupRows] = await Promise.all([
    readPlaceNames(
      db,
      siteId,
      vms.map(({ vm }) => vm),
    ),
    datastoreIds.length === 0
      ? []
      : db
          .select({ id: datastores.id, name: datastores.name, kind: datastores.kind })
          .from(datastores)
          .where(inArray(datastores.id, datastoreIds)),
    groupIds.length === 0
      ? []
      : db
          .select({ id: portGroups.id, name: portGroups.name, switchId: portGroups.switchId })
          .from(portGroups)
          .where(inArray(portGroups.id, groupIds)),
  ]);
  const stores = new Map(datastoreRows.map((row) => [row.id, row]));
  const groups = new Map(groupRows.map((row) => [row.id, row]));
  return { ...places, datastore: (id) => stores.get(id), portGroup: (id) => groups.get(id) };
}

/** Names of where they are only. */
export async function readPlaceNames(
  db: Db,
  siteId: string,
  vms: readonly Pick<Vm, "hostId" | "clusterId">[],
): Promise<PlaceNames> {
  const hostIds = unique(vms.map((vm) => vm.hostId));
  const clusterIds = unique(vms.map((vm) => vm.clusterId));
  const [hostRows, clusterRows] = await Promise.all([
    hostIds.length === 0
      ? []
      : db.select({ id: hosts.id, name: hosts.name }).from(hosts).where(inArray(hosts.id, hostIds)),
    clusterIds.length === 0
      ? []
      : db
          .select({ id: clusters.id, name: clusters.name })
          .from(clusters)
          .where(inArray(clusters.id, clusterIds)),
  ]);
  const hostNames = new Map(hostRows.map((row) => [row.id, row.name]));
  const clusterNames = new Map(clusterRows.map((row) => [row.id, row.name]));
  return {
    siteId,
    hostName: (id) => hostNames.get(id) ?? "",
    clusterName: (id) => clusterNames.get(id) ?? "",
  };
}

function unique(ids: readonly (number | null)[]): number[] {
  return [...new Set(ids.filter((id): id is number => id !== null))];
}
