import {
  CreateIsoRequest,
  IsoList,
  objectUrn,
  parseUrn,
  VoidAnswer,
  wireDateTime,
  WireIso,
} from "@sinter/northbound";
import type { FastifyInstance } from "fastify";
import { vmWireId } from "@sinter/northbound";
import { readId } from "../http/ids.ts";
import { registerRoute } from "../http/route.ts";
import { readContentRange } from "./content-range.ts";
import { devicePath, type Iso } from "./iso.ts";
import type { IsoService } from "./iso.service.ts";
import type { IsoUser } from "./iso.store.ts";

/** The ISO library, of our own. */
export function registerIsoRoutes(
  app: FastifyInstance,
  parts: { isos: IsoService; siteId: () => string; lookSoon: (datastoreId: number) => void },
): void {
  const { isos, siteId } = parts;
  const answer = async (iso: Iso) => isoToWire(iso, await isos.usersOf(iso), siteId());

  registerRoute(app, {
    method: "GET",
    url: "/sinter/v1/isos",
    access: "read",
    summary: "Lists the ISO files of the library, uploads under way included.",
    query: { datastore: "URN of a datastore: only those that lie there" },
    reply: IsoList,
    handle: async ({ query }) => {
      const text = query.text("datastore");
      const urn = text === undefined ? undefined : parseUrn(text);
      const datastoreId = urn?.kind === "datastores" ? (urn.id ?? 0) : 0;
      // Somebody may have copied a file there, and wonders where it is.
      if (datastoreId > 0) parts.lookSoon(datastoreId);
      const found = await isos.list(text === undefined ? {} : { datastoreId });
      const users = Map.groupBy(found.users, (user) => devicePath({ ...user, name: user.isoName }));
      const wire = found.isos.map((iso) => isoToWire(iso, users.get(devicePath(iso)) ?? [], siteId()));
      return { total: wire.length, isos: wire };
    },
  });

  registerRoute(app, {
    method: "POST",
    url: "/sinter/v1/isos",
    access: "operate",
    summary: "Begins the upload of an ISO file, or goes on with one of the same name and size.",
    body: CreateIsoRequest,
    reply: WireIso,
    handle: async ({ body }) => answer(await isos.create(body)),
  });

  registerRoute(app, {
    method: "GET",
    url: "/sinter/v1/isos/:isoId",
    access: "read",
    summary: "Shows one ISO file; of an upload, where it goes on.",
    reply: WireIso,
    handle: async ({ params }) => answer(await isos.get(readId(params.isoId))),
  });

  registerRoute(app, {
    method: "PUT",
    url: "/sinter/v1/isos/:isoId/content",
    access: "operate",
    summary:
      "Takes a piece of at most 8 MiB, whose place the header Content-Range tells; the last one ends the upload.",
    streamsBody: true,
    reply: WireIso,
    handle: async ({ params, request, reply }) => {
      const range = (iso: Iso) => readContentRange(request.headers["content-range"], iso.sizeBytes);
      const body = request.body as NodeJS.ReadableStream; // what the parser of such routes gives
      const iso = await isos.write(readId(params.isoId), range, body);
      // A large file would be hundreds of records.
      reply.isPiece = iso.status === "uploading";
      return answer(iso);
    },
  });

  registerRoute(app, {
    method: "DELETE",
    url: "/sinter/v1/isos/:isoId",
    access: "operate",
    summary: "Removes an ISO file that no VM has in its drive, or gives an upload up.",
    reply: VoidAnswer,
    handle: async ({ params }) => {
      await isos.remove(readId(params.isoId));
      return {};
    },
  });
}

function isoToWire(iso: Iso, users: readonly IsoUser[], siteId: string): WireIso {
  return {
    id: String(iso.id),
    name: iso.name,
    datastoreUrn: objectUrn(siteId, "datastores", iso.datastoreId),
    devicePath: devicePath(iso),
    sizeBytes: iso.sizeBytes,
    receivedBytes: iso.receivedBytes,
    status: iso.status,
    reason: iso.reason,
    sha256: iso.sha256 ?? "",
    createdAt: wireDateTime(iso.createdAt),
    attachedVms: users.map((user) => objectUrn(siteId, "vms", vmWireId(user.vmId))),
  };
}
