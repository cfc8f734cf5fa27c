import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { AppError } from "@sinter/kit";
import { caFingerprint } from "./pki.ts";

/**
 * One-time tokens by which a host joins: `sinter1.<id>.<secret>.<fingerprint>` (southbound, enrolment). The manager
 * keeps id and hash; the person who installs the host carries the token.
 */
export interface JoinToken {
  /** Finds the row. */
  readonly id: string;
  /** 128 random bits, base64url. */
  readonly secret: string;
  /** base64url SHA-256 of the authority's certificate (DER): what the agent trusts before it trusts anything. */
  readonly fingerprint: string;
}

const PREFIX = "sinter1";
const SHAPE = /^sinter1\.([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})$/;

/** `id` defaults to 72 random bits. Store `secretHash`, never the token. */
export function makeJoinToken(options: { caPem: string; id?: string }): {
  token: string;
  id: string;
  secretHash: string;
} {
  const id = options.id ?? randomBytes(9).toString("base64url");
  const secret = randomBytes(16).toString("base64url");
  const token = [PREFIX, id, secret, caFingerprint(options.caPem)].join(".");
  // Read back, so that an id which would make an unreadable token fails here and not at the host.
  parseJoinToken(token);
  return { token, id, secretHash: hashJoinSecret(secret) };
}

/** Throws `invalid` JOIN_TOKEN_MALFORMED; the message does not repeat the token. */
export function parseJoinToken(token: string): JoinToken {
  const [, id, secret, fingerprint] = SHAPE.exec(token.trim()) ?? [];
  if (id === undefined || secret === undefined || fingerprint === undefined) {
    throw new AppError(
      "invalid",
      "JOIN_TOKEN_MALFORMED",
      "This is not a join token; copy the whole line that the manager showed.",
    );
  }
  return { id, secret, fingerprint };
}

/** What is stored of a secret. It has 128 random bits, so a plain hash cannot be guessed back. */
export function hashJoinSecret(secret: string): string {
  return digest(secret).toString("base64url");
}

/** Whether `secret` has the stored hash. */
export function joinSecretMatches(secret: string, secretHash: string): boolean {
  return equalInConstantTime(hashJoinSecret(secret), secretHash);
}

/** Compares strings in a time that tells nothing of where they differ. */
export function equalInConstantTime(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b));
}

/** Equal lengths for timingSafeEqual, whatever the texts are. */
function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
