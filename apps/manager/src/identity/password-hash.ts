import { randomBytes, scrypt, type ScryptOptions, timingSafeEqual } from "node:crypto";
import { identityErrors } from "./identity.errors.ts";

/**
 * Derivation of password hashes: scrypt over the key that a client sends (see `keyOfPassword`), written as
 * `scrypt$<log2 N>$<r>$<p>$<salt>$<hash>` so that later costs can stand beside old rows.
 */
export interface PasswordHasher {
  hash(key: string): Promise<string>;
  /** Constant time in the comparison; a malformed stored hash fits nothing. */
  matches(key: string, stored: string): Promise<boolean>;
  /** Takes as long as `matches` and is never true: for users that do not exist. */
  matchesNothing(key: string): Promise<false>;
}

export interface PasswordCost {
  /** Each step doubles time and memory; 15 takes 32 MiB and some 60 ms. */
  readonly log2N: number;
  readonly r: number;
  readonly p: number;
}

export const DEFAULT_PASSWORD_COST: PasswordCost = { log2N: 15, r: 8, p: 1 };

const HASH_BYTES = 32;
/** At once: more would take the threads that files and names need, and 32 MiB each. */
const WIDTH = 2;
/** Waiting: some 15 seconds of work. Beyond it a login is refused at once. */
const WAITING_MAX = 400;

export function createPasswordHasher(cost: PasswordCost = DEFAULT_PASSWORD_COST): PasswordHasher {
  const slots = createSlots(WIDTH, WAITING_MAX);
  const derive = (key: string, salt: Buffer, of: PasswordCost): Promise<Buffer> => {
    const options: ScryptOptions = {
      N: 2 ** of.log2N,
      r: of.r,
      p: of.p,
      maxmem: 256 * 2 ** of.log2N * of.r,
    };
    return slots(
      () =>
        new Promise((resolve, reject) => {
          scrypt(key, salt, HASH_BYTES, options, (error, hash) => (error ? reject(error) : resolve(hash)));
        }),
    );
  };
  const decoySalt = randomBytes(16);

  return {
    hash: async (key) => {
      const salt = randomBytes(16);
      const hash = await derive(key, salt, cost);
      return ["scrypt", cost.log2N, cost.r, cost.p, salt.toString("base64"), hash.toString("base64")].join(
        "$",
      );
    },
    matches: async (key, stored) => {
      const parts = parse(stored);
      if (parts === undefined) {
        await derive(key, decoySalt, cost);
        return false;
      }
      const hash = await derive(key, parts.salt, parts.cost);
      return hash.length === parts.hash.length && timingSafeEqual(hash, parts.hash);
    },
    matchesNothing: async (key) => {
      await derive(key, decoySalt, cost);
      return false;
    },
  };
}

function parse(stored: string): { cost: PasswordCost; salt: Buffer; hash: Buffer } | undefined {
  const match = /^scrypt\$(\d{1,2})\$(\d{1,2})\$(\d{1,2})\$([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+)$/.exec(
    stored,
  );
  if (!match) return undefined;
  const [, log2N, r, p, salt = "", hash = ""] = match;
  return {
    cost: { log2N: Number(log2N), r: Number(r), p: Number(p) },
    salt: Buffer.from(salt, "base64"),
    hash: Buffer.from(hash, "base64"),
  };
}

/** Lets `width` pieces of work run at a time, in order of arrival; refuses when `waitingMax` wait already. */
function createSlots(width: number, waitingMax: number): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running >= width) {
      if (waiting.length >= waitingMax) throw identityErrors.tooManyLogins();
      // Whoever ends hands its slot over, so `running` does not change here.
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else {
      running++;
    }
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  };
}
