/**
 * The simulated hosts of the bench, in a process of their own so that the manager's is measured alone. Started by
 * `fork`; first message in: `Order`, first message out: `Ready`. Ends with its parent.
 */
import { once } from "node:events";
import { FLEET_DATASTORE_PATH, FLEET_SWITCH_ID, serveSims, SimFleet } from "@sinter/agent-sim";
import type { HostReport } from "@sinter/southbound";

export interface Order {
  readonly hosts: number;
  readonly vmsPerHost: number;
  readonly ca: { readonly privateKeyPem: string; readonly certificatePem: string };
  /** What the manager calls the one datastore and the one switch. */
  readonly datastoreId: string;
  readonly switchId: string;
}

export interface Ready {
  readonly port: number;
  /** Mark of the shared file system. */
  readonly markerId: string;
  readonly hosts: readonly { readonly uuid: string; readonly report: HostReport }[];
  readonly vms: readonly SimVmRow[];
}

/** What the database must say of a VM so that its host agrees. */
export interface SimVmRow {
  readonly uuid: string;
  readonly name: string;
  readonly hostUuid: string;
  readonly vncPassword: string;
  readonly vcpus: number;
  readonly memoryMiB: number;
  readonly diskUuid: string;
  readonly nicUuid: string;
  readonly mac: string;
}

process.on("disconnect", () => process.exit(0));
const [order] = (await once(process, "message")) as [Order];
const fleet = SimFleet.create({ hosts: order.hosts, vmsPerHost: order.vmsPerHost, seed: "bench" });
// The fleet names its datastore and switch itself; the manager goes by numbers of its own.
fleet.store.datastoreId = order.datastoreId;
for (const sim of fleet.hosts) {
  const spec = { datastoreId: order.datastoreId, path: FLEET_DATASTORE_PATH, shared: true };
  sim.datastores.clear();
  sim.datastores.set(order.datastoreId, { spec, store: fleet.store });
  const network = sim.switches.get(FLEET_SWITCH_ID);
  if (!network) throw new Error("Broken assumption: a host of a fleet has its switch.");
  sim.switches.clear();
  sim.switches.set(order.switchId, { ...network, switchId: order.switchId });
}
const server = await serveSims(fleet.hosts, { ca: order.ca });
const ready: Ready = {
  port: server.port,
  markerId: fleet.store.markerId,
  hosts: fleet.hosts.map((sim) => ({ uuid: sim.hostUuid, report: sim.report })),
  vms: [...fleet.vms()].map(({ sim, spec }) => ({
    uuid: spec.vmUuid,
    name: spec.name,
    hostUuid: sim.hostUuid,
    vncPassword: spec.vmUuid.slice(0, 8),
    vcpus: spec.cpu.count,
    memoryMiB: spec.memoryMiB,
    diskUuid: spec.disks[0]?.volumeUuid ?? "",
    nicUuid: spec.nics[0]?.nicUuid ?? "",
    mac: spec.nics[0]?.mac ?? "",
  })),
};
process.send?.(ready);
