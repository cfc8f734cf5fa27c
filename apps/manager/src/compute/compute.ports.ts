import type { Log } from "@sinter/kit";
import type { Database } from "../database/database.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { ProgressHub } from "./progress-hub.ts";

/** What the tasks of this domain and of volumes need of the world. */
export interface ComputePorts {
  readonly database: Database;
  readonly fleet: Fleet;
  readonly log: Log;
  readonly progress: Pick<ProgressHub, "watch">;
  /** Seconds; default DEFAULT_LEASE_IO_TIMEOUT_S. */
  readonly leaseIoTimeoutS?: number;
}
