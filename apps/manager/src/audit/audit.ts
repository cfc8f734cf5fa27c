import { createHmac } from "node:crypto";

/** What is recorded of a call that was meant to change something. No bodies: those hold secrets. */
export interface AuditEntry {
  readonly at: Date;
  /** Of a failed login the name that was tried; `""` when nobody was named. */
  readonly userName: string;
  readonly clientAddress: string;
  readonly method: string;
  /** Without query. */
  readonly path: string;
  readonly status: number;
  readonly errorCode: string;
  /** Of the task that the call began; `""` without one. */
  readonly taskUrn: string;
}

export interface AuditRecord extends AuditEntry {
  readonly sequence: number;
  readonly previousHash: string;
  readonly hash: string;
}

/** Where the chain ends. */
export interface AuditHead {
  readonly sequence: number;
  readonly hash: string;
}

/** Before the first record. */
export const CHAIN_START: AuditHead = { sequence: 0, hash: "" };

/**
 * Links an entry to the record before it. The hash is keyed, because whoever can change the table could otherwise
 * compute the whole chain anew.
 */
export function sealEntry(key: Buffer, head: AuditHead, entry: AuditEntry): AuditRecord {
  const sequence = head.sequence + 1;
  return {
    ...entry,
    sequence,
    previousHash: head.hash,
    hash: hashOf(key, { ...entry, sequence }, head.hash),
  };
}

/** Why a record does not follow the head; undefined when it does. */
export function faultOf(key: Buffer, head: AuditHead, record: AuditRecord): string | undefined {
  if (record.sequence !== head.sequence + 1)
    return `Records ${head.sequence + 1} to ${record.sequence - 1} are missing.`;
  if (record.previousHash !== head.hash) return "The record does not follow the one before it.";
  if (record.hash !== hashOf(key, record, record.previousHash)) return "The record was changed.";
  return undefined;
}

export function sealHead(key: Buffer, head: AuditHead): string {
  return createHmac("sha256", key).update(`head ${head.sequence} ${head.hash}`).digest("base64url");
}

/** Fit for the table: one line, no characters that the database refuses, of bounded length. */
export function auditText(text: string, lengthMax: number): string {
  return text
    .toWellFormed()
    .replace(/\p{Cc}/gu, "\u{FFFD}")
    .slice(0, lengthMax)
    .toWellFormed();
}

function hashOf(
  key: Buffer,
  entry: AuditEntry & { readonly sequence: number },
  previousHash: string,
): string {
  const { sequence, at, userName, clientAddress, method, path, status, errorCode, taskUrn } = entry;
  // A list, not joined text: no field can pretend to be two.
  const fields = [
    previousHash,
    sequence,
    at.getTime(),
    userName,
    clientAddress,
    method,
    path,
    status,
    errorCode,
    taskUrn,
  ];
  return createHmac("sha256", key).update(JSON.stringify(fields)).digest("base64url");
}
