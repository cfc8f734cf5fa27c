import { createCipheriv, timingSafeEqual } from "node:crypto";

export const CHALLENGE_BYTES = 16;
/** VNC authentication looks at no more characters than these. */
export const PASSWORD_LENGTH_MAX = 8;

/** What a viewer that knows the password answers to the server's 16 random bytes. */
export function answerChallenge(challenge: Buffer, password: string): Buffer {
  const key = Buffer.alloc(PASSWORD_LENGTH_MAX);
  Buffer.from(password, "latin1").copy(key);
  for (const [index, byte] of key.entries()) key[index] = mirrored(byte);
  // OpenSSL 3 has no single DES any more; triple DES with one key three times is the same.
  const cipher = createCipheriv("des-ede3-ecb", Buffer.concat([key, key, key]), null);
  cipher.setAutoPadding(false);
  return Buffer.concat([cipher.update(challenge), cipher.final()]);
}

/** Takes the same time for every wrong answer. */
export function isAnswer(answer: Buffer, challenge: Buffer, password: string): boolean {
  const expected = answerChallenge(challenge, password);
  return answer.length === expected.length && timingSafeEqual(answer, expected);
}

/** The first implementation numbered the bits of a key the other way round, and all have followed it. */
function mirrored(byte: number): number {
  let result = 0;
  for (let bit = 0; bit < 8; bit++) result |= ((byte >> bit) & 1) << (7 - bit);
  return result;
}
