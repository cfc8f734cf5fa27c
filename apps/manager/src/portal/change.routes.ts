import { ChangeEvent } from "@sinter/northbound";
import type { FastifyInstance } from "fastify";
import { registerRoute, TAKEN_OVER } from "../http/route.ts";
import { allows } from "../http/server.ts";
import type { Actor } from "../identity/index.ts";
import type { ChangeStream } from "./change-stream.ts";

export function registerChangeRoute(
  app: FastifyInstance,
  parts: {
    changes: ChangeStream;
    authenticate: (token: string, isBackground?: boolean) => Promise<Actor | undefined>;
  },
): void {
  registerRoute(app, {
    method: "GET",
    url: "/sinter/v1/changes",
    access: "read",
    // A window that is left open shall not keep its user logged in.
    isBackground: true,
    summary:
      "What changes, as server-sent events: `change` with kind and URNs within a second, `ping` every 15 s. After each connection look at everything once.",
    reply: ChangeEvent,
    replyType: "text/event-stream",
    handle: async ({ actor, request, reply }) => {
      const { token } = request.caller;
      const isStillAllowed = async (): Promise<boolean> => {
        const now = await parts.authenticate(token, true);
        return now !== undefined && allows(now.access, "read");
      };
      parts.changes.open(reply.raw, { userId: actor.userId, isStillAllowed });
      reply.hijack();
      return TAKEN_OVER;
    },
  });
}
