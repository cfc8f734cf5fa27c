import type { Duplex } from "node:stream";
import type { Log } from "@sinter/kit";
import type { WebSocket } from "ws";
import { joinSocket } from "../http/socket-pipe.ts";
import { allows } from "../http/server.ts";
import type { Actor } from "../identity/user.ts";
import { consoleErrors } from "./console.errors.ts";
import type { ConsoleKind } from "./ticket-book.ts";

/** Why a console ended, as WebSocket close codes; 4000 and above are ours. */
export const CLOSE = {
  stopped: [1000, "the VM has stopped"],
  /** The way to the VM broke, or it was moved: a new ticket leads there again. */
  lost: [1012, "the connection to the VM was lost; connect again"],
  loggedOut: [4401, "you are logged out"],
  noRight: [4403, "you may not operate VMs any more"],
  taken: [4409, "somebody else has opened the serial line"],
} as const satisfies Record<string, readonly [code: number, reason: string]>;
type End = readonly [code: number, reason: string];

/** Consoles of one VM at once; QEMU itself takes 32 viewers. */
export const PER_VM_MAX = 16;
/** So soon a console ends whose user was logged out or lost the right. */
export const RECHECK_MS = 60_000;

export interface SessionFacts {
  readonly kind: ConsoleKind;
  readonly vmId: number;
  readonly userName: string;
  /** Of the login session that it ends with. */
  readonly token: string;
  readonly clientAddress: string;
}

/** A place among the consoles of a VM; taken before the line is opened, so that the limit holds. */
export interface Place {
  /** Joins the two until either ends. `whyEnded` is asked when the VM's side ends by itself. */
  connect(client: WebSocket, line: Duplex, whyEnded: () => Promise<End>): void;
  /** Gives it up when nothing came of it; no harm afterwards. */
  leave(): void;
}

export type ConsoleSessions = ReturnType<typeof createConsoleSessions>;

/** All open consoles of this manager. */
export function createConsoleSessions(parts: {
  readonly authenticate: (token: string, isBackground?: boolean) => Promise<Actor | undefined>;
  /** Opened and closed, for the audit records. `code` is that of the WebSocket's end. */
  readonly record: (event: "OPEN" | "CLOSE", facts: SessionFacts, code: number) => Promise<void>;
  readonly log: Log;
}) {
  const { log } = parts;
  interface Session {
    readonly facts: SessionFacts;
    client: WebSocket | undefined;
  }
  const byVm = new Map<number, Set<Session>>();

  function recorded(event: "OPEN" | "CLOSE", facts: SessionFacts, code: number): void {
    const { kind, vmId, userName, clientAddress } = facts;
    log.info({ kind, vmId, userName, clientAddress, code, event }, "console");
    parts.record(event, facts, code).catch((error: unknown) => {
      log.error({ err: error, vmId }, "recording a console failed");
    });
  }

  /** Not by a request of the user's own: an open console must not keep its user logged in for ever. */
  async function whyNot(token: string): Promise<End | undefined> {
    const actor = await parts.authenticate(token, true);
    if (!actor) return CLOSE.loggedOut;
    return allows(actor.access, "operate") ? undefined : CLOSE.noRight;
  }

  const sessions = {
    /** Throws CONSOLES_TOO_MANY. A serial line has one reader: who had it before loses it. */
    take(facts: SessionFacts): Place {
      const { vmId, kind } = facts;
      const ofVm = byVm.get(vmId) ?? new Set<Session>();
      if (kind === "serial") {
        for (const other of ofVm) if (other.facts.kind === "serial") other.client?.close(...CLOSE.taken);
      }
      if (ofVm.size >= PER_VM_MAX) throw consoleErrors.tooMany(vmId, PER_VM_MAX);
      const session: Session = { facts, client: undefined };
      byVm.set(vmId, ofVm.add(session));
      const leave = (): void => {
        ofVm.delete(session);
        if (ofVm.size === 0 && byVm.get(vmId) === ofVm) byVm.delete(vmId);
      };
      return {
        leave: () => {
          if (session.client === undefined) leave();
        },
        connect: (client, line, whyEnded) => {
          session.client = client;
          recorded("OPEN", facts, 0);
          client.once("close", (code: number) => recorded("CLOSE", facts, code));
          const onLineEnd = (): void => {
            whyEnded().then(
              (end) => client.close(...end),
              () => client.close(...CLOSE.lost),
            );
          };
          joinSocket(client, line, leave, onLineEnd);
        },
      };
    },

    /** Ends the consoles of those who are logged out or may not operate any more; call it every RECHECK_MS. */
    async recheck(): Promise<void> {
      const open = [...byVm.values()].flatMap((ofVm) => [...ofVm]);
      const ends = new Map<string, Promise<End | undefined>>();
      for (const { facts, client } of open) {
        if (client === undefined) continue;
        const asked = ends.get(facts.token) ?? whyNot(facts.token);
        ends.set(facts.token, asked);
        const end = await asked;
        if (end) client.close(...end);
      }
    },

    countOf: (vmId: number): number => byVm.get(vmId)?.size ?? 0,
  };
  return sessions;
}
