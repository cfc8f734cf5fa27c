import { makeJoinToken } from "@sinter/agent-link";
import type { Clock } from "@sinter/kit";
import { type CreatedJoinToken, parseUrn } from "@sinter/northbound";
import type { Db } from "../database/database.ts";
import { pgCode, violatedConstraint } from "../database/database.ts";
import type { Page } from "../http/query.ts";
import type { AuthorityStore } from "./authority.ts";
import { enrolmentErrors } from "./enrolment.errors.ts";
import { type JoinTokenRow, joinTokenStore } from "./join-token.store.ts";

export interface JoinTokenDraft {
  readonly clusterUrn?: string | undefined;
  readonly rejoiningHostUrn?: string | undefined;
  /** Default 60. */
  readonly validMinutes?: number | undefined;
  readonly createdBy: string;
  /** Where the agent will find the manager: `host:port`. */
  readonly managerAddress: string;
}

const VALID_MINUTES = 60;
/** How long a token can still be seen in the list after it is worth nothing. */
const SHOWN_AFTER_MS = 7 * 86_400_000;
const FOREIGN_KEY_VIOLATION = "23503";

export type JoinTokenService = ReturnType<typeof createJoinTokenService>;

export function createJoinTokenService(parts: {
  db: Db;
  authority: AuthorityStore;
  clock: Clock;
  siteId: () => string;
}) {
  const { db, authority, clock } = parts;

  /** Throws `fault` for a URN of another kind or site. */
  function readUrn(urn: string, kind: "clusters" | "hosts", fault: (urn: string) => Error): number {
    const parsed = parseUrn(urn);
    const fits = parsed?.kind === kind && parsed.siteId === parts.siteId() && parsed.child === undefined;
    if (!fits || parsed.id === undefined) throw fault(urn);
    return parsed.id;
  }

  return {
    async create(draft: JoinTokenDraft): Promise<CreatedJoinToken> {
      const { clusterUrn, rejoiningHostUrn } = draft;
      const clusterId = clusterUrn ? readUrn(clusterUrn, "clusters", enrolmentErrors.clusterMissing) : null;
      const rejoiningHostId = rejoiningHostUrn
        ? readUrn(rejoiningHostUrn, "hosts", enrolmentErrors.hostMissing)
        : null;
      const now = clock.now();
      const expiresAt = new Date(now + (draft.validMinutes ?? VALID_MINUTES) * 60_000);
      const { id, token, secretHash } = makeJoinToken({ caPem: authority.caPem });
      try {
        await joinTokenStore(db).insert({
          id,
          secretHash,
          clusterId,
          rejoiningHostId,
          createdBy: draft.createdBy,
          createdAt: new Date(now),
          expiresAt,
        });
      } catch (error) {
        if (pgCode(error) !== FOREIGN_KEY_VIOLATION) throw error;
        throw violatedConstraint(error)?.includes("host")
          ? enrolmentErrors.hostMissing(rejoiningHostUrn ?? "")
          : enrolmentErrors.clusterMissing(clusterUrn ?? "");
      }
      return {
        id,
        token,
        expiresAt: String(expiresAt.getTime()),
        command: joinCommand(token, draft.managerAddress),
      };
    },

    async list(page: Page): Promise<{ total: number; tokens: JoinTokenRow[] }> {
      await joinTokenStore(db).removeExpired(new Date(clock.now() - SHOWN_AFTER_MS));
      return await joinTokenStore(db).list(page);
    },

    /** Throws JOIN_TOKEN_MISSING. */
    async remove(id: string): Promise<void> {
      if (!(await joinTokenStore(db).remove(id))) throw enrolmentErrors.tokenMissing();
    },
  };
}

/** The token goes in by standard input: arguments can be read by every user of the host. */
function joinCommand(token: string, managerAddress: string): string {
  // It will be pasted into a root shell, and the address may come from the caller's own Host header.
  const address = /^[A-Za-z0-9.:[\]-]+$/.test(managerAddress) ? managerAddress : "MANAGER";
  return `printf '%s' '${token}' | sinter-agent join ${address} --token-file -`;
}
