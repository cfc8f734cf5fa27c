import { randomUUID } from "node:crypto";
import { vms } from "../compute/vm.table.ts";
import type { Db } from "../database/database.ts";
import { nextId } from "../database/ids.ts";

/** A VM as a row only, for tests of what else looks at VMs. */
export async function insertVm(db: Db, values: Partial<typeof vms.$inferInsert> = {}): Promise<number> {
  const id = await nextId(db);
  await db.insert(vms).values({
    id,
    uuid: randomUUID(),
    name: `vm-${id}`,
    clusterId: null,
    hostId: null,
    state: "stopped",
    cpu: {
      count: 2,
      coresPerSocket: 1,
      shares: 2000,
      reservationMhz: 500,
      limitMhz: 0,
      affinity: [],
      hotPlug: 0,
    },
    memory: { sizeMiB: 1024, shares: 10_240, reservationMiB: 0, hotPlug: 0 },
    properties: {
      bootOption: "disk",
      firmware: "bios",
      onGuestCrash: "notprocess",
      isHaEnabled: true,
      clockMode: "freeClock",
      keymap: 7,
      others: {},
    },
    os: { type: "Linux", version: 0, guestOsName: "" },
    vncPassword: "secret12",
    ...values,
  });
  return id;
}
