import { stat } from "node:fs/promises";
import { join } from "node:path";
import { AppError, readIfThere, writeFileAtomic } from "@sinter/kit";
import { type Static, Type } from "typebox";
import { Check } from "typebox/value";

/** Who this host is to its manager. One file, so that it changes as a whole: readable by root alone. */
const Identity = Type.Object({
  hostUuid: Type.String(),
  /** Name in the manager's client certificate; nobody else may call. */
  managerName: Type.String(),
  /** Where the manager was told to find this agent. */
  address: Type.String(),
  port: Type.Integer(),
  /** All PEM. */
  key: Type.String(),
  certificate: Type.String(),
  ca: Type.String(),
});
export type Identity = Static<typeof Identity>;

export function identityPath(stateDir: string): string {
  return join(stateDir, "identity.json");
}

/** Undefined before the host has joined. Throws `internal` IDENTITY_DAMAGED for a file that is not ours. */
export async function readIdentity(stateDir: string): Promise<Identity | undefined> {
  const path = identityPath(stateDir);
  const text = await readIfThere(path);
  if (text === undefined) return undefined;
  const identity = parse(text);
  if (Check(Identity, identity)) return identity;
  throw new AppError("internal", "IDENTITY_DAMAGED", `${path} is damaged; join this host again.`);
}

export async function writeIdentity(stateDir: string, identity: Identity): Promise<void> {
  await writeFileAtomic(identityPath(stateDir), `${JSON.stringify(identity, null, 2)}\n`, 0o600);
}

/** Something that differs whenever the file was replaced. */
export async function identityStamp(stateDir: string): Promise<string> {
  const file = await stat(identityPath(stateDir)).catch(() => undefined);
  return file === undefined ? "" : `${file.ino} ${file.mtimeMs} ${file.size}`;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // not an object, so the check refuses it
  }
}
