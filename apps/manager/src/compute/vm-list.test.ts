import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { CreateVmRequest, NicRequest, readBody } from "@sinter/northbound";
import { JsonText } from "../http/json-text.ts";
import { type ComputeWorld, computeWorld, OPERATOR } from "../testing/compute-world.ts";
import { readNames } from "./names.store.ts";
import { summaryOf } from "./vm.ts";
import { createVmLists, type VmLists } from "./vm-list.ts";
import { summaryToWire } from "./vm.wire.ts";

const ALL = { limit: undefined, offset: 0 };
const BY_ID = { field: "id", isDescending: false } as const;
const SITE = "43BC08E8";

describe("lists of VMs from kept texts", () => {
  let world: ComputeWorld;
  let lists: VmLists;
  const ids: number[] = [];
  before(async () => {
    world = await computeWorld();
    lists = createVmLists({ database: world.database, siteId: () => SITE });
    for (const name of ["Zoë", '<b>"quoted"</b>\n', "c"]) {
      const begun = await world.vms.create(
        OPERATOR,
        readBody(CreateVmRequest, {
          name,
          location: world.urns.cluster,
          osOptions: { osType: "Linux", osVersion: 302 },
          vmConfig: {
            cpu: { quantity: 1 },
            memory: { quantityMB: 256 },
            disks: [{ sequenceNum: 1, quantityGB: 1, datastoreUrn: world.urns.datastore, isThin: true }],
            nics: [{ portGroupUrn: world.urns.portGroup }],
          },
        }),
      );
      await world.done(begun);
      ids.push(begun.id);
    }
  });
  after(() => world[Symbol.asyncDispose]());

  /** What the list should be, made from the rows without anything that is kept. */
  const fresh = async (): Promise<unknown> => {
    const rows = await world.vms.list({}, ALL, BY_ID);
    const names = await readNames(world.database.db, SITE, rows);
    const vms = rows.map((row) => summaryToWire(summaryOf(row), names));
    return JSON.parse(JSON.stringify({ total: rows.length, vms }));
  };
  const listed = async (): Promise<unknown> => JSON.parse((await lists.summaries({}, ALL, BY_ID)).toString());
  const sql = (text: string): Promise<unknown> => world.database.pool.query(text);

  test("equal what the rows say, whatever was changed since the texts were made", async () => {
    assert.deepEqual(await listed(), await fresh());
    const [first = 0, second = 0, third = 0] = ids;
    await sql(
      `update vms set guest = '{"agent":"running","agentVersion":"7","addresses":[]}' where id = ${first}`,
    );
    assert.deepEqual(await listed(), await fresh());
    await sql("update hosts set name = name || '-renamed'");
    assert.deepEqual(await listed(), await fresh());
    await sql("update clusters set name = 'elsewhere'");
    assert.deepEqual(await listed(), await fresh());
    const nic = await world.vms.attachNic(
      OPERATOR,
      second,
      readBody(NicRequest, { name: "more", portGroupUrn: world.urns.portGroup }),
    );
    assert.deepEqual(await listed(), await fresh());
    await world.done(nic);
    await world.done(await world.vms.detachNic(OPERATOR, second, 1));
    assert.deepEqual(await listed(), await fresh());
    await lists.warm();
    await world.done(await world.vms.remove(OPERATOR, third, { isKeepingDisks: false }));
    await lists.warm();
    assert.deepEqual(await listed(), await fresh());
  });

  test("a page has its own rows and the number of all, in the order asked for", async () => {
    const page = JSON.parse(
      (await lists.summaries({}, { limit: 1, offset: 1 }, { field: "id", isDescending: true })).toString(),
    );
    assert.equal(page.total, 2);
    assert.deepEqual(
      page.vms.map((vm: { name: string }) => vm.name),
      ["Zoë"],
    );
    const none = JSON.parse((await lists.identities({ name: "nobody" }, ALL, BY_ID)).toString());
    assert.deepEqual(none, { total: 0, vms: [] });
  });
});

test("a large JSON text is sent in pieces that add up to it", async () => {
  const parts = Array.from({ length: 5000 }, (_, i) => Buffer.from(`"${"é".repeat(i % 300)}",`));
  const text = new JsonText(parts);
  const body = text.body();
  assert.ok(!Buffer.isBuffer(body));
  const pieces: Buffer[] = [];
  for await (const piece of body) pieces.push(piece as Buffer);
  assert.ok(pieces.length > 1);
  assert.equal(Buffer.concat(pieces).length, text.size);
  assert.ok(Buffer.concat(pieces).equals(Buffer.concat(parts)));
});
