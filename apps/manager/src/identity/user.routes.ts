import {
  CreatedUser,
  CreateUserRequest,
  ModifyPasswordRequest,
  ModifyUserRequest,
  ResetPasswordRequest,
  SetRolesRequest,
  UserList,
  UserReference,
  VoidAnswer,
  WireUser,
} from "@sinter/northbound";
import type { Clock } from "@sinter/kit";
import type { FastifyInstance } from "fastify";
import { registerRoute, SITE } from "../http/route.ts";
import { identityErrors } from "./identity.errors.ts";
import type { createPasswordChange } from "./password-change.ts";
import type { SessionCache } from "./session-cache.ts";
import type { UserService } from "./user.service.ts";
import {
  readPage,
  readUserFilter,
  readUserStatus,
  readUserType,
  RIGHT_TYPE,
  toWireUser,
} from "./user.wire.ts";

export interface UserRouteParts {
  readonly users: UserService;
  readonly changePassword: ReturnType<typeof createPasswordChange>;
  readonly cache: SessionCache;
  readonly clock: Clock;
}

const LIST_QUERY = {
  limit: "Page size, 1 to 100; 0 or -1: all.",
  offset: "Users to skip.",
  userType: "0 local, 1 domain, 2 interconnection.",
  userName: "Part of the name.",
  roles: "Name of a role.",
  createStartTime: "Made at or after, epoch seconds or milliseconds.",
  createStopTime: "Made at or before.",
  manageStatus: "0 normal, 1 locked after wrong passwords, 2 locked by an administrator, 3 inactive.",
};

/** The same routes stand with and without the site in the path: clients differ by their version. */
export function registerUserRoutes(app: FastifyInstance, parts: UserRouteParts): void {
  for (const base of ["/service", SITE]) {
    registerListAndCreate(app, base, parts);
    registerOneUser(app, base, parts);
    registerPasswords(app, base, parts);
  }
}

function registerListAndCreate(app: FastifyInstance, base: string, { users, clock }: UserRouteParts): void {
  registerRoute(app, {
    method: "POST",
    url: `${base}/users`,
    access: "administer",
    summary: "Adds a user.",
    body: CreateUserRequest,
    reply: CreatedUser,
    handle: async ({ body }) => {
      requireOrdinaryMode(body.rightType);
      const user = await users.create({
        name: body.userName,
        type: readUserType(body.userType) ?? "local",
        password: body.password ?? "",
        roles: body.roles ?? [],
        email: body.email ?? "",
        contact: body.contact ?? "",
        description: body.description ?? "",
        sessionsMax: body.connectNum ?? 0,
      });
      return { userId: user.id, userName: user.name };
    },
  });
  registerRoute(app, {
    method: "GET",
    url: `${base}/users`,
    access: "administer",
    summary: "Lists users.",
    query: LIST_QUERY,
    reply: UserList,
    handle: async ({ query }) => {
      const found = await users.list(readUserFilter(query), readPage(query));
      const items = found.users.map((user) => toWireUser(user, clock.now()));
      return { total: found.total, itemSize: items.length, users: items };
    },
  });
}

function registerOneUser(app: FastifyInstance, base: string, { users, clock }: UserRouteParts): void {
  registerRoute(app, {
    method: "GET",
    url: `${base}/users/:userId`,
    access: "administer",
    summary: "One user.",
    reply: WireUser,
    handle: async ({ params }) => toWireUser(await users.get(params.userId ?? ""), clock.now()),
  });
  registerRoute(app, {
    method: "PUT",
    url: `${base}/users/:userId`,
    access: "administer",
    summary: "Modifies a user; absent fields stay as they are.",
    body: ModifyUserRequest,
    reply: VoidAnswer,
    handle: async ({ actor, params, body }) => {
      const status = readUserStatus(body.manageStatus);
      await users.modify(actor, params.userId ?? "", {
        ...(body.userName === undefined ? {} : { name: body.userName }),
        ...(body.roles === undefined ? {} : { roles: body.roles }),
        ...(body.email === undefined ? {} : { email: body.email }),
        ...(body.contact === undefined ? {} : { contact: body.contact }),
        ...(body.description === undefined ? {} : { description: body.description }),
        ...(body.connectNum === undefined ? {} : { sessionsMax: body.connectNum }),
        ...(status === undefined ? {} : { status }),
      });
      return {};
    },
  });
  registerRoute(app, {
    method: "DELETE",
    url: `${base}/users/:userId`,
    access: "administer",
    summary: "Deletes a user and ends the sessions.",
    reply: VoidAnswer,
    handle: async ({ actor, params }) => {
      await users.remove(actor, params.userId ?? "");
      return {};
    },
  });
  registerRoute(app, {
    method: "POST",
    url: `${base}/users/:userId/setRoles`,
    access: "administer",
    summary: "Sets the roles of a user.",
    body: SetRolesRequest,
    reply: VoidAnswer,
    handle: async ({ actor, params, body }) => {
      if ((body.rightType ?? RIGHT_TYPE) !== RIGHT_TYPE) throw identityErrors.rightTypeFixed();
      await users.modify(actor, params.userId ?? "", { roles: body.roles });
      return {};
    },
  });
  for (const [action, status] of [
    ["lockUser", "locked"],
    ["unLockUser", "active"],
  ] as const) {
    registerRoute(app, {
      method: "POST",
      url: `${base}/users/${action}`,
      access: "administer",
      summary:
        status === "locked" ? "Locks a user." : "Unlocks a user, also one locked after wrong passwords.",
      body: UserReference,
      reply: VoidAnswer,
      handle: async ({ actor, body }) => {
        await users.setStatus(actor, body.userId, status);
        return {};
      },
    });
  }
}

function registerPasswords(app: FastifyInstance, base: string, parts: UserRouteParts): void {
  registerRoute(app, {
    method: "POST",
    url: `${base}/users/password/modify`,
    // Whoever must change the password cannot log in before; everybody else needs a session, which is checked inside.
    access: "public",
    summary: "Changes the own password; without a session only when it must be changed before logging in.",
    body: ModifyPasswordRequest,
    reply: VoidAnswer,
    handle: async ({ body, request }) => {
      const { token } = request.caller;
      const actor = token === "" ? undefined : await parts.cache.authenticate(token);
      if (token !== "" && !actor) throw identityErrors.notLoggedIn();
      if (actor) request.actor = actor;
      await parts.changePassword({
        ...body,
        clientAddress: request.ip,
        session: actor ? { actor, token } : undefined,
      });
      return {};
    },
  });
  registerRoute(app, {
    method: "POST",
    url: `${base}/users/password/reset`,
    access: "administer",
    summary: "Sets the password of a user and ends the sessions.",
    body: ResetPasswordRequest,
    reply: VoidAnswer,
    handle: async ({ body }) => {
      await parts.users.resetPassword(body.userId, body.password);
      return {};
    },
  });
}

export function requireOrdinaryMode(rightType: number | undefined): void {
  if ((rightType ?? RIGHT_TYPE) !== RIGHT_TYPE) throw identityErrors.rightTypeMismatch();
}
