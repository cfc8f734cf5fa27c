import { createHash, randomBytes } from "node:crypto";
import type { Clock } from "@sinter/kit";

export type ConsoleKind = "vnc" | "serial";

/** What a ticket opens, and for whom. */
export interface Grant {
  readonly kind: ConsoleKind;
  readonly vmId: number;
  readonly userId: string;
  readonly userName: string;
  /** Of the login session that asked: the console ends with it. */
  readonly token: string;
  /** For VNC authentication in this session. */
  readonly password: string;
}

/** Long enough for a browser to open a window and connect. */
export const TICKET_MS = 30_000;
/** One user's tickets that wait to be redeemed; a further one takes the place of the oldest. */
const PER_USER_MAX = 32;

interface Entry {
  readonly grant: Grant;
  readonly expiresAt: number;
}

/**
 * Tickets that wait to be redeemed. In memory: one manager is active at a time, a ticket lives for seconds, and a
 * browser that finds the manager restarted asks for another. Known by their hash alone, so that no dump of memory or
 * log of a key shows one.
 */
export class TicketBook {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** 256 random bits. */
  issue(grant: Grant): string {
    this.#forgetExpired();
    const waiting = [...this.#entries].filter(([, entry]) => entry.grant.userId === grant.userId);
    for (const [hash] of waiting.slice(0, Math.max(waiting.length - PER_USER_MAX + 1, 0))) {
      this.#entries.delete(hash);
    }
    const ticket = randomBytes(32).toString("base64url");
    this.#entries.set(hashOf(ticket), { grant, expiresAt: this.#clock.now() + TICKET_MS });
    return ticket;
  }

  /** Once: afterwards the ticket is worth nothing, whatever becomes of the connection. */
  redeem(ticket: string): Grant | undefined {
    const hash = hashOf(ticket);
    const entry = this.#entries.get(hash);
    this.#entries.delete(hash);
    return entry && this.#clock.now() < entry.expiresAt ? entry.grant : undefined;
  }

  get size(): number {
    this.#forgetExpired();
    return this.#entries.size;
  }

  #forgetExpired(): void {
    const now = this.#clock.now();
    for (const [hash, { expiresAt }] of this.#entries) {
      // In order of issue, and all live equally long.
      if (expiresAt > now) break;
      this.#entries.delete(hash);
    }
  }
}

function hashOf(ticket: string): string {
  return createHash("sha256").update(ticket).digest("base64url");
}
