import { CurrentSession, SessionAnswer, VersionsAnswer, VoidAnswer } from "@sinter/northbound";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { registerRoute } from "../http/route.ts";
import type { SessionService } from "./session.service.ts";
import { readLogin, toSessionAnswer, VERSIONS } from "./session.wire.ts";

export function registerSessionRoutes(app: FastifyInstance, sessions: SessionService): void {
  registerRoute(app, {
    method: "GET",
    url: "/service/versions",
    access: "public",
    summary: "Versions of this interface, oldest first.",
    reply: VersionsAnswer,
    handle: async () => VERSIONS,
  });
  registerRoute(app, {
    method: "POST",
    url: "/service/session",
    access: "public",
    summary:
      "Logs in with the headers X-Auth-User and X-Auth-Key; the token comes as the header X-Auth-Token.",
    reply: SessionAnswer,
    handle: async ({ request, reply }) => {
      const session = await sessions.login(readLogin(request.headers, request.ip));
      reply.header("X-Auth-Token", session.token);
      return toSessionAnswer(session);
    },
  });
  registerRoute(app, {
    method: "DELETE",
    url: "/service/session",
    access: "session",
    summary: "Logs out.",
    reply: VoidAnswer,
    handle: async ({ request }) => {
      await sessions.logout(tokenOf(request));
      return {};
    },
  });
  registerRoute(app, {
    method: "GET",
    url: "/sinter/v1/session",
    access: "session",
    summary: "Who the caller is and what the caller may do.",
    reply: CurrentSession,
    handle: async ({ actor }) => ({
      userId: actor.userId,
      userName: actor.userName,
      roles: actor.roles,
      access: actor.access,
      privilegeIds: await sessions.lackingRights(actor.roles),
    }),
  });
}

/** `""` without one. */
export function tokenOf(request: FastifyRequest): string {
  const token = request.headers["x-auth-token"];
  return typeof token === "string" ? token : "";
}
