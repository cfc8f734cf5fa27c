import { AppError } from "@sinter/kit";
import { SOUTHBOUND_ERRORS, type SouthboundErrorCode } from "@sinter/southbound";

/** What keeps a caller from an agent; travels as `params.reason` of AGENT_AWAY. */
export type AwayReason = "unreachable" | "untrusted" | "timeout" | "silent" | "reset" | "closed";

export interface AgentAddress {
  readonly hostUuid: string;
  /** IP address or DNS name. */
  readonly address: string;
  readonly port: number;
}

/** A failure of the contract: the kind comes from the table, so that a code cannot travel under two kinds. */
export function southboundError(
  code: SouthboundErrorCode,
  message: string,
  details: { params?: Record<string, unknown>; cause?: unknown } = {},
): AppError {
  return new AppError(SOUTHBOUND_ERRORS[code], code, message, details);
}

const WHAT_HAPPENED: Record<AwayReason, string> = {
  unreachable: "cannot be reached",
  untrusted: "could not prove who it is, or does not accept this manager",
  timeout: "did not answer in time",
  silent: "has fallen silent",
  reset: "broke the connection off",
  closed: "was disconnected on this side",
};

const WHAT_TO_CHECK: Record<AwayReason, string> = {
  unreachable: "Check that the host is powered on, that its agent runs, and that nothing blocks the port.",
  untrusted: "Check that the address belongs to this host and that its agent was enrolled with this manager.",
  timeout: "Check the load of the host and the log of its agent.",
  silent: "Check the host and the network between it and the manager.",
  reset: "The agent may be restarting; if it lasts, check its log.",
  closed: "It is connected again when the host is.",
};

export const linkErrors = {
  badRequest: (call: string, field: string, fault: string) =>
    southboundError("BAD_REQUEST", `${call}: ${field === "" ? "the input" : field} ${fault}.`, {
      params: { call, field },
    }),
  unknownCall: (method: string, path: string) =>
    southboundError("UNKNOWN_CALL", `This agent has no call ${method} ${path}.`, {
      params: { method, path },
    }),
  notTheManager: () =>
    southboundError("NOT_THE_MANAGER", "This agent takes calls from the manager that enrolled it only."),
  away: (agent: AgentAddress, reason: AwayReason, cause?: unknown) =>
    southboundError(
      "AGENT_AWAY",
      `The agent of host ${agent.hostUuid} (${agent.address}:${agent.port}) ${WHAT_HAPPENED[reason]}. ${WHAT_TO_CHECK[reason]}`,
      {
        params: { hostUuid: agent.hostUuid, address: `${agent.address}:${agent.port}`, reason },
        ...(cause === undefined ? {} : { cause }),
      },
    ),
  cancelled: (call: string, cause?: unknown) =>
    southboundError("CALL_CANCELLED", `The caller ended ${call}.`, {
      params: { call },
      ...(cause === undefined ? {} : { cause }),
    }),
};
