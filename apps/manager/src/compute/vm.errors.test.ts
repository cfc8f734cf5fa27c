import assert from "node:assert/strict";
import { test } from "node:test";
import { vmErrors, vmWireErrors } from "./vm.errors.ts";
import { generateMac, readMac } from "./mac.ts";

test("every error of the domain has a number on the wire", () => {
  const samples = [
    vmErrors.notFound(1),
    vmErrors.macUsed("x"),
    vmErrors.wrongState(1, "start", "running"),
    vmErrors.wrongState(1, "stop", "stopped"),
    vmErrors.wrongState(1, "hibernate", "hibernated"),
    vmErrors.wrongState(1, "reboot", "stopped"),
    vmErrors.noStorageAtLocation(),
    vmErrors.tooManyDisks(),
  ];
  for (const error of samples) assert.ok(error.code in vmWireErrors, error.code);
  for (const wire of Object.values(vmWireErrors)) assert.match(wire.code, /^\d{8,9}$/);
});

test("CMP-28: MAC addresses are read in both spellings, empty asks for one, wrong ones are refused", () => {
  assert.equal(readMac("28-6E-D4-88-C6-2D"), "28:6e:d4:88:c6:2d");
  assert.equal(readMac(""), undefined);
  assert.equal(readMac(undefined), undefined);
  for (const bad of [
    "1",
    "28:6e:d4:88:c6",
    "28:6e:d4:88:c6:2g",
    "00:00:00:00:00:00",
    "28:6e:d4:88:c6:2d:00",
  ]) {
    assert.throws(() => readMac(bad), { code: "MAC_INVALID" }, bad);
  }
  assert.throws(() => readMac("01:00:5e:00:00:01"), { code: "MAC_NOT_UNICAST" });
  assert.throws(() => readMac("ff:ff:ff:ff:ff:ff"), { code: "MAC_NOT_UNICAST" });
  for (let i = 0; i < 100; i++) assert.equal(readMac(generateMac())?.length, 17);
});
