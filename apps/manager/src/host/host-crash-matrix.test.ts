import assert from "node:assert/strict";
import { inventoryMatrix } from "../testing/inventory-matrix.ts";
import { deleteHost } from "./delete-host.task.ts";
import { modifyHost } from "./modify-host.task.ts";

inventoryMatrix(deleteHost, {
  prepare: async (world) => {
    await world.ok("POST", "dvswitchs", { name: "s" });
    await world.ok("POST", "/sinter/v1/datastores", {
      name: "nas",
      path: "/srv/nas",
      shared: true,
      hostUrns: world.hostIds.map((id) => world.urn(`hosts/${id}`)),
    });
    return () => world.call("DELETE", `hosts/${world.hostIds[0]}`);
  },
  done: async (world) => {
    const { hosts } = await world.ok("GET", "hosts");
    assert.deepEqual(
      hosts.map((host: { name: string }) => host.name),
      ["host-2"],
    );
    assert.throws(() => world.fleet.agent(world.hostIds[0] ?? 0), { code: "HOST_NOT_FOUND" });
    assert.deepEqual([world.sims[0]?.switches.size, world.sims[0]?.datastores.size], [0, 0]);
    assert.deepEqual([world.sims[1]?.switches.size, world.sims[1]?.datastores.size], [1, 1]);
  },
});

inventoryMatrix(modifyHost, {
  prepare: async (world) => () => world.call("PUT", `hosts/${world.hostIds[0]}`, { name: "renamed" }),
  done: async (world) => {
    assert.equal((await world.ok("GET", `hosts/${world.hostIds[0]}`)).name, "renamed");
  },
});
