export * from "./portable.ts";
export { type Client, type ClientOptions, createClient, readUrl } from "./node-client.ts";
export { fingerprintOf, readPeerChain, type Trust } from "./trust.ts";
