export { CALL_NAMES, readInput, replyFaults } from "./call-input.ts";
export * from "./client.ts";
export * from "./errors.ts";
export * from "./join-token.ts";
export * from "./pki.ts";
export * from "./served-agent.ts";
export * from "./server.ts";
