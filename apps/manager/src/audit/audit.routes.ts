import { AuditList, AuditVerification, type WireAuditRecord } from "@sinter/northbound";
import type { FastifyInstance } from "fastify";
import { registerRoute } from "../http/route.ts";
import type { AuditRecord } from "./audit.ts";
import type { AuditService } from "./audit.service.ts";

export function registerAuditRoutes(
  app: FastifyInstance,
  audit: Pick<AuditService, "list" | "verifyAuditChain">,
): void {
  registerRoute(app, {
    method: "GET",
    url: "/sinter/v1/audit",
    access: "administer",
    summary: "Lists what was changed by whom, newest first.",
    query: {
      limit: "Page size, 1 to 100; default 100.",
      offset: "Records to skip.",
      user: "Part of the user's name.",
      since: "Epoch seconds or milliseconds, or `yyyy-MM-dd HH:mm:ss` UTC.",
    },
    reply: AuditList,
    handle: async ({ query }) => {
      const filter = { userName: query.text("user"), since: query.time("since") };
      const page = query.page(100);
      // There may be millions: here `limit=0` does not mean all of them.
      const { total, records } = await audit.list(filter, { ...page, limit: page.limit ?? 100 });
      return { total, records: records.map(toWire) };
    },
  });
  registerRoute(app, {
    method: "GET",
    url: "/sinter/v1/audit/verification",
    access: "administer",
    summary: "Checks that no record was changed or removed.",
    reply: AuditVerification,
    handle: async () => await audit.verifyAuditChain(),
  });
}

function toWire(record: AuditRecord): WireAuditRecord {
  return {
    sequence: record.sequence,
    at: String(record.at.getTime()),
    userName: record.userName,
    clientAddress: record.clientAddress,
    method: record.method,
    path: record.path,
    status: record.status,
    errorCode: record.errorCode,
    taskUrn: record.taskUrn,
    hash: record.hash,
  };
}
