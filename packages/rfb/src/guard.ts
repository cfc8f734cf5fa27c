import { randomBytes } from "node:crypto";
import { type Duplex, duplexPair, pipeline } from "node:stream";
import { CHALLENGE_BYTES, isAnswer } from "./password.ts";
import { lengthAndText, OUR_VERSION, parseVersion, RESULT, SECURITY, u32, type Version } from "./protocol.ts";
import { readExactly } from "./read-exactly.ts";

export interface GuardOptions {
  /** 1 to 8 characters; more are not looked at. Read when the viewer answers. */
  readonly password: string | (() => string);
  /** Opens the screen behind, up to where it waits for the viewer's ClientInit. Called for those who know the password. */
  readonly open: () => Promise<Duplex>;
  /** A viewer that has not answered by then is cut; people type passwords, so default 60,000. */
  readonly handshakeMsMax?: number;
  /** Looks at the answer when its turn has come: who tries passwords is made to wait here. Default at once. */
  readonly judge?: (isRight: () => boolean) => Promise<boolean>;
}

/** So long a refused viewer may take to read why. */
const LINGER_MS = 5_000;

/** left: gone, too slow, or no viewer at all. */
export type GuardOutcome = "joined" | "wrongPassword" | "noScreen" | "left";

/**
 * The server's side of RFB 3.3, 3.7 and 3.8 up to the security result, with VNC authentication; then viewer and screen
 * talk to each other. Nothing of the screen is opened, let alone sent, before the password. Resolves when that is
 * decided; the end of either side is then the end of the other. Takes the viewer over: it is closed in the end.
 */
export async function guardScreen(viewer: Duplex, options: GuardOptions): Promise<GuardOutcome> {
  viewer.on("error", () => viewer.destroy());
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(new Error("too slow")), options.handshakeMsMax ?? 60_000);
  let version: Version;
  let isRight: boolean;
  try {
    viewer.write(OUR_VERSION);
    version = parseVersion(await readExactly(viewer, OUR_VERSION.length, limit.signal));
    await agreeOnSecurity(viewer, version, limit.signal);
    const challenge = randomBytes(CHALLENGE_BYTES);
    viewer.write(challenge);
    const answer = await readExactly(viewer, CHALLENGE_BYTES, limit.signal);
    const { password, judge = async (look) => look() } = options;
    isRight = await judge(() =>
      isAnswer(answer, challenge, typeof password === "string" ? password : password()),
    );
  } catch {
    viewer.destroy();
    return "left";
  } finally {
    clearTimeout(timer);
  }
  if (!isRight) {
    refuse(viewer, version, "The password is wrong.");
    return "wrongPassword";
  }
  let screen: Duplex;
  try {
    screen = await options.open();
  } catch {
    refuse(viewer, version, "The screen cannot be reached.");
    return "noScreen";
  }
  viewer.write(u32(RESULT.ok));
  pipeline(viewer, screen, viewer, () => {
    viewer.destroy();
    screen.destroy();
  });
  return "joined";
}

/** The same for a viewer that is still to come: gives the server's end as a stream. `onDecided` hears the outcome. */
export function guardedScreen(
  options: GuardOptions & { readonly onDecided?: (outcome: GuardOutcome) => void },
): Duplex {
  const [outside, inside] = linkedPair();
  guardScreen(inside, options).then(
    (outcome) => options.onDecided?.(outcome),
    () => inside.destroy(), // it answers in place of failing
  );
  return outside;
}

/** What is written to one comes out of the other; the end of one is the end of both. */
export function linkedPair(): [Duplex, Duplex] {
  const pair = duplexPair();
  for (const [one, other] of [pair, pair.toReversed() as typeof pair]) {
    one.on("error", () => one.destroy());
    one.on("close", () => other.destroy());
  }
  return pair;
}

async function agreeOnSecurity(viewer: Duplex, version: Version, signal: AbortSignal): Promise<void> {
  if (version === 3) {
    // The oldest version leaves no choice.
    viewer.write(u32(SECURITY.vnc));
    return;
  }
  viewer.write(Buffer.from([1, SECURITY.vnc]));
  const [chosen] = await readExactly(viewer, 1, signal);
  if (chosen !== SECURITY.vnc) throw new Error("The viewer chose what was not offered.");
}

function refuse(viewer: Duplex, version: Version, reason: string): void {
  const cut = setTimeout(() => viewer.destroy(), LINGER_MS);
  viewer.once("close", () => clearTimeout(cut));
  viewer.end(version === 8 ? Buffer.concat([u32(RESULT.failed), lengthAndText(reason)]) : u32(RESULT.failed));
  // Whatever the viewer still says is nobody's business, but its end must be seen.
  viewer.resume();
}
