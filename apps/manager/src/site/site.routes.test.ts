import assert from "node:assert/strict";
import { test } from "node:test";
import { inventoryWorld } from "../testing/inventory-world.ts";
import { managerDatabase, TEST_SITE } from "../testing/test-app.ts";
import { createSiteService } from "./site.service.ts";

test("sites: the own one first, in lists and in detail", async () => {
  await using world = await inventoryWorld();
  const { sites } = await world.ok("GET", "/service/sites");
  assert.equal(sites.length, 1);
  assert.deepEqual(sites[0], {
    urn: `urn:sites:${TEST_SITE}`,
    uri: `/service/sites/${TEST_SITE}`,
    name: "site",
    ip: "192.0.2.1",
    isDC: true,
    isSelf: true,
    status: "normal",
  });
  const detail = await world.ok("GET", sites[0].uri);
  assert.equal(typeof detail.timeZone, "string");
  await world.ok("PUT", sites[0].uri, { name: "North", description: "ü 网" });
  assert.equal((await world.ok("GET", sites[0].uri)).description, "ü 网");
  assert.equal((await world.call("PUT", sites[0].uri, { name: "" })).errorCode, "10000012");
});

test("sites: ids in paths are read in any case, other sites are unknown", async () => {
  await using world = await inventoryWorld();
  await world.ok("GET", `/service/sites/${TEST_SITE.toLowerCase()}`);
  const unknown = await world.call("GET", "/service/sites/00000000/clusters");
  assert.deepEqual([unknown.status, unknown.errorCode], [400, "10200258"]);
});

test("folders and security groups: none, as lists", async () => {
  await using world = await inventoryWorld();
  assert.deepEqual(await world.ok("GET", "folder?type=1&parentObjUrn="), { folders: [] });
  assert.deepEqual(await world.ok("GET", "folders"), { folders: [] });
  assert.deepEqual(await world.ok("GET", "securitygroups"), { securityGroups: [] });
});

test("a database has one site, whoever starts on it first", async () => {
  await using own = await managerDatabase();
  const { database } = own;
  const services = await Promise.all(
    Array.from({ length: 8 }, (_, i) => createSiteService({ database, siteName: `s${i}` })),
  );
  const later = await createSiteService({ database, siteName: "later" });
  assert.match(later.id(), /^[0-9A-F]{8}$/);
  assert.notEqual(later.get().name, "later");
  assert.deepEqual(new Set(services.map((service) => service.id())), new Set([later.id()]));
});
