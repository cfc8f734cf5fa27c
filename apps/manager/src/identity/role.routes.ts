import {
  AddRoleRequest,
  ModifyRoleRequest,
  RightList,
  RoleList,
  RoleReference,
  VoidAnswer,
} from "@sinter/northbound";
import type { FastifyInstance } from "fastify";
import { registerRoute, SITE } from "../http/route.ts";
import { identityErrors } from "./identity.errors.ts";
import { RIGHT_AREAS } from "./rights.ts";
import type { RoleService } from "./role.service.ts";
import { requireOrdinaryMode } from "./user.routes.ts";
import { readPage, RIGHT_TYPE, toWireRights, toWireRole } from "./user.wire.ts";

/** The same routes stand with and without the site in the path: clients differ by their version. */
export function registerRoleRoutes(app: FastifyInstance, roles: RoleService): void {
  for (const base of ["/service", SITE]) registerRoles(app, `${base}/roles`, roles);
}

function registerRoles(app: FastifyInstance, base: string, roles: RoleService): void {
  registerRoute(app, {
    method: "POST",
    url: `${base}/add`,
    access: "administer",
    summary: "Adds a role.",
    body: AddRoleRequest,
    reply: VoidAnswer,
    handle: async ({ body }) => {
      requireOrdinaryMode(body.rightType);
      await roles.add({
        name: body.roleName,
        description: body.description ?? "",
        rights: body.popedom ?? [],
      });
      return {};
    },
  });
  registerRoute(app, {
    method: "GET",
    url: `${base}/list`,
    access: "administer",
    summary: "Lists roles.",
    query: { limit: "Page size, 1 to 100; 0 or -1: all.", offset: "Roles to skip." },
    reply: RoleList,
    handle: async ({ query }) => {
      const found = await roles.list(readPage(query));
      const items = found.roles.map(toWireRole);
      return { total: found.total, itemSize: items.length, items };
    },
  });
  registerRoute(app, {
    method: "POST",
    url: `${base}/mod`,
    access: "administer",
    summary: "Changes description and rights of a role; absent fields stay as they are.",
    body: ModifyRoleRequest,
    reply: VoidAnswer,
    handle: async ({ body }) => {
      await roles.modify(body.roleName, {
        ...(body.description === undefined ? {} : { description: body.description }),
        ...(body.popedom === undefined ? {} : { rights: body.popedom }),
      });
      return {};
    },
  });
  registerRoute(app, {
    method: "POST",
    url: `${base}/rmv`,
    access: "administer",
    summary: "Deletes a role that no user holds.",
    body: RoleReference,
    reply: VoidAnswer,
    handle: async ({ body }) => {
      await roles.remove(body.roleName);
      return {};
    },
  });
  registerRoute(app, {
    method: "GET",
    url: `${base}/getRights`,
    access: "administer",
    summary: "The rights that roles are made of, by area.",
    query: { rightType: "1: all (default); 2 to 4 have none here." },
    reply: RightList,
    handle: async ({ query }) => {
      const rightType = query.integer("rightType") ?? RIGHT_TYPE;
      if (rightType < 1 || rightType > 4) throw identityErrors.rightTypeRange();
      const items = rightType === RIGHT_TYPE ? toWireRights(RIGHT_AREAS) : [];
      return { total: items.length, itemSize: items.length, items };
    },
  });
}
