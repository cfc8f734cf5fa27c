import { AppError } from "@sinter/kit";
import type { WireError } from "@sinter/northbound";

/** Messages never repeat a token: they reach logs of agents and managers. */
export const enrolmentErrors = {
  requestInvalid: (fault: string) =>
    new AppError("invalid", "ENROLMENT_INVALID", `The enrolment request is wrong: ${fault}.`),
  tokenRefused: () =>
    new AppError("forbidden", "JOIN_TOKEN_REFUSED", "The join token is not known here; ask for a new one."),
  tokenUsed: () =>
    new AppError("forbidden", "JOIN_TOKEN_USED", "The join token was used already; ask for a new one."),
  tokenExpired: () =>
    new AppError("forbidden", "JOIN_TOKEN_EXPIRED", "The join token has expired; ask for a new one."),
  connectedElsewhere: (uuid: string, address: string) =>
    new AppError(
      "conflict",
      "HOST_CONNECTED_ELSEWHERE",
      `Host ${uuid} is enrolled and connected at ${address}. If it is to join again from another address, make a join token for that host.`,
    ),
  tokenOfOtherHost: () =>
    new AppError("forbidden", "JOIN_TOKEN_OF_OTHER_HOST", "The join token was made for another host."),
  tokenMissing: () => new AppError("notFound", "JOIN_TOKEN_MISSING", "There is no such join token."),
  clusterMissing: (urn: string) =>
    new AppError("invalid", "JOIN_CLUSTER_MISSING", `There is no cluster ${urn.slice(0, 128)}.`),
  hostMissing: (urn: string) =>
    new AppError("invalid", "JOIN_HOST_MISSING", `There is no host ${urn.slice(0, 128)}.`),
  tooManyFailures: () =>
    new AppError(
      "unavailable",
      "ENROLMENT_TOO_MANY_FAILURES",
      "Too many enrolments from this address failed; try again in a minute.",
    ),
  authorityLost: (file: string) =>
    new AppError(
      "internal",
      "AUTHORITY_LOST",
      `The database belongs to a certificate authority whose key is not in ${file}. Restore that file from a backup; ` +
        "hosts that joined trust no other. Only if it is lost for good, start once with a new authority and let all hosts join again.",
    ),
};

const refused: WireError = { code: "10000003", http: 403 };

/** Ours: the contract knows no enrolment, so its common numbers serve. */
export const enrolmentWireErrors = {
  ENROLMENT_INVALID: { code: "10000001", http: 400 },
  JOIN_TOKEN_MALFORMED: refused,
  JOIN_TOKEN_REFUSED: refused,
  JOIN_TOKEN_USED: refused,
  JOIN_TOKEN_EXPIRED: refused,
  JOIN_TOKEN_OF_OTHER_HOST: refused,
  CSR_MALFORMED: { code: "10000001", http: 400 },
  HOST_CONNECTED_ELSEWHERE: { code: "10000009", http: 400 },
  JOIN_TOKEN_MISSING: { code: "10000008", http: 400 },
  JOIN_CLUSTER_MISSING: { code: "10300028", http: 400 },
  JOIN_HOST_MISSING: { code: "10300027", http: 400 },
  ENROLMENT_TOO_MANY_FAILURES: { code: "10000006", http: 503 },
} as const satisfies Record<string, WireError>;
