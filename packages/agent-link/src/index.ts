export * from "./join-token.ts";
export * from "./pki.ts";
