import { joinSecretMatches, parseJoinToken } from "@sinter/agent-link";
import type { Clock, Log } from "@sinter/kit";
import { EnrolmentRequest, type EnrolmentReply, MANAGER_NAME } from "@sinter/southbound";
import { sql } from "drizzle-orm";
import { Compile } from "typebox/compile";
import * as Value from "typebox/value";
import type { Database, Db } from "../database/database.ts";
import { nextId } from "../database/ids.ts";
import { hostStore } from "../host/host.store.ts";
import type { AuthorityStore } from "./authority.ts";
import { enrolmentErrors } from "./enrolment.errors.ts";
import { type JoinTokenRow, joinTokenStore } from "./join-token.store.ts";

/*
 * A host joins.
 *
 * | at the same time                    | what makes it safe                                                    |
 * |-------------------------------------|-----------------------------------------------------------------------|
 * | two hosts with one token            | the token's row is held: the second finds it used                     |
 * | one host with two tokens            | an advisory lock per host UUID: one row, the later address            |
 * | a failure or a crash before the end | token, host row and its certificate's date change in one transaction  |
 * | the answer is lost on the way       | the token is used; the host needs another one, which keeps its id     |
 */

export interface EnrolmentParts {
  readonly database: Database;
  readonly authority: AuthorityStore;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether the manager has this host's event stream. */
  readonly isConnected: (hostId: number) => boolean;
  /** Called after the host's row is committed. */
  readonly onEnrolled: (hostId: number) => Promise<void>;
}

/** Names and addresses: nothing that could become part of a URL or a command. */
const ADDRESS = /^[A-Za-z0-9][A-Za-z0-9.:_-]*(?:%[A-Za-z0-9._-]+)?$|^:[A-Fa-f0-9:.]+(?:%[A-Za-z0-9._-]+)?$/;

const requestSchema = Compile(EnrolmentRequest);

export type EnrolmentService = ReturnType<typeof createEnrolmentService>;

export function createEnrolmentService(parts: EnrolmentParts) {
  const { database, authority, clock, log } = parts;

  async function takeToken(db: Db, request: EnrolmentRequest): Promise<JoinTokenRow> {
    const { id, secret } = parseJoinToken(request.token);
    const row = await joinTokenStore(db).lock(id);
    // Compared also when there is no row, with nothing that could match.
    if (!joinSecretMatches(secret, row?.secretHash ?? "") || !row) throw enrolmentErrors.tokenRefused();
    if (row.usedAt !== null) throw enrolmentErrors.tokenUsed();
    const now = clock.now();
    if (row.expiresAt.getTime() <= now) throw enrolmentErrors.tokenExpired();
    if (!(await joinTokenStore(db).use(id, request.hostUuid, new Date(now))))
      throw enrolmentErrors.tokenUsed();
    return row;
  }

  /** Gives the id, which a host keeps when it joins again. */
  async function writeHost(
    db: Db,
    request: EnrolmentRequest,
    token: JoinTokenRow,
    certificateNotAfter: Date,
  ): Promise<number> {
    const hosts = hostStore(db);
    const { hostUuid, address, port, report } = request;
    const there = await hosts.findByUuid(hostUuid);
    if (token.rejoiningHostId !== null && token.rejoiningHostId !== there?.id)
      throw enrolmentErrors.tokenOfOtherHost();
    if (!there) {
      const id = await nextId(db);
      await hosts.insert({
        id,
        uuid: hostUuid,
        clusterId: token.clusterId,
        name: report.hostname,
        address,
        port,
        report,
        certificateNotAfter,
      });
      return id;
    }
    // Whoever holds a token must not be able to take a working host's place.
    const isElsewhere = there.address !== address && parts.isConnected(there.id);
    if (isElsewhere && token.rejoiningHostId === null) {
      throw enrolmentErrors.connectedElsewhere(hostUuid, there.address);
    }
    await hosts.update(there.id, {
      address,
      port,
      certificateNotAfter,
      ...(token.clusterId === null ? {} : { clusterId: token.clusterId }),
    });
    await hosts.saveReport(there.id, report, new Date(clock.now()));
    return there.id;
  }

  return {
    /** Throws ENROLMENT_INVALID, one of the JOIN_TOKEN_… codes, CSR_MALFORMED or HOST_CONNECTED_ELSEWHERE. */
    async enrol(body: unknown): Promise<EnrolmentReply> {
      const request = readRequest(body);
      const { hostUuid } = request;
      const joined = await database.transaction(async ({ db }) => {
        await db.execute(sql`select pg_advisory_xact_lock(hashtextextended(${hostUuid}, 0))`);
        const token = await takeToken(db, request);
        const { certificatePem, notAfter } = await authority.issueForHost(request.csr, hostUuid);
        return { certificatePem, hostId: await writeHost(db, request, token, notAfter) };
      });
      log.info({ hostId: joined.hostId, hostUuid, address: request.address }, "a host joined");
      // The host has joined whatever happens now; the fleet finds it at its next look as well.
      await parts.onEnrolled(joined.hostId).catch((error: unknown) => {
        log.warn({ hostId: joined.hostId, err: error }, "connecting to a host that has just joined failed");
      });
      return {
        hostUuid,
        certificate: joined.certificatePem,
        ca: authority.caPem,
        managerName: MANAGER_NAME,
      };
    },
  };
}

/** Strict, unlike the contract's bodies: an agent is ours. Fields we do not know are not stored. */
function readRequest(body: unknown): EnrolmentRequest {
  if (!requestSchema.Check(body)) {
    const [fault] = requestSchema.Errors(body);
    throw enrolmentErrors.requestInvalid(
      `${fault?.instancePath.slice(1) || "the body"} ${fault?.message ?? ""}`,
    );
  }
  if (!ADDRESS.test(body.address))
    throw enrolmentErrors.requestInvalid("the address is no name or IP address");
  if (body.report.hostUuid !== body.hostUuid)
    throw enrolmentErrors.requestInvalid("the report is of another host");
  if (holdsUnstorableText(body.report))
    throw enrolmentErrors.requestInvalid("the report holds a zero character or half a letter");
  return Value.Clean(EnrolmentRequest, body) as EnrolmentRequest; // it fits, and loses only what we do not know
}

/** JSON columns take neither U+0000 nor lone surrogates. */
function holdsUnstorableText(value: unknown): boolean {
  if (typeof value === "string") return value.includes("\0") || !value.isWellFormed();
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(value).some(([key, item]) => holdsUnstorableText(key) || holdsUnstorableText(item));
}
