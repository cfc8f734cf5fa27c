import type { Clock, Log } from "@sinter/kit";
import type { Database } from "../database/database.ts";
import type { Fleet } from "../fleet/fleet.ts";

/** What the tasks about datastores need of the world. */
export interface DatastorePorts {
  readonly database: Database;
  readonly fleet: Fleet;
  readonly clock: Clock;
  readonly log: Log;
  /** Seconds; default DEFAULT_LEASE_IO_TIMEOUT_S. */
  readonly leaseIoTimeoutS?: number;
}
