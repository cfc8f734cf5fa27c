export { createFleet, type FleetOptions, GRACE_MS } from "./create-fleet.ts";
export type {
  Agent,
  AgentAddress,
  AgentConnection,
  ConnectAgent,
  Fleet,
  HostListener,
  ManagedFleet,
} from "./fleet.ts";
export { Gate } from "./gate.ts";
