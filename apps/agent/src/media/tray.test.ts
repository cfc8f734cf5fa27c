import assert from "node:assert/strict";
import { test } from "node:test";
import { LibvirtError } from "@sinter/libvirt";
import { whileTrayStaysOpen } from "./tray.ts";

const failure = (message: string): LibvirtError =>
  Object.assign(Object.create(LibvirtError.prototype), { message });

test("a tray that the guest closed in between is tried again, and anything else is not", async () => {
  let calls = 0;
  const closedTwice = async (): Promise<string> => {
    calls++;
    if (calls < 3) throw failure("internal error: Tray of device 'ua-cd' is not open");
    return "changed";
  };
  assert.equal(await whileTrayStaysOpen(closedTwice), "changed");
  assert.equal(calls, 3);
  calls = 0;
  await assert.rejects(
    whileTrayStaysOpen(async () => {
      calls++;
      throw failure("no space left");
    }),
    /no space left/,
  );
  assert.equal(calls, 1);
});

test("a tray that never stays open is given up", async () => {
  let calls = 0;
  await assert.rejects(
    whileTrayStaysOpen(async () => {
      calls++;
      throw failure("Tray of device 'ua-cd' is not open");
    }),
    /is not open/,
  );
  assert.equal(calls, 5);
});
