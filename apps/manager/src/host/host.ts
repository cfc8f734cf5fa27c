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

/** What an administrator sets on a host and this product only keeps. */
export interface HostSettings {
  bmcIp?: string;
  bmcUserName?: string;
  ntpIp1?: string;
  ntpIp2?: string;
  ntpIp3?: string;
  ntpCycle?: number;
}
