import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Contender,
  cpuEntitlements,
  FEATURES,
  isSupportedOn,
  limitPerVcpuMhz,
  serverCapacity,
  VM_ACTIONS,
  VM_STATES,
  whyNot,
} from "./index.ts";

const near = (got: readonly number[], want: readonly number[]): void => {
  assert.equal(got.length, want.length);
  for (const [i, value] of want.entries())
    assert.ok(Math.abs((got[i] ?? NaN) - value) < 1e-6, `${got.join()} is not ${want.join()}`);
};
const vm = (shares: number, reservationMhz = 0, limitMhz = 0): Contender => ({
  shares,
  reservationMhz,
  limitMhz,
});

test("CMP-06: a server of 2 x 8 cores with 2 threads at 2.6 GHz offers 32 vCPUs and 83.2 GHz", () => {
  assert.deepEqual(serverCapacity({ sockets: 2, coresPerSocket: 8, threadsPerCore: 2, mhz: 2600 }), {
    threads: 32,
    totalMhz: 83_200,
  });
});

test("CMP-12: shares 1000, 2000, 4000 divide 2.8 GHz into 400, 800, 1600 MHz", () => {
  near(cpuEntitlements(2800, [vm(1000), vm(2000), vm(4000)]), [400, 800, 1600]);
});

test("CMP-13, CMP-17: a VM alone may use the whole core, with or without a reservation", () => {
  near(cpuEntitlements(2800, [vm(1000)]), [2800]);
  near(cpuEntitlements(2800, [vm(1000, 700)]), [2800]);
});

test("CMP-15: a share above the reservation wins", () => {
  near(cpuEntitlements(2800, [vm(1000, 300), vm(2000), vm(4000)]), [400, 800, 1600]);
});

test("CMP-16: a reservation of 700 MHz is taken from the others 1:2", () => {
  near(cpuEntitlements(2800, [vm(1000, 700), vm(2000), vm(4000)]), [700, 700, 1400]);
});

test("CMP-18: a 3 GHz limit over two vCPUs is 1.5 GHz each, and what a limit frees goes to the others", () => {
  assert.equal(limitPerVcpuMhz(3000, 2), 1500);
  near(cpuEntitlements(2800, [vm(1000), vm(2000), vm(4000, 0, 1000)]), [600, 1200, 1000]);
});

test("CMP-14: random contenders keep reservations, limits and the sum", () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  let state = seed;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return state % below;
  };
  for (let round = 0; round < 500; round++) {
    const capacity = 1000 + random(50_000);
    const contenders = Array.from({ length: 1 + random(12) }, () => {
      const reservationMhz = random(3) === 0 ? random(Math.floor(capacity / 12)) : 0;
      const limitMhz = random(3) === 0 ? reservationMhz + 1 + random(capacity) : 0;
      return vm(1 + random(8000), reservationMhz, limitMhz);
    });
    const got = cpuEntitlements(capacity, contenders);
    const context = `seed ${seed}, round ${round}: ${JSON.stringify({ capacity, contenders, got })}`;
    const sum = got.reduce((a, b) => a + b, 0);
    for (const [i, c] of contenders.entries()) {
      assert.ok((got[i] ?? 0) >= c.reservationMhz - 1e-6, `reservation broken, ${context}`);
      assert.ok(c.limitMhz === 0 || (got[i] ?? 0) <= c.limitMhz + 1e-6, `limit broken, ${context}`);
    }
    const allLimited = contenders.every((c, i) => c.limitMhz > 0 && (got[i] ?? 0) >= c.limitMhz - 1e-6);
    assert.ok(
      Math.abs(sum - capacity) < 1e-3 || (allLimited && sum <= capacity),
      `sum is ${sum}, ${context}`,
    );
    // Those neither lifted by a reservation nor held by a limit stand in proportion to their shares.
    const free = contenders
      .map((c, i) => ({ c, part: got[i] ?? 0 }))
      .filter(
        ({ c, part }) => part > c.reservationMhz + 1e-6 && (c.limitMhz === 0 || part < c.limitMhz - 1e-6),
      );
    for (const { c, part } of free) {
      const first = free[0];
      assert.ok(
        first && Math.abs(part / c.shares - first.part / first.c.shares) < 1e-6,
        `not proportional, ${context}`,
      );
    }
  }
});

test("every action starts from, passes and ends in known states, and whyNot names what is needed", () => {
  for (const action of Object.values(VM_ACTIONS)) {
    for (const state of [...action.from, action.via, action.to]) assert.ok(VM_STATES.includes(state));
  }
  assert.equal(whyNot("start", "stopped"), undefined);
  assert.match(whyNot("start", "running") ?? "", /running.*needs stopped or hibernated/);
  assert.match(whyNot("resize", "running") ?? "", /needs stopped/);
});

test("GEN-14: five of fifteen features are x86 only", () => {
  assert.equal(Object.keys(FEATURES).length, 15);
  const x86Only = (Object.keys(FEATURES) as (keyof typeof FEATURES)[]).filter(
    (f) => !isSupportedOn(f, "aarch64"),
  );
  assert.deepEqual(x86Only, [
    "memoryOvercommit",
    "antivirus",
    "userModeSwitching",
    "sriov",
    "gpuVirtualization",
  ]);
});
