import {
  CreatedJoinToken,
  CreateJoinTokenRequest,
  JoinTokenList,
  objectUrn,
  VoidAnswer,
  type WireJoinToken,
} from "@sinter/northbound";
import { ENROLMENT_PATH, EnrolmentReply, EnrolmentRequest } from "@sinter/southbound";
import type { FastifyInstance } from "fastify";
import { registerRoute } from "../http/route.ts";
import type { EnrolmentService } from "./enrolment.service.ts";
import type { JoinTokenRow } from "./join-token.store.ts";
import type { JoinTokenService } from "./join-token.service.ts";

export interface EnrolmentRouteParts {
  readonly joinTokens: JoinTokenService;
  readonly enrolment: EnrolmentService;
  /** Runs an enrolment, slowing down a client whose enrolments keep failing. */
  readonly guard: <T>(clientAddress: string, work: () => Promise<T>) => Promise<T>;
  readonly siteId: () => string;
  readonly now: () => number;
  /** `host:port` where agents find the manager; absent: as the caller found it. */
  readonly managerAddress?: string | undefined;
}

const JOIN_TOKENS = "/sinter/v1/join-tokens";

export function registerEnrolmentRoutes(app: FastifyInstance, parts: EnrolmentRouteParts): void {
  registerRoute(app, {
    method: "POST",
    url: JOIN_TOKENS,
    access: "administer",
    summary: "Makes a one-time token by which a host joins.",
    body: CreateJoinTokenRequest,
    reply: CreatedJoinToken,
    handle: async ({ body, actor, request }) =>
      await parts.joinTokens.create({
        ...body,
        createdBy: actor.userName,
        managerAddress: parts.managerAddress ?? request.host,
      }),
  });
  registerRoute(app, {
    method: "GET",
    url: JOIN_TOKENS,
    access: "administer",
    summary: "Lists join tokens without their secrets, newest first.",
    query: { limit: "Page size, 1 to 100.", offset: "Tokens to skip." },
    reply: JoinTokenList,
    handle: async ({ query }) => {
      const { total, tokens } = await parts.joinTokens.list(query.page());
      return { total, joinTokens: tokens.map((token) => toWire(token, parts)) };
    },
  });
  registerRoute(app, {
    method: "DELETE",
    url: `${JOIN_TOKENS}/:tokenId`,
    access: "administer",
    summary: "Withdraws a join token.",
    reply: VoidAnswer,
    handle: async ({ params }) => {
      await parts.joinTokens.remove(params.tokenId ?? "");
      return {};
    },
  });
  registerRoute(app, {
    method: "POST",
    url: ENROLMENT_PATH,
    // The join token in the body is the proof.
    access: "public",
    summary: "A host joins: its agent trades a join token and a certificate request for a certificate.",
    body: EnrolmentRequest,
    readsBodyRaw: true,
    reply: EnrolmentReply,
    handle: async ({ body, request }) => await parts.guard(request.ip, () => parts.enrolment.enrol(body)),
  });
}

function toWire(token: JoinTokenRow, parts: EnrolmentRouteParts): WireJoinToken {
  const urn = (kind: "clusters" | "hosts", id: number | null): string | null =>
    id === null ? null : objectUrn(parts.siteId(), kind, id);
  return {
    id: token.id,
    clusterUrn: urn("clusters", token.clusterId),
    rejoiningHostUrn: urn("hosts", token.rejoiningHostId),
    createdBy: token.createdBy,
    createdAt: String(token.createdAt.getTime()),
    expiresAt: String(token.expiresAt.getTime()),
    status: token.usedAt !== null ? "used" : token.expiresAt.getTime() <= parts.now() ? "expired" : "valid",
    usedByHost: token.usedByHost,
  };
}
