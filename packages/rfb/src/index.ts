export { guardedScreen, type GuardOptions, type GuardOutcome, guardScreen, linkedPair } from "./guard.ts";
export { joinServer, type JoinOptions } from "./join-server.ts";
export { answerChallenge, CHALLENGE_BYTES, isAnswer, PASSWORD_LENGTH_MAX } from "./password.ts";
export { RfbError } from "./protocol.ts";
export { readExactly } from "./read-exactly.ts";
export { type Picture, Viewer } from "./viewer.ts";
