import assert from "node:assert/strict";
import { test } from "node:test";
import { type CreatePortGroupRequest, CreatePortGroupRequest as Schema, readBody } from "@sinter/northbound";
import { networkWireErrors } from "./network.errors.ts";
import { isVlanRange, vlanIdsOf, vlanSpecOf } from "./network.ts";
import { changedPortGroup, newPortGroup } from "./port-group.ts";
import { poolsWith, poolsWithout } from "./vlan-pool.ts";

/** The eight digits with which a request is refused, by reader or by rule; "" when it is taken. */
function codeOf(work: () => unknown): string {
  try {
    work();
    return "";
  } catch (error) {
    const { errorCode, code } = error as { errorCode?: string; code: keyof typeof networkWireErrors };
    return errorCode ?? networkWireErrors[code]?.code ?? `no number for ${code}`;
  }
}

const pool = (startVlanId: number, endVlanId: number) => ({ startVlanId, endVlanId });
const POOLS = [
  { startVlanId: 10, endVlanId: 20 },
  { startVlanId: 100, endVlanId: 199 },
];
const create = (body: object, pools = POOLS) =>
  newPortGroup(readBody(Schema, { name: "pg", ...body }), pools);

for (const [code, body, why] of [
  ["", { vlanId: 0 }, "untagged is in no pool and always allowed"],
  ["", { vlanId: 10 }, "first of a pool"],
  ["", { vlanId: 199 }, "last of a pool"],
  ["10540105", { vlanId: 21 }, "outside the pools"],
  ["10504009", { vlanId: 4095 }, "no VLAN"],
  ["10504009", { vlanId: -1 }, "no VLAN"],
  ["10540104", {}, "no VLAN at all"],
  ["10504019", { vlanId: 0, vlanRange: "1-4" }, "an access port carries one VLAN"],
  ["10504018", { vlanId: 10, vlanRange: "1-4" }, "one kind of VLAN only"],
  ["10504018", { vlanId: 10, vxlanId: 5000 }, "one kind of VLAN only"],
  ["10502012", { vxlanId: 5000 }, "there are no VXLAN pools"],
  ["10500001", { subnetUrn: "urn:sites:43BC08E8:subnets:8" }, "there are no subnets"],
  ["10504014", { portType: 1 }, "a trunk needs a range"],
  ["", { portType: 1, vlanRange: "1-10,20" }, "a trunk is not looked up in pools"],
  ["", { portType: 1, vlanRange: "1-10,20", vlanId: 0 }, "0 is what an answer shows for a trunk"],
  ["10504017", { portType: 1, vlanRange: "10-1" }, "a range that ends before it starts"],
  ["10504017", { portType: 1, vlanRange: "0-5" }, "0 is no VLAN in a range"],
  ["10504017", { portType: 1, vlanRange: "1,,2" }, "an empty part"],
  ["10504017", { portType: 1, vlanRange: "1-4095" }, "beyond 4094"],
  ["10504017", { portType: 1, vlanRange: "a" }, "letters"],
  ["10504017", { portType: 1, vlanRange: "1,".repeat(1100) }, "more than 2047 characters"],
  ["10504013", { portType: 2, vlanId: 0 }, "no such port type"],
  ["10504016", { portType: 1, vlanRange: "5", isIpMacBind: true }, "a trunk binds no addresses"],
  ["10504028", { vlanId: 0, adminStatus: 1 }, "only trunks go down"],
  ["", { vlanId: 0, adminStatus: 0 }, "up is what every answer shows"],
  ["10504029", { portType: 1, vlanRange: "5", adminStatus: 2 }, "no such status"],
  ["10540520", { vlanId: 0, txLimit: 10_001 }, "too fast"],
  ["10504027", { vlanId: 0, txPeakLimit: 10 }, "a peak without a rate"],
  ["10504027", { vlanId: 0, rxBurstSize: 10 }, "a burst without a rate"],
  ["10504021", { vlanId: 0, txLimit: 100, txPeakLimit: 99 }, "a peak below the rate"],
  ["10504022", { vlanId: 0, txLimit: 100, txBurstSize: 10_001 }, "too large a burst"],
  ["10540511", { vlanId: 0, priority: 3 }, "a priority without a rate"],
  ["10540511", { vlanId: 0, txLimit: 10, priority: 1 }, "priorities begin at 2"],
  ["10540511", { vlanId: 0, txLimit: 10, priority: 8 }, "priorities end at 7"],
  ["10504026", { vlanId: 0, ipBcstSuppress: 4 }, "below the least suppression"],
  ["10504025", { vlanId: 0, arpBcstSuppress: 1025 }, "above the most"],
  ["10540521", { vlanId: 0, name: "a;b" }, "a character that names may not have"],
  ["10540521", { vlanId: 0, name: "" }, "no name"],
  ["10540521", { vlanId: 0, name: "x".repeat(257) }, "too long a name"],
  ["", { vlanId: 0, name: "net#6f9a#1#c 网络" }, "names as cloud software makes them"],
  ["10540522", { vlanId: 0, description: "x".repeat(1025) }, "too long a description"],
] as const) {
  test(`port group ${JSON.stringify(body).slice(0, 60)}: ${code || "taken"}, ${why}`, () => {
    assert.equal(
      codeOf(() => create(body)),
      code,
    );
  });
}

