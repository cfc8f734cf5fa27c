import assert from "node:assert/strict";
import { inventoryMatrix } from "../testing/inventory-matrix.ts";
import type { InventoryWorld } from "../testing/inventory-world.ts";
import { connectDatastore, createDatastore } from "./create-datastore.task.ts";
import { deleteDatastore, disconnectDatastore } from "./delete-datastore.task.ts";

const body = (world: InventoryWorld, hosts: readonly number[]) => ({
  name: "nas",
  path: "/srv/nas",
  shared: true,
  hostUrns: hosts.map((id) => world.urn(`hosts/${id}`)),
});
const first = async (world: InventoryWorld) => (await world.ok("GET", "datastores")).datastores[0];

inventoryMatrix(createDatastore, {
  prepare: async (world) => () => world.call("POST", "/sinter/v1/datastores", body(world, world.hostIds)),
  done: async (world) => {
    const datastore = await first(world);
    assert.deepEqual([datastore.status, datastore.hosts.length], ["NORMAL", 2]);
  },
});

inventoryMatrix(connectDatastore, {
  prepare: async (world) => {
    const made = await world.ok("POST", "/sinter/v1/datastores", body(world, world.hostIds.slice(0, 1)));
    const hostUrn = world.urn(`hosts/${world.hostIds[1]}`);
    return () => world.call("POST", `/sinter/v1/datastores/${made.uri.split("/").at(-1)}/hosts`, { hostUrn });
  },
  done: async (world) => assert.equal((await first(world)).hosts.length, 2),
});

inventoryMatrix(disconnectDatastore, {
  prepare: async (world) => {
    const made = await world.ok("POST", "/sinter/v1/datastores", body(world, world.hostIds));
    return () =>
      world.call("DELETE", `${made.uri}/disconnect?hostUrn=${world.urn(`hosts/${world.hostIds[1]}`)}`);
  },
  done: async (world) => {
    assert.equal((await first(world)).hostLinks.length, 1);
    assert.equal(world.sims[1]?.datastores.size, 0);
  },
});

inventoryMatrix(deleteDatastore, {
  prepare: async (world) => {
    const made = await world.ok("POST", "/sinter/v1/datastores", body(world, world.hostIds));
    return () => world.call("DELETE", made.uri);
  },
  done: async (world) => {
    assert.deepEqual((await world.ok("GET", "datastores")).datastores, []);
    for (const sim of world.sims) assert.equal(sim.datastores.size, 0);
  },
});
