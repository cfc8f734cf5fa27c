/** What an agent needs of this package, without the client: that would cost each host several MiB of memory. */
export * from "./errors.ts";
export * from "./join-token.ts";
export * from "./pki.ts";
export * from "./served-agent.ts";
export * from "./server.ts";
