import type { IncomingHttpHeaders } from "node:http";
import type { SessionAnswer, VersionsAnswer } from "@sinter/northbound";
import { keyOfPassword } from "./password.ts";
import type { Login, OpenedSession } from "./session.service.ts";
import { RIGHT_TYPE } from "./user.wire.ts";

/** Oldest first: clients take the last, or the largest number (contract 1.2). No version that is asked for is refused. */
export const VERSIONS: VersionsAnswer = {
  versions: ["v6.3", "v6.5", "v8.0"].map((version) => ({ version, loginUri: "/service/session" })),
};

/**
 * Reads the headers of a login (contract 1.5). Missing ones read as empty and then fit nobody, so that every failure
 * looks the same. X-Auth-AuthType is not looked at; types 0, 2 and none find users by name alone.
 */
export function readLogin(headers: IncomingHttpHeaders, clientAddress: string): Login {
  const algorithm = headerText(headers, "x-encript-algorithm") ?? headerText(headers, "x-encrypt-algorithm");
  const given = headerText(headers, "x-auth-key") ?? "";
  return {
    userName: (headerText(headers, "x-auth-user") ?? "").normalize("NFC"),
    key: algorithm?.trim() === "1" ? keyOfPassword(given) : given.toLowerCase(),
    isDomainUser: headerText(headers, "x-auth-usertype")?.trim() === "1",
    clientAddress,
  };
}

export function toSessionAnswer(session: OpenedSession): SessionAnswer {
  return {
    validity: session.validityMs,
    userId: session.user.id,
    userName: session.user.name,
    roleList: [...session.user.roles],
    privilegeIds: [...session.lackingRights],
    rightType: RIGHT_TYPE,
  };
}

/** Clients send UTF-8 in headers; Node hands the bytes over as Latin-1, which is also what is meant when they are no UTF-8. */
export function headerText(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  if (typeof value !== "string") return undefined;
  const bytes = Buffer.from(value, "latin1");
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    // Not UTF-8: Latin-1 after all.
    return value;
  }
}
