import type { Log } from "@sinter/kit";
import type { Database } from "../database/database.ts";
import type { ManagedFleet } from "../fleet/fleet.ts";

/** What the tasks about hosts need of the world. */
export interface HostPorts {
  readonly database: Database;
  readonly fleet: ManagedFleet;
  readonly log: Log;
  /** The host leaves for good: its VMs lose their home. Filled by the compute domain. Repeatable. */
  readonly releaseHost: (hostId: number) => Promise<void>;
}
