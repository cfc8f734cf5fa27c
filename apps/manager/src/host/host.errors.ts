import { AppError } from "@sinter/kit";
import type { WireError } from "@sinter/northbound";
import type { HostStatus } from "./host.ts";

/** What can be wrong with a request about hosts. */
export const hostErrors = {
  notFound: (id: number | string) =>
    new AppError("notFound", "HOST_NOT_FOUND", `There is no host ${String(id).slice(0, 64)}.`),
  clusterMissing: (urn: string) =>
    new AppError("invalid", "CLUSTER_MISSING", `There is no cluster ${urn.slice(0, 96)}.`),
  addressUsed: (address: string) =>
    new AppError("conflict", "HOST_ADDRESS_USED", `A host at ${address} is part of this site already.`),
  joinsByToken: (address: string) =>
    new AppError(
      "conflict",
      "HOST_JOINS_BY_TOKEN",
      `Hosts join by themselves: make a join token (POST /sinter/v1/join-tokens) and run the command that it gives on ${address}.`,
    ),
  maintainingAlready: (id: number) =>
    new AppError("conflict", "HOST_MAINTAINING", `Host ${id} is in maintenance mode already.`),
  notMaintaining: (id: number) =>
    new AppError("conflict", "HOST_NOT_MAINTAINING", `Host ${id} is not in maintenance mode.`),
  wrongStatus: (id: number, status: HostStatus, needs: readonly HostStatus[]) =>
    new AppError(
      "conflict",
      "HOST_WRONG_STATUS",
      `Host ${id} is ${status}; this needs ${needs.join(" or ")}.`,
      { params: { status } },
    ),
  busy: (id: number) =>
    new AppError("conflict", "HOST_BUSY", `Host ${id} is busy with another operation; try again later.`),
  hasVms: (id: number, count: number) =>
    new AppError(
      "conflict",
      "HOST_HAS_VMS",
      `Host ${id} still has ${count} VM${count === 1 ? "" : "s"} or templates; delete or move them first, or remove the host by force.`,
    ),
  hasVolumes: (id: number, datastore: string) =>
    new AppError(
      "conflict",
      "HOST_HAS_VOLUMES",
      `Host ${id} is the only one that reaches the volumes on datastore ${datastore}; delete them first, or remove the host by force.`,
    ),
  noBmc: (id: number) =>
    new AppError(
      "conflict",
      "BMC_NOT_CONFIGURED",
      `Host ${id} has no BMC address, so its power cannot be switched from here.`,
    ),
  noBmcUser: (id: number) =>
    new AppError("conflict", "BMC_USER_MISSING", `Host ${id} has a BMC address but no BMC user name.`),
  noBmcPassword: (id: number) =>
    new AppError(
      "conflict",
      "BMC_PASSWORD_MISSING",
      `No BMC password is kept for host ${id}, so its power cannot be switched from here.`,
    ),
  ntpNeedsFirst: () =>
    new AppError("invalid", "NTP_FIRST_MISSING", "A second or third NTP server needs a first one."),
  ntpCycle: () =>
    new AppError("invalid", "NTP_CYCLE_INVALID", "The NTP cycle must be a power of two from 16 to 4096 s."),
  sameCluster: (id: number) =>
    new AppError("conflict", "HOST_SAME_CLUSTER", `Host ${id} is in that cluster already.`),
  movesWithVms: (id: number) =>
    new AppError("conflict", "HOST_MOVES_WITH_VMS", `Host ${id} has VMs; it can only move without any.`),
  nameNotOurs: () =>
    new AppError(
      "invalid",
      "HOST_OS_NAME_FIXED",
      "The name of the operating system is set on the host itself.",
    ),
};

export const hostWireErrors = {
  HOST_NOT_FOUND: { code: "10300027", http: 400 },
  CLUSTER_MISSING: { code: "10300028", http: 400 },
  HOST_ADDRESS_USED: { code: "10200108", http: 400 },
  HOST_JOINS_BY_TOKEN: { code: "10200133", http: 400 },
  HOST_MAINTAINING: { code: "10200304", http: 400 },
  HOST_NOT_MAINTAINING: { code: "10200305", http: 400 },
  HOST_WRONG_STATUS: { code: "10200124", http: 400 },
  HOST_BUSY: { code: "10200302", http: 400 },
  HOST_HAS_VMS: { code: "10200122", http: 400 },
  HOST_HAS_VOLUMES: { code: "10410022", http: 400 },
  BMC_NOT_CONFIGURED: { code: "10200158", http: 400 },
  BMC_USER_MISSING: { code: "10200152", http: 400 },
  BMC_PASSWORD_MISSING: { code: "10200153", http: 400 },
  NTP_FIRST_MISSING: { code: "10200204", http: 400 },
  NTP_CYCLE_INVALID: { code: "10200205", http: 400 },
  HOST_SAME_CLUSTER: { code: "10300065", http: 400 },
  HOST_MOVES_WITH_VMS: { code: "10200157", http: 400 },
  HOST_OS_NAME_FIXED: { code: "10000024", http: 400 },
  AGENT_AWAY: { code: "10200300", http: 500 },
  AGENT_INCOMPATIBLE: { code: "10200300", http: 500 },
} as const satisfies Record<string, WireError>;
