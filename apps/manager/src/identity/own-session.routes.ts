import { AppError } from "@sinter/kit";
import {
  ChangeOwnPasswordRequest,
  CurrentSession,
  LoginRequest,
  siteUrn,
  VoidAnswer,
  type WireError,
} from "@sinter/northbound";
import type { FastifyInstance, FastifyReply } from "fastify";
import { csrfOf, isOwnOrigin, SESSION_COOKIE } from "../http/caller.ts";
import { doorOf } from "../http/doors.ts";
import { registerRoute } from "../http/route.ts";
import { identityErrors, identityWireErrors } from "./identity.errors.ts";
import { keyOfPassword } from "./password.ts";
import type { createPasswordChange } from "./password-change.ts";
import type { SessionService } from "./session.service.ts";
import type { Actor } from "./user.ts";

/** What a logged-in user is told of the manager. */
export interface About {
  readonly siteId: string;
  readonly siteName: string;
  readonly version: string;
}

/** Why a login is refused; here with 401, where the contract's own login says 400. */
const REFUSALS = [
  "CREDENTIALS_WRONG",
  "USER_NOW_LOCKED",
  "USER_LOCKED",
  "USER_LOCKED_BY_ADMINISTRATOR",
  "USER_INACTIVE",
  "USER_WITHOUT_ROLE",
  "TOO_MANY_SESSIONS",
] as const satisfies readonly (keyof typeof identityWireErrors)[];

export const ownSessionWireErrors: Readonly<Record<string, WireError>> = Object.fromEntries(
  REFUSALS.map((code) => [`LOGIN_${code}`, { ...identityWireErrors[code], http: 401 as const }]),
);

/**
 * Sessions as the portal uses them, under `/sinter/v1/session`. On the portal's port the token lives in a cookie that
 * scripts cannot read; on the API's it comes in X-Auth-Token, as the contract's login gives it.
 */
export function registerOwnSessionRoutes(
  app: FastifyInstance,
  parts: {
    sessions: SessionService;
    changePassword: ReturnType<typeof createPasswordChange>;
    about: () => About;
  },
): void {
  const { sessions } = parts;
  const url = "/sinter/v1/session";

  async function describe(
    actor: Actor,
    caller: { token: string; isCookie: boolean },
  ): Promise<CurrentSession> {
    const { siteId, siteName, version } = parts.about();
    return {
      userId: actor.userId,
      userName: actor.userName,
      roles: [...actor.roles],
      access: actor.access,
      privilegeIds: await sessions.lackingRights(actor.roles),
      mustChangePassword: actor.isPasswordDue === true,
      siteId,
      siteName,
      siteUrn: siteUrn(siteId),
      version,
      csrf: caller.isCookie ? csrfOf(caller.token) : "",
    };
  }

  registerRoute(app, {
    method: "POST",
    url,
    access: "public",
    summary:
      "Logs in. The session comes as a cookie on the portal's port, as the header X-Auth-Token elsewhere. Also when the password must be changed first: then the session is good for that only.",
    body: LoginRequest,
    reply: CurrentSession,
    handle: async ({ body, request, reply }) => {
      // Nobody may log somebody in under another name by a page of another site.
      if (isOwnOrigin(request.raw) === false && doorOf(request.raw) === "portal") {
        throw new AppError("forbidden", "REQUEST_FORGED", "Another site's page may not log in here.");
      }
      request.triedName = body.userName;
      const login = {
        userName: body.userName.normalize("NFC"),
        key: keyOfPassword(body.password),
        isDomainUser: false,
        clientAddress: request.ip,
        mayChangePassword: true,
      };
      const session = await sessions.login(login).catch((error: unknown) => refuse(error, reply));
      const actor = await sessions.actorOf(session.token);
      // Taken back between the two: the next try says why.
      if (!actor) throw identityErrors.notLoggedIn();
      request.actor = actor;
      const isCookie = doorOf(request.raw) === "portal";
      if (isCookie) setCookie(reply, session.token);
      else reply.header("X-Auth-Token", session.token);
      return await describe(actor, { token: session.token, isCookie });
    },
  });

  registerRoute(app, {
    method: "GET",
    url,
    access: "session",
    summary: "Who the caller is and what the caller may do.",
    reply: CurrentSession,
    handle: async ({ actor, request }) => await describe(actor, request.caller),
  });

  registerRoute(app, {
    method: "DELETE",
    url,
    access: "session",
    summary: "Logs out.",
    reply: VoidAnswer,
    handle: async ({ request, reply }) => {
      await sessions.logout(request.caller.token);
      if (request.caller.isCookie) clearCookie(reply);
      return {};
    },
  });

  registerRoute(app, {
    method: "PUT",
    url: `${url}/password`,
    access: "session",
    summary: "Changes the own password; other sessions of the user end.",
    body: ChangeOwnPasswordRequest,
    reply: CurrentSession,
    handle: async ({ actor, body, request }) => {
      const { caller } = request;
      await parts.changePassword({
        oldPassword: body.oldPassword,
        password: body.newPassword,
        clientAddress: request.ip,
        session: { actor, token: caller.token },
      });
      // The session may now do more than it could.
      return await describe((await sessions.actorOf(caller.token)) ?? actor, caller);
    },
  });
}

/** The same refusal with 401, and with the end of a lock for whoever waits for it. */
function refuse(error: unknown, reply: FastifyReply): never {
  if (!(error instanceof AppError) || !(REFUSALS as readonly string[]).includes(error.code)) throw error;
  const { lockedUntil } = error.params;
  if (typeof lockedUntil === "string") reply.sinterErrorFields = { lockedUntil };
  throw new AppError("unauthenticated", `LOGIN_${error.code}`, error.message, { cause: error });
}

/** Ends with the browser; how long the session lives is the manager's business. */
function setCookie(reply: FastifyReply, token: string): void {
  reply.header("set-cookie", `${SESSION_COOKIE}=${token}; Path=/; HttpOnly; Secure; SameSite=Strict`);
}

function clearCookie(reply: FastifyReply): void {
  reply.header("set-cookie", `${SESSION_COOKIE}=; Path=/; HttpOnly; Secure; SameSite=Strict; Max-Age=0`);
}

declare module "fastify" {
  interface FastifyRequest {
    /** Of a login by body: for the audit record when it is refused. */
    triedName?: string;
  }
}
