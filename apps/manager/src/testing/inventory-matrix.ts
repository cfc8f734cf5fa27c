import assert from "node:assert/strict";
import { SimStore } from "@sinter/agent-sim";
import { silentLog, systemClock } from "@sinter/kit";
import type { AnyTask } from "@sinter/tasks";
import { crashMatrix } from "@sinter/testing";
import { OBJECT_ID_SEQUENCE } from "../database/ids.ts";
import { type Answer, type InventoryWorld, inventoryWorld } from "./inventory-world.ts";

export interface Scene {
  /** Makes what the task works on; gives the request that submits it. */
  prepare(world: InventoryWorld): Promise<() => Promise<Answer>>;
  /** Throws unless the task has done what it promises. */
  done(world: InventoryWorld): Promise<void>;
}

/** All that could be left behind, in the database and on the hosts. */
export async function everything(world: InventoryWorld): Promise<unknown> {
  const { rows } = await world.database.pool.query(`select
    (select coalesce(json_agg(json_build_object('id', id, 'name', name, 'status', status) order by id), '[]') from datastores) as datastores,
    (select coalesce(json_agg(json_build_object('id', datastore_id, 'host', host_id, 'state', state) order by 1::text, host_id), '[]') from datastore_hosts) as links,
    (select coalesce(json_agg(json_build_object('id', id, 'name', name, 'maintaining', is_maintaining) order by id), '[]') from hosts) as hosts,
    (select coalesce(json_agg(json_build_object('id', switch_id, 'host', host_id) order by switch_id, host_id), '[]') from switch_hosts) as switch_hosts,
    (select coalesce(json_agg(json_build_object('id', id, 'pools', vlan_pools) order by id), '[]') from switches) as switches,
    (select coalesce(json_agg(json_build_object('id', id, 'name', name, 'vlan', vlan_id) order by id), '[]') from port_groups) as groups,
    (select count(*) from task_locks) as locks`);
  const onHosts = world.sims.map((sim) => ({
    datastores: [...sim.datastores.keys()].toSorted(),
    switches: [...sim.switches.keys()].toSorted(),
  }));
  return { rows: rows[0], onHosts };
}

/** Two hosts that mount one file system; the task fails, is killed and done twice at every step. */
export function inventoryMatrix(definition: AnyTask, scene: Scene): void {
  crashMatrix({
    definition,
    makeWorld: async () => {
      const store = new SimStore();
      const world = await inventoryWorld({ hosts: 2, host: () => ({ mounts: { "/srv/nas": store } }) });
      const request = await scene.prepare(world);
      // Its engine only submits from here on; those of the matrix do the work.
      await world.tasks.stop();
      const before = await everything(world);
      return {
        engineOptions: {
          pool: world.database.pool,
          ports: {
            database: world.database,
            fleet: world.fleet,
            clock: systemClock,
            log: silentLog,
            releaseHost: async () => {},
            redefineVmsOn: async () => {},
          },
          log: silentLog,
          idSequence: OBJECT_ID_SEQUENCE,
        },
        submit: async () => {
          const answer = await request();
          assert.equal(answer.status, 200, JSON.stringify(answer.body));
          return Number(answer.body.taskUri.split("/").at(-1));
        },
        expectDone: async () => {
          await scene.done(world);
          const { rows } = await world.database.pool.query("select count(*)::int as n from task_locks");
          assert.equal(rows[0].n, 0);
        },
        expectNothingLeft: async () => {
          // What the reconciler puts right in its next round counts as right.
          await world.reconcilers.hosts.runOnce();
          assert.deepEqual(await everything(world), before);
        },
        dispose: async () => world[Symbol.asyncDispose](),
      };
    },
  });
}
