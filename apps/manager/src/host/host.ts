import type { HostReport } from "@sinter/southbound";

/** State of a host as the manager sees it. */
export type HostStatus =
  /** Enrolled, not yet seen over its event stream. */
  | "initial"
  | "normal"
  /** Silent for longer than the heartbeat allows, or it refuses us. */
  | "fault"
  /** Ordered to power off, and silent since. */
  | "poweroff"
  | "booting"
  | "shuttingDown"
  | "rebooting";

export const HOST_STATUSES = [
  "initial",
  "normal",
  "fault",
  "poweroff",
  "booting",
  "shuttingDown",
  "rebooting",
] as const satisfies readonly HostStatus[];

/** What an administrator sets on a host and this product only keeps. */
export interface HostSettings {
  bmcIp?: string;
  bmcUserName?: string;
  ntpIp1?: string;
  ntpIp2?: string;
  ntpIp3?: string;
  ntpCycle?: number;
}

export interface Host {
  readonly id: number;
  readonly uuid: string;
  /** null: directly below the site. */
  readonly clusterId: number | null;
  readonly name: string;
  readonly description: string;
  /** Where its agent listens. */
  readonly address: string;
  readonly port: number;
  readonly status: HostStatus;
  readonly statusReason: string;
  readonly isMaintaining: boolean;
  readonly report: HostReport;
  readonly settings: HostSettings;
  readonly certificateNotAfter: Date;
  readonly lastSeenAt: Date | null;
  readonly statusSince: Date;
  readonly joinedAt: Date;
}

/** A host with what a list shows of its cluster. */
export interface HostView extends Host {
  /** `""` when directly below the site. */
  readonly clusterName: string;
}

/** What the fleet needs to reach a host. */
export interface EnrolledHost {
  readonly id: number;
  readonly uuid: string;
  readonly address: string;
  readonly port: number;
  readonly status: HostStatus;
}

/** States a host may be put into maintenance in: working, or known to be broken; not while it is changing. */
export const MAINTENANCE_STATES: readonly HostStatus[] = ["normal", "fault", "poweroff"];
