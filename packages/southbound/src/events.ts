import { Type, type Static } from "typebox";
import { SafeId, Timestamp, Uuid } from "./common.ts";

/**
 * Lines of the event stream (`GET /v1/events`, NDJSON). Events say "look", never "what": upon one the manager
 * reads the object again, so a lost event costs a round of a reconciler and nothing else.
 */
export const AgentEvent = Type.Union([
  /** First line of every stream: whom one is talking to. */
  Type.Object({
    type: Type.Literal("hello"),
    hostUuid: Uuid,
    bootId: Type.String(),
    agentStartedAt: Timestamp,
  }),
  /** Every HEARTBEAT_MS, so that silence means something. */
  Type.Object({ type: Type.Literal("heartbeat"), at: Timestamp }),
  Type.Object({ type: Type.Literal("vmChanged"), vmUuid: Uuid }),
  Type.Object({ type: Type.Literal("hostChanged") }),
  Type.Object({ type: Type.Literal("datastoreChanged"), datastoreId: SafeId }),
  /** Of a call that carried the header OPERATION_HEADER. Percent 0 to 100. */
  Type.Object({
    type: Type.Literal("progress"),
    operationId: Type.String(),
    percent: Type.Number(),
    message: Type.String(),
  }),
]);
export type AgentEvent = Static<typeof AgentEvent>;

export const HEARTBEAT_MS = 2_000;
/** A call may carry this header; progress events name it. Closing the connection cancels the call. */
export const OPERATION_HEADER = "sinter-operation";