test("a switch without pools takes any VLAN", () => {
  assert.equal(
    codeOf(() => create({ vlanId: 4094 }, [])),
    "",
  );
});

test("rates left out are filled in: peak from rate, burst from peak, priority 7", () => {
  const { settings } = create({ vlanId: 0, txLimit: 100, rxLimit: 50, rxPeakLimit: 80 });
  assert.deepEqual(settings, {
    txLimit: 100,
    txPeakLimit: 100,
    txBurstSize: 100,
    priority: 7,
    rxLimit: 50,
    rxPeakLimit: 80,
    rxBurstSize: 80,
  });
});

test("what a client reads and sends back changes nothing", () => {
  const before = create({ portType: 1, vlanRange: "1-10, 20", txLimit: 10 });
  assert.equal(before.vlanRange, "1-10,20");
  const echo = { ...before, ...before.settings, portType: 1, vxlanId: 0, subnetUrn: "" };
  assert.deepEqual(changedPortGroup(before, readBody(Schema, echo), POOLS), before);
});

test("changing the type needs what the new one needs", () => {
  const access = create({ vlanId: 15 });
  const trunk = create({ portType: 1, vlanRange: "30-40" });
  const change = (from: typeof access, body: Partial<CreatePortGroupRequest>) =>
    codeOf(() => changedPortGroup(from, body, POOLS));
  assert.equal(change(trunk, { portType: 0 }), "10504015");
  assert.equal(change(access, { portType: 1 }), "10504014");
  assert.equal(change(access, {}), "10540415");
  assert.equal(change(access, { vlanId: 25 }), "10540105");
  assert.deepEqual(changedPortGroup(trunk, { portType: 0, vlanId: 12 }, POOLS).vlanId, 12);
  assert.deepEqual(changedPortGroup(access, { portType: 1, vlanRange: "7" }, POOLS).vlanRange, "7");
  assert.equal(changedPortGroup(access, { name: "other" }, POOLS).vlanId, 15);
  // The pool may have gone since; a change of something else is not refused for it.
  assert.equal(changedPortGroup(access, { name: "other" }, []).name, "other");
});

test("taking a rate away takes its peak, burst and priority with it", () => {
  const before = create({ vlanId: 0, txLimit: 100, txPeakLimit: 200, priority: 3 });
  assert.deepEqual(changedPortGroup(before, { txLimit: 0 }, []).settings, { txLimit: 0 });
  assert.equal(changedPortGroup(before, { txLimit: 300 }, []).settings.txPeakLimit, 300);
});

test("NET-10, NET-11: port groups as agents read them", () => {
  assert.deepEqual(vlanSpecOf(create({ vlanId: 12 })), { kind: "access", vlanId: 12 });
  const trunk = create({ portType: 1, vlanRange: "3,1-2,2-4" });
  assert.deepEqual(vlanSpecOf(trunk), { kind: "trunk", vlanIds: [1, 2, 3, 4] });
});

test("every range that is read gives numbers from 1 to 4094 (random, seed printed)", (t) => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  t.diagnostic(`seed ${seed}`);
  let state = seed;
  const next = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
  for (let round = 0; round < 2_000; round++) {
    const letters = "0123456789-, ";
    const text = Array.from({ length: 1 + next(12) }, () => letters[next(letters.length)]).join("");
    if (!isVlanRange(text)) continue;
    const ids = vlanIdsOf(text);
    assert.ok(
      ids.length > 0 && ids.every((id) => id >= 1 && id <= 4094),
      `${JSON.stringify(text)} → ${ids.join()}`,
    );
  }
});

test("VLAN pools: order, overlap, number, removal", () => {
  assert.deepEqual(poolsWith([pool(5, 6)], [pool(1, 2)]), [pool(1, 2), pool(5, 6)]);
  assert.equal(
    codeOf(() => poolsWith([], [pool(9, 8)])),
    "10540006",
  );
  assert.equal(
    codeOf(() => poolsWith([pool(1, 10)], [pool(10, 12)])),
    "10540007",
  );
  assert.equal(
    codeOf(() => poolsWith([], [pool(1, 5), pool(3, 4)])),
    "10540007",
  );
  const hundred = Array.from({ length: 100 }, (_, i) => pool(i * 2 + 1, i * 2 + 1));
  assert.equal(
    codeOf(() => poolsWith(hundred, [pool(3000, 3001)])),
    "10540039",
  );
  assert.equal(poolsWith([], hundred).length, 100);
  const used = new Map([[6, "web"]]);
  assert.equal(
    codeOf(() => poolsWithout([pool(5, 6)], [pool(5, 7)], used)),
    "10540020",
  );
  assert.equal(
    codeOf(() => poolsWithout([pool(5, 6)], [pool(5, 6)], used)),
    "10540021",
  );
  assert.deepEqual(poolsWithout([pool(1, 2), pool(5, 6)], [pool(1, 2)], used), [pool(5, 6)]);
});
