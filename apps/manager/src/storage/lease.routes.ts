import { DatastoreLeases, parseVmWireId, VmLeases } from "@sinter/northbound";
import { AppError } from "@sinter/kit";
import type { FastifyInstance } from "fastify";
import { readId } from "../http/ids.ts";
import { registerRoute } from "../http/route.ts";
import type { LeaseService } from "./lease.service.ts";
import { leasesToWire, vmLeasesToWire } from "./lease.wire.ts";

/** Who may write which disk (VIM-02, VIM-06). */
export function registerLeaseRoutes(
  app: FastifyInstance,
  parts: { leases: LeaseService; siteId: () => string },
): void {
  const { leases, siteId } = parts;

  registerRoute(app, {
    method: "GET",
    url: "/sinter/v1/datastores/:datastoreId/leases",
    access: "read",
    summary: "Shows which hosts keep their place on a shared datastore alive, as they say now.",
    reply: DatastoreLeases,
    handle: async ({ params }) =>
      leasesToWire(await leases.ofDatastore(readId(params.datastoreId)), siteId()),
  });

  registerRoute(app, {
    method: "GET",
    url: "/sinter/v1/vms/:vmId/leases",
    access: "read",
    summary: "Shows which host may write each of a VM's disks on shared datastores, as the hosts say now.",
    reply: VmLeases,
    handle: async ({ params }) => {
      const id = parseVmWireId(params.vmId ?? "");
      if (id === undefined) {
        throw new AppError("notFound", "VM_NOT_FOUND", `There is no VM ${(params.vmId ?? "").slice(0, 32)}.`);
      }
      return vmLeasesToWire(await leases.ofVm(id), siteId());
    },
  });
}
