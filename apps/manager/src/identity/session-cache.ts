import { createHash } from "node:crypto";
import type { Clock, Log } from "@sinter/kit";
import type { Db } from "../database/database.ts";
import { accessOf, rightsHeld } from "./rights.ts";
import { roleStore } from "./role.store.ts";
import { sessionStore } from "./session.store.ts";
import type { Actor } from "./user.ts";

/*
 * Who holds a token, without a query for each request.
 *
 * | at the same time                         | what makes it safe                                                  |
 * |------------------------------------------|---------------------------------------------------------------------|
 * | reading a session and changing its user  | `epoch`: what was read before the change is not kept, nor waited for |
 * | many requests with one unread token      | one query answers them all                                           |
 * | use and a late write-back                | a write-back only ever moves the expiry forward                      |
 * | a use and a background request           | they share what is read; only the use prolongs                       |
 * | a restart                                | a session may end up to one write-back early, never late             |
 */

export interface SessionCacheOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  /** Life of a session after its last use. */
  readonly validityMs: number;
  /** How long an answer is trusted without looking into the database again; default 10,000 ms. */
  readonly trustMs?: number;
}

interface Entry {
  readonly actor: Actor;
  readonly freshUntil: number;
  expiresAt: number;
  usedAt: number;
  writtenAt: number;
}

const WRITE_BACK_MS = 60_000;
const ENTRIES_MAX = 20_000;

export class SessionCache implements AsyncDisposable {
  readonly #options: Required<SessionCacheOptions>;
  readonly #entries = new Map<string, Entry>();
  readonly #reading = new Map<string, Promise<Entry | undefined>>();
  readonly #writing = new Set<Promise<void>>();
  readonly #writeBackMs: number;
  #epoch = 0;

  constructor(options: SessionCacheOptions) {
    this.#options = { trustMs: 10_000, ...options };
    this.#writeBackMs = Math.min(WRITE_BACK_MS, options.validityMs / 4);
  }

  /**
   * Undefined when the token is unknown, expired, or its user may not work any more. Each call extends the session,
   * except one in the background: what an open page asks by itself must not keep its user logged in for ever.
   */
  async authenticate(token: string, isBackground = false): Promise<Actor | undefined> {
    if (!/^[A-Za-z0-9-]{16,64}$/.test(token)) return undefined;
    const tokenHash = hashToken(token);
    const known = this.#entries.get(tokenHash);
    const isFresh = known !== undefined && this.#options.clock.now() < known.freshUntil;
    const entry = isFresh ? known : await this.#readOnce(tokenHash);
    if (!entry) return undefined;
    const now = this.#options.clock.now();
    if (now >= entry.expiresAt) {
      this.#entries.delete(tokenHash);
      return undefined;
    }
    if (!isBackground) this.#extend(tokenHash, entry, now);
    return entry.actor;
  }

  /** Call after the change is committed. */
  forgetSession(tokenHash: string): void {
    this.#distrustReads();
    this.#entries.delete(tokenHash);
  }

  /** Call after the change is committed. */
  forgetUser(userId: string): void {
    this.#distrustReads();
    for (const [tokenHash, entry] of this.#entries) {
      if (entry.actor.userId === userId) this.#entries.delete(tokenHash);
    }
  }

  /** Call after the change is committed. */
  forgetAll(): void {
    this.#distrustReads();
    this.#entries.clear();
  }

  /** Writes back what was used, and removes sessions that have expired. Gives how many. */
  async sweep(): Promise<number> {
    await this.#writeBackAll();
    const now = this.#options.clock.now();
    for (const [tokenHash, entry] of this.#entries) {
      if (entry.expiresAt <= now) this.#entries.delete(tokenHash);
    }
    return await sessionStore(this.#options.db).removeExpired(new Date(now));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writeBackAll();
  }

  /** What is being read now may be of before the change: it is not kept, and later requests do not wait for it. */
  #distrustReads(): void {
    this.#epoch++;
    this.#reading.clear();
  }

  #extend(tokenHash: string, entry: Entry, now: number): void {
    entry.usedAt = now;
    entry.expiresAt = now + this.#options.validityMs;
    if (now - entry.writtenAt >= this.#writeBackMs) this.#writeBack(tokenHash, entry);
  }

  async #readOnce(tokenHash: string): Promise<Entry | undefined> {
    const reading = this.#reading.get(tokenHash);
    if (reading) return await reading;
    const mine = this.#read(tokenHash);
    this.#reading.set(tokenHash, mine);
    try {
      return await mine;
    } finally {
      if (this.#reading.get(tokenHash) === mine) this.#reading.delete(tokenHash);
    }
  }

  async #read(tokenHash: string): Promise<Entry | undefined> {
    const { db, clock, trustMs } = this.#options;
    const epoch = this.#epoch;
    const known = this.#entries.get(tokenHash);
    const row = await sessionStore(db).find(tokenHash);
    const rights = row ? await roleStore(db).rightsOf(row.roles) : undefined;
    const now = clock.now();
    if (!row || !rights || row.userStatus !== "active") {
      this.#entries.delete(tokenHash);
      return undefined;
    }
    const entry: Entry = {
      actor: {
        userId: row.userId,
        userName: row.userName,
        roles: row.roles,
        // Until the password is changed the session is good for that and nothing else.
        access: row.isPasswordDue
          ? "session"
          : accessOf(rightsHeld(row.roles.map((role) => rights.get(role) ?? []))),
        isPasswordDue: row.isPasswordDue,
      },
      freshUntil: now + trustMs,
      // Uses since the last write-back are known here only.
      expiresAt: Math.max(row.expiresAt.getTime(), known?.expiresAt ?? 0),
      usedAt: known?.usedAt ?? row.lastUsedAt.getTime(),
      writtenAt: known?.writtenAt ?? row.lastUsedAt.getTime(),
    };
    // Something changed meanwhile: this answer is of before, so the next request asks again.
    if (epoch === this.#epoch) this.#keep(tokenHash, entry);
    return entry;
  }

  #keep(tokenHash: string, entry: Entry): void {
    this.#entries.delete(tokenHash);
    this.#entries.set(tokenHash, entry);
    if (this.#entries.size <= ENTRIES_MAX) return;
    for (const [oldHash, old] of this.#entries) {
      if (old.usedAt > old.writtenAt) this.#writeBack(oldHash, old);
      this.#entries.delete(oldHash);
      break;
    }
  }

  #writeBack(tokenHash: string, entry: Entry): void {
    entry.writtenAt = entry.usedAt;
    const writing = sessionStore(this.#options.db)
      .touch(tokenHash, new Date(entry.usedAt), new Date(entry.expiresAt))
      // The session only seems older than it is; the next write-back makes up for it.
      .catch((error: unknown) => this.#options.log.warn({ err: error }, "extending a session failed"))
      .finally(() => this.#writing.delete(writing));
    this.#writing.add(writing);
  }

  async #writeBackAll(): Promise<void> {
    for (const [tokenHash, entry] of this.#entries) {
      if (entry.usedAt > entry.writtenAt) this.#writeBack(tokenHash, entry);
    }
    await Promise.all(this.#writing);
  }
}

/** Tokens are random, so a plain hash cannot be guessed back. */
export function hashToken(token: string): string {
  return createHash("sha256").update(token).digest("base64url");
}
