import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { readIfThere, writeFileAtomic } from "@sinter/kit";
import type { Sealer } from "@sinter/tasks";

/**
 * Seals what a task must not show (a guest's first password) with AES-256-GCM. The key lies in the manager's state
 * directory, so that a dump of the database alone opens nothing. Sealed text: base64url of nonce, tag, cipher text.
 */
export async function openSealer(file: string): Promise<Sealer> {
  const key = Buffer.from((await readIfThere(file)) ?? (await makeKey(file)), "base64url");
  return {
    seal: (plain) => {
      const nonce = randomBytes(12);
      const cipher = createCipheriv("aes-256-gcm", key, nonce);
      const sealed = Buffer.concat([cipher.update(plain, "utf8"), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString("base64url");
    },
    open: (sealed) => {
      const bytes = Buffer.from(sealed, "base64url");
      const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, 12));
      decipher.setAuthTag(bytes.subarray(12, 28));
      return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString("utf8");
    },
  };
}

async function makeKey(file: string): Promise<string> {
  const key = randomBytes(32).toString("base64url");
  await writeFileAtomic(file, key, 0o600);
  return key;
}
