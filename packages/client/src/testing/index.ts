export * from "./contract-server.ts";
