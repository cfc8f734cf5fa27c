/** The other side does not keep to the protocol, does not know the password, or has left. */
export class RfbError extends Error {
  override readonly name = "RfbError";
}

/** What we speak; also what QEMU does. */
export const OUR_VERSION = Buffer.from("RFB 003.008\n", "latin1");

/** Minor versions that differ in the handshake. */
export type Version = 3 | 7 | 8;

/** Throws RfbError for what is no version line. A version that nobody has published counts as 3.3 (RFC 6143, 7.1.1). */
export function parseVersion(line: Buffer): Version {
  const match = /^RFB (\d{3})\.(\d{3})\n$/.exec(line.toString("latin1"));
  if (!match || match[1] !== "003") throw new RfbError("This is no VNC connection.");
  const minor = Number(match[2]);
  // 3.889 of Apple's viewer is 3.8 in its handshake.
  if (minor >= 8) return 8;
  return minor === 7 ? 7 : 3;
}

export const SECURITY = { invalid: 0, none: 1, vnc: 2 } as const;
export const RESULT = { ok: 0, failed: 1 } as const;

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Text with its length before it, as reasons of refusals have. */
export function lengthAndText(text: string): Buffer {
  const bytes = Buffer.from(text, "utf8");
  return Buffer.concat([u32(bytes.length), bytes]);
}
