import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type Clock, type Log, readIfThere, writeFileAtomic } from "@sinter/kit";
import { type AuditVerification, vmWireId } from "@sinter/northbound";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Database } from "../database/database.ts";
import type { Page } from "../http/query.ts";
import { type Actor, headerText } from "../identity/index.ts";
import { type AuditRecord, auditText } from "./audit.ts";
import { AuditAnchor } from "./audit-anchor.ts";
import { registerAuditRoutes } from "./audit.routes.ts";
import { type AuditFilter, auditStore } from "./audit.store.ts";
import { AuditWriter } from "./audit-writer.ts";
import { RefusalLimit } from "./refusal-limit.ts";
import { verifyChain } from "./verify-chain.ts";

export interface AuditOptions {
  readonly database: Database;
  /** Holds the key of the chain, a note of its end, and the journal while the database is away. */
  readonly stateDir: string;
  readonly clock: Clock;
  readonly log: Log;
}

export interface AuditService extends AsyncDisposable {
  /**
   * For the server's `onMutation`: records a call before its answer is sent. The answer of a recorded call implies a
   * record that outlives this process, in the database or, while that is away, in the journal on the manager's disk.
   */
  recordCall(request: FastifyRequest, reply: FastifyReply, actor: Actor | undefined): Promise<void>;
  /** Records what somebody did on the manager's machine itself, outside the API. */
  recordLocal(userName: string, action: string): Promise<void>;
  /** Records the begin or the end of a console; `code` is the close code of its WebSocket, 0 while it is open. */
  recordConsole(
    event: "OPEN" | "CLOSE",
    console: { kind: string; vmId: number; userName: string; clientAddress: string },
    code: number,
  ): Promise<void>;
  list(filter: AuditFilter, page: Page): Promise<{ total: number; records: AuditRecord[] }>;
  /** Reads the whole chain; some 100,000 records a second. */
  verifyAuditChain(): Promise<AuditVerification>;
  /** Takes over the journal when there is one, and notes outside the database how far the chain goes; once a minute. */
  sweep(): Promise<void>;
  routes(app: FastifyInstance): void;
}

const KEY_BYTES = 32;

export async function createAudit(options: AuditOptions): Promise<AuditService> {
  const { database, stateDir, clock, log } = options;
  const key = await openKey(join(stateDir, "audit.key"));
  const writer = new AuditWriter({ database, key, log, journalFile: join(stateDir, "audit-journal.ndjson") });
  const anchor = new AuditAnchor(join(stateDir, "audit-anchor.json"));
  const refusals = new RefusalLimit(clock, log);

  const service: AuditService = {
    recordCall: async (request, reply, actor) => {
      // A path that does not exist changes nothing.
      if (request.is404) return;
      const status = reply.statusCode;
      if (!actor && status >= 400 && !refusals.admits(request.ip)) return;
      await writer.record({
        at: new Date(clock.now()),
        userName: auditText(
          actor?.userName ?? request.triedName ?? headerText(request.headers, "x-auth-user") ?? "",
          128,
        ),
        clientAddress: auditText(request.ip, 64),
        method: request.method,
        path: auditText(request.url.split("?", 1)[0] ?? "", 512),
        status,
        errorCode: reply.sinterErrorCode ?? "",
        taskUrn: reply.sinterTaskUrn ?? "",
      });
    },
    recordLocal: (userName, action) =>
      writer.record({
        at: new Date(clock.now()),
        userName: auditText(userName, 128),
        clientAddress: "local",
        method: "LOCAL",
        path: auditText(action, 512),
        status: 200,
        errorCode: "",
        taskUrn: "",
      }),
    recordConsole: (event, { kind, vmId, userName, clientAddress }, code) =>
      writer.record({
        at: new Date(clock.now()),
        userName: auditText(userName, 128),
        clientAddress: auditText(clientAddress, 64),
        method: event,
        path: `/sinter/v1/vms/${vmWireId(vmId)}/console/${kind}`,
        status: code,
        errorCode: "",
        taskUrn: "",
      }),
    list: (filter, page) => auditStore(database.db).list(filter, page),
    verifyAuditChain: async () => await verifyChain(auditStore(database.db), key, await anchor.read()),
    sweep: async () => {
      await writer.takeOverJournal();
      const head = await auditStore(database.db).findHead();
      if (head) await anchor.write(head);
    },
    routes: (app) => registerAuditRoutes(app, service),
    [Symbol.asyncDispose]: () => writer[Symbol.asyncDispose](),
  };
  await service.sweep();
  return service;
}

async function openKey(file: string): Promise<Buffer> {
  const text = await readIfThere(file);
  if (text !== undefined) {
    const key = Buffer.from(text.trim(), "base64url");
    if (key.length !== KEY_BYTES) throw new Error(`${file} does not hold the key of the audit chain.`);
    return key;
  }
  const key = randomBytes(KEY_BYTES);
  await writeFileAtomic(file, `${key.toString("base64url")}\n`);
  return key;
}
