import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesText, memoryText, readDiskSize, readMemory } from "./sizes.ts";
import { provisioningOnWire, readDiskFlag, readNicFlag } from "./vm-devices.ts";

test("memory: MiB alone, or with a unit", () => {
  const cases = {
    "512": 512,
    "512M": 512,
    "2G": 2048,
    "2g": 2048,
    "2GiB": 2048,
    "2GB": 2048,
    "1.5G": 1536,
    "1T": 1_048_576,
  };
  for (const [text, mib] of Object.entries(cases)) assert.equal(readMemory(text), mib, text);
  for (const bad of ["", "0", "-1", "G", "1.3M", "2K", "1e3", "lots", "99999999999999999999"]) {
    assert.throws(() => readMemory(bad), { code: "USAGE" }, bad);
  }
});

test("disk sizes are whole GiB", () => {
  const cases = { "20": 20, "20G": 20, "1T": 1024, "10240M": 10, "0.5T": 512 };
  for (const [text, gib] of Object.entries(cases)) assert.equal(readDiskSize(text), gib, text);
  for (const bad of ["", "0", "1.5G", "100M", "ten"])
    assert.throws(() => readDiskSize(bad), { code: "USAGE" }, bad);
});

test("sizes for people", () => {
  assert.equal(memoryText(512), "512 MiB");
  assert.equal(memoryText(2048), "2 GiB");
  assert.equal(memoryText(24_000), "23.4 GiB");
  assert.equal(memoryText(undefined), "");
  assert.equal(bytesText(0), "0 B");
  assert.equal(bytesText(40 * 1024 * 1024), "40 MiB");
});

test("disks: size, kind and datastore, and a datastore that is called like a kind", () => {
  const cases: [string, object][] = [
    ["20", { quantityGB: 20 }],
    ["20G:thin", { quantityGB: 20, kind: "thin" }],
    ["20G:lazy:fast", { quantityGB: 20, kind: "lazy", datastore: "fast" }],
    ["20G:fast", { quantityGB: 20, datastore: "fast" }],
    ["20G::thin", { quantityGB: 20, datastore: "thin" }],
    [
      "1T:thick:urn:sites:43BC08E8:datastores:41",
      { quantityGB: 1024, kind: "thick", datastore: "urn:sites:43BC08E8:datastores:41" },
    ],
    [
      "20G:urn:sites:43BC08E8:datastores:41",
      { quantityGB: 20, datastore: "urn:sites:43BC08E8:datastores:41" },
    ],
  ];
  for (const [text, disk] of cases) assert.deepEqual(readDiskFlag(text), disk, text);
  for (const bad of ["", ":thin", "thin", "20G:", "20G::"])
    assert.throws(() => readDiskFlag(bad), { code: "USAGE" }, bad);
});

test("kinds of disks as the wire says them", () => {
  assert.deepEqual(provisioningOnWire(undefined), {});
  assert.deepEqual(provisioningOnWire("thin"), { isThin: true });
  assert.deepEqual(provisioningOnWire("thick"), { isThin: false, volType: 0 });
  assert.deepEqual(provisioningOnWire("lazy"), { isThin: false, volType: 1 });
});

test("NICs: port group and MAC", () => {
  const cases: [string, object][] = [
    ["lan", { portGroup: "lan" }],
    ["lan:28:6E:D4:88:C6:2D", { portGroup: "lan", mac: "28:6e:d4:88:c6:2d" }],
    ["lan:28-6e-d4-88-c6-2d", { portGroup: "lan", mac: "28:6e:d4:88:c6:2d" }],
    ["edge/lan", { portGroup: "edge/lan" }],
    [
      "urn:sites:43BC08E8:dvswitchs:1:portgroups:44",
      { portGroup: "urn:sites:43BC08E8:dvswitchs:1:portgroups:44" },
    ],
    ["net:a", { portGroup: "net:a" }],
  ];
  for (const [text, nic] of cases) assert.deepEqual(readNicFlag(text), nic, text);
  assert.throws(() => readNicFlag(""), { code: "USAGE" });
});
