import assert from "node:assert/strict";
import { inventoryMatrix } from "../testing/inventory-matrix.ts";
import type { InventoryWorld } from "../testing/inventory-world.ts";
import { deletePortGroup, modifyPortGroup } from "./port-group.task.ts";
import { removeVlanPools } from "./remove-vlan-pools.task.ts";

async function group(world: InventoryWorld): Promise<{ switchUri: string; uri: string }> {
  const { uri: switchUri } = await world.ok("POST", "dvswitchs", {
    name: "s",
    vlanPoolSet: [
      { startVlanId: 1, endVlanId: 10 },
      { startVlanId: 20, endVlanId: 30 },
    ],
  });
  const { uri } = await world.ok("POST", `${switchUri}/portgroups`, { name: "g", vlanId: 5 });
  return { switchUri, uri };
}

inventoryMatrix(modifyPortGroup, {
  prepare: async (world) => {
    const { uri } = await group(world);
    return () => world.call("PUT", uri, { vlanId: 21, name: "h" });
  },
  done: async (world) => {
    const [changed] = (await world.ok("GET", "portgroups")).portGroups;
    assert.deepEqual([changed.name, changed.vlanId], ["h", 21]);
  },
});

inventoryMatrix(deletePortGroup, {
  prepare: async (world) => {
    const { uri } = await group(world);
    return () => world.call("DELETE", uri);
  },
  done: async (world) => assert.equal((await world.ok("GET", "portgroups")).total, 0),
});

inventoryMatrix(removeVlanPools, {
  prepare: async (world) => {
    const { switchUri } = await group(world);
    const vlanPoolSet = [{ startVlanId: 20, endVlanId: 30 }];
    return () => world.call("POST", `${switchUri}/action/delvlanpool`, { vlanPoolSet });
  },
  done: async (world) => {
    const [{ uri }] = (await world.ok("GET", "dvswitchs")).dvSwitchs;
    assert.deepEqual((await world.ok("GET", uri)).vlanPoolSet, [{ startVlanId: 1, endVlanId: 10 }]);
  },
});
