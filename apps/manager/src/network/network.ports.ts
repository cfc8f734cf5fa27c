import type { Db } from "../database/database.ts";
import type { Database } from "../database/database.ts";

/** What the tasks about switches and port groups need of the world. */
export interface NetworkPorts {
  readonly database: Database;
  /**
   * The VLAN of a port group has changed: the definitions of its VMs (all stopped) are to be written anew. Filled by
   * the compute domain; runs in the step's transaction.
   */
  readonly redefineVmsOn: (db: Db, portGroupId: number) => Promise<void>;
}
