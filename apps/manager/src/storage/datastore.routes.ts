import {
  ConnectDatastoreRequest,
  CreateDatastoreRequest,
  DatastoreFileList,
  DatastoreList,
  IfConnectAnswer,
  IfConnectRequest,
  ModifyDatastoreRequest,
  TaskAnswer,
  VoidAnswer,
  WireDatastore,
} from "@sinter/northbound";
import type { FastifyInstance } from "fastify";
import { readId } from "../http/ids.ts";
import { paged, type Query } from "../http/query.ts";
import { registerRoute, type RouteContext, SITE } from "../http/route.ts";
import { taskAnswer } from "../task/task.wire.ts";
import { datastoreFilterFrom } from "./datastore-filter.ts";
import type { DatastoreService } from "./datastore.service.ts";
import { datastoreToWire, datastoreUrn, imagesToWire } from "./datastore.wire.ts";

const LIST_QUERY = {
  limit: "1 to 100; 0: all",
  offset: "items to skip",
  scope: "URN of a cluster or host; the site: all",
  status: "NORMAL, ABNORMAL, …; with a host scope the state of its link",
  name: "substring",
  shareType: "1 shared, 2 local",
} as const;

export function registerDatastoreRoutes(
  app: FastifyInstance,
  parts: { datastores: DatastoreService; siteId: () => string },
): void {
  const { datastores } = parts;
  const answer = (begun: { taskId: number; id: number }) =>
    taskAnswer(parts.siteId(), begun.taskId, datastoreUrn(parts.siteId(), begun.id));
  const list = async (query: Query) => {
    const filter = datastoreFilterFrom(query, parts.siteId());
    const { total, items } = await datastores.list(filter, query.page());
    return { total, datastores: items.map((item) => datastoreToWire(item, parts.siteId(), filter.hostId)) };
  };

  // `ex` and `queryavailabledatastore` are the same list under other names; what they add has no meaning here.
  for (const path of ["datastores", "datastores/ex", "datastores/queryavailabledatastore"]) {
    registerRoute(app, {
      method: "GET",
      url: `${SITE}/${path}`,
      access: "read",
      summary: "Lists datastores; without limit and offset all of them.",
      query: LIST_QUERY,
      reply: DatastoreList,
      handle: ({ query }) => list(query),
    });
  }

  registerRoute(app, {
    method: "POST",
    url: "/sinter/v1/datastores",
    access: "administer",
    summary: "Takes a directory that is there on the hosts named into use for volumes.",
    body: CreateDatastoreRequest,
    reply: TaskAnswer,
    handle: async ({ body, actor }) => answer(await datastores.create(actor, body)),
  });

  registerRoute(app, {
    method: "POST",
    url: "/sinter/v1/datastores/:datastoreId/hosts",
    access: "administer",
    summary: "Links a further host to a shared datastore.",
    body: ConnectDatastoreRequest,
    reply: TaskAnswer,
    handle: async (context) =>
      answer(await datastores.connect(context.actor, id(context), context.body.hostUrn)),
  });

  registerRoute(app, {
    method: "GET",
    url: `${SITE}/datastores/:datastoreId`,
    access: "read",
    summary: "Shows a datastore.",
    reply: WireDatastore,
    handle: async (context) => datastoreToWire(await datastores.get(id(context)), parts.siteId()),
  });

  registerRoute(app, {
    method: "PUT",
    url: `${SITE}/datastores/:datastoreId`,
    access: "administer",
    summary: "Changes name, description and thin rate of a datastore.",
    body: ModifyDatastoreRequest,
    reply: VoidAnswer,
    handle: async (context) => {
      await datastores.modify(id(context), context.body);
      return {};
    },
  });

  registerRoute(app, {
    method: "DELETE",
    url: `${SITE}/datastores/:datastoreId`,
    access: "administer",
    summary:
      "With hostUrn: takes the datastore away from that host. Without: forgets it; its directory stays.",
    query: { hostUrn: "URN of a host", isForce: "1: also when its volumes are lost with their last host" },
    reply: TaskAnswer,
    handle: async (context) => {
      const hostUrn = context.query.text("hostUrn");
      const isForce = context.query.boolean("isForce") ?? false;
      const datastore = await datastores.get(id(context));
      // The last host takes the datastore with it, as clients that created it on one host expect.
      const isOneOfSeveral = hostUrn !== undefined && datastore.links.length > 1;
      return answer(
        isOneOfSeveral
          ? await datastores.disconnect(context.actor, datastore.id, hostUrn)
          : await datastores.remove(context.actor, datastore.id, isForce),
      );
    },
  });

  registerRoute(app, {
    method: "DELETE",
    url: `${SITE}/datastores/:datastoreId/disconnect`,
    access: "administer",
    summary: "Takes a datastore away from one host.",
    query: { hostUrn: "URN of the host" },
    reply: TaskAnswer,
    handle: async (context) =>
      answer(await datastores.disconnect(context.actor, id(context), context.query.text("hostUrn") ?? "")),
  });

  registerRoute(app, {
    method: "DELETE",
    url: `${SITE}/datastores/:datastoreId/delete`,
    access: "administer",
    summary: "Forgets a datastore; its directory stays.",
    reply: TaskAnswer,
    handle: async (context) => answer(await datastores.remove(context.actor, id(context), false)),
  });

  registerRoute(app, {
    method: "POST",
    url: `${SITE}/datastores/:datastoreId/action/ifconcluster`,
    access: "read",
    summary: "Tells whether hosts of a cluster are linked to a datastore.",
    body: IfConnectRequest,
    reply: IfConnectAnswer,
    handle: async (context) => ({
      ifConnectFlag: await datastores.isConnectedTo(id(context), context.body.clusterUrn),
    }),
  });

  registerRoute(app, {
    method: "GET",
    url: `${SITE}/datastores/:datastoreId/file`,
    access: "read",
    summary: "Lists the images in a datastore's library.",
    query: { limit: "1 to 100; 0: all", offset: "items to skip" },
    reply: DatastoreFileList,
    handle: async (context) => {
      const images = await datastores.images(id(context));
      return { total: images.length, files: imagesToWire(paged(images, context.query.page())) };
    },
  });
}

function id({ params }: Pick<RouteContext<unknown>, "params">): number {
  return readId(params.datastoreId);
}
