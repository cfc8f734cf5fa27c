import type { Duplex } from "node:stream";
import { answerChallenge, CHALLENGE_BYTES } from "./password.ts";
import { OUR_VERSION, parseVersion, RESULT, RfbError, SECURITY } from "./protocol.ts";
import { readExactly } from "./read-exactly.ts";

export interface JoinOptions {
  /** Absent: the server must let in without one, and is not asked otherwise. */
  readonly password?: string;
  readonly signal?: AbortSignal;
}

const REASON_BYTES_MAX = 4096;

/**
 * The viewer's side of RFB 3.8 up to the security result. Gives the same stream, on which the server now waits for
 * ClientInit. Throws RfbError, with the server's reason when it gives one, and destroys the stream.
 */
export async function joinServer<T extends Duplex>(server: T, options: JoinOptions = {}): Promise<T> {
  server.on("error", () => server.destroy());
  try {
    await shakeHands(server, options);
    return server;
  } catch (error) {
    server.destroy();
    throw error;
  }
}

async function shakeHands(server: Duplex, { password, signal }: JoinOptions): Promise<void> {
  const version = parseVersion(await readExactly(server, OUR_VERSION.length, signal));
  if (version !== 8) throw new RfbError("The VNC server is too old: it does not speak RFB 3.8.");
  server.write(OUR_VERSION);
  const [count = 0] = await readExactly(server, 1, signal);
  if (count === 0) throw new RfbError(await readReason(server, signal));
  const offered = await readExactly(server, count, signal);
  const wanted = password === undefined ? SECURITY.none : SECURITY.vnc;
  if (!offered.includes(wanted)) {
    throw new RfbError(
      password === undefined
        ? "The VNC server asks for a password."
        : "The VNC server does not offer authentication by password.",
    );
  }
  server.write(Buffer.from([wanted]));
  if (password !== undefined) {
    server.write(answerChallenge(await readExactly(server, CHALLENGE_BYTES, signal), password));
  }
  const result = (await readExactly(server, 4, signal)).readUInt32BE();
  if (result !== RESULT.ok) throw new RfbError(await readReason(server, signal));
}

async function readReason(server: Duplex, signal: AbortSignal | undefined): Promise<string> {
  const length = (await readExactly(server, 4, signal)).readUInt32BE();
  if (length > REASON_BYTES_MAX) return "The VNC server refused.";
  return (await readExactly(server, length, signal)).toString("utf8");
}
