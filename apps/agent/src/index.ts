/** The agent as a part of another process: tests, benchmarks, the laboratory. */
export { type Agent, composeAgent, composeNode } from "./compose.ts";
export { type AgentConfig, checkedConfig, readConfig } from "./config.ts";
export { enrol } from "./identity/enrolment.ts";
export { type Identity, readIdentity, writeIdentity } from "./identity/identity-store.ts";
export { runAgent, startAgent } from "./run.ts";
