import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ManualClock } from "@sinter/kit";
import { ClientThrottle } from "./client-throttle.ts";

/** How long an attempt waits, by moving the clock until it is admitted. */
async function delayOf(throttle: ClientThrottle, clock: ManualClock, address: string): Promise<number> {
  let isAdmitted = false;
  const attempt = throttle.admit(address).then(() => (isAdmitted = true));
  const startedAt = clock.now();
  for (;;) {
    await new Promise((resolve) => setImmediate(resolve));
    if (isAdmitted) break;
    clock.advance(50);
  }
  await attempt;
  return clock.now() - startedAt;
}

describe("client throttle", () => {
  const options = { free: 2, firstDelayMs: 100, delayMsMax: 800, forgetMs: 60_000 };

  test("free failures cost nothing, then delays double up to the limit", async () => {
    const clock = new ManualClock();
    const throttle = new ClientThrottle(clock, options);
    const delays: number[] = [];
    for (let failure = 0; failure < 8; failure++) {
      delays.push(await delayOf(throttle, clock, "10.0.0.1"));
      throttle.failed("10.0.0.1");
    }
    assert.deepEqual(delays.slice(0, 2), [0, 0]);
    // The clock moved while waiting, so a little was forgotten: steps, not exact numbers.
    assert.ok(
      delays.every((delay, index) => delay >= (delays[index - 1] ?? 0) || delay === 800),
      delays.join(),
    );
    assert.equal(delays.at(-1), 800);
  });

  test("failures are forgotten with time", async () => {
    const clock = new ManualClock();
    const throttle = new ClientThrottle(clock, options);
    for (let failure = 0; failure < 5; failure++) throttle.failed("10.0.0.1");
    assert.ok((await delayOf(throttle, clock, "10.0.0.1")) > 0);
    clock.advance(5 * 60_000);
    assert.equal(await delayOf(throttle, clock, "10.0.0.1"), 0);
  });

  test("an IPv6 network counts as one client, other networks as others", async () => {
    const clock = new ManualClock();
    const throttle = new ClientThrottle(clock, options);
    for (const address of ["2001:db8::1", "2001:db8:0:0:1:2:3:4", "2001:db8::ffff", "2001:db8:0:0::9"]) {
      throttle.failed(address);
    }
    assert.ok((await delayOf(throttle, clock, "2001:db8::abcd")) > 0);
    assert.equal(await delayOf(throttle, clock, "2001:db8:0:1::1"), 0);
    for (let failure = 0; failure < 4; failure++) throttle.failed("::ffff:10.0.0.1");
    assert.ok((await delayOf(throttle, clock, "10.0.0.1")) > 0, "the same IPv4 client in both spellings");
  });
});
