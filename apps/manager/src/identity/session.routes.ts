import { SessionAnswer, VersionsAnswer, VoidAnswer } from "@sinter/northbound";
import type { FastifyInstance } from "fastify";
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
      await sessions.logout(request.caller.token);
      return {};
    },
  });
}
