export * from "./conformance.ts";
export * from "./samples.ts";
export * from "./test-pki.ts";
