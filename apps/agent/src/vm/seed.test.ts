import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { GuestSeed } from "@sinter/southbound";
import { buildIso } from "./iso9660.ts";
import { buildSeed } from "./seed-image.ts";
import { toYaml } from "./yaml.ts";

const SECTOR = 2048;

/** Files of an ISO 9660 image by name, read along the standard's own references; Joliet's names where told. */
function readIso(image: Buffer, descriptorType: 1 | 2): Map<string, string> {
  for (let sector = 16; ; sector++) {
    const descriptor = image.subarray(sector * SECTOR, (sector + 1) * SECTOR);
    assert.equal(descriptor.toString("latin1", 1, 6), "CD001");
    assert.notEqual(descriptor[0], 255, "the descriptor is there");
    if (descriptor[0] !== descriptorType) continue;
    const files = new Map<string, string>();
    const size = descriptor.readUInt32LE(166);
    const start = descriptor.readUInt32BE(162) * SECTOR;
    for (let at = start; at < start + size && image[at] !== 0; at += image[at] ?? 0) {
      if (((image[at + 25] ?? 0) & 2) !== 0) continue; // a directory
      const id = Buffer.from(image.subarray(at + 33, at + 33 + (image[at + 32] ?? 0)));
      const name = descriptorType === 2 ? id.swap16().toString("utf16le") : id.toString("latin1");
      const content = image.readUInt32LE(at + 2) * SECTOR;
      assert.equal(image.readUInt32BE(at + 6) * SECTOR, content, "both byte orders agree");
      files.set(name, image.toString("utf8", content, content + image.readUInt32LE(at + 10)));
    }
    return files;
  }
}

const seed: GuestSeed = {
  hostname: 'we"ird: name',
  password: "p4$$ '\" #:{}\\n\n",
  sshKeys: ["ssh-ed25519 AAAA a@b", "- not: a list"],
  nics: [
    { mac: "52:54:00:00:00:09", address: "192.0.2.9/24", gateway: "192.0.2.1", dns: ["192.0.2.53"] },
    { mac: "52:54:00:00:00:0a", address: null, gateway: null, dns: [] },
    { mac: "52:54:00:00:00:0b", address: "2001:db8::9/64", gateway: "2001:db8::1", dns: [] },
  ],
  userData: null,
};
const uuid = "00000000-0000-4000-8000-000000000001";

describe("first-boot settings", () => {
  test("are a volume named cidata, readable with and without Joliet", () => {
    const image = buildSeed(uuid, seed);
    assert.equal(image.length % SECTOR, 0);
    assert.equal(image.toString("latin1", 16 * SECTOR + 40, 16 * SECTOR + 46), "cidata");
    const files = readIso(image, 2);
    assert.deepEqual([...files.keys()].toSorted(), ["meta-data", "network-config", "user-data"]);
    assert.deepEqual([...readIso(image, 1).values()].toSorted(), [...files.values()].toSorted());
  });

  test("say what cloud-init reads, and strings stay strings", () => {
    const files = readIso(buildSeed(uuid, seed), 2);
    assert.equal(files.get("meta-data"), `instance-id: "${uuid}"\nlocal-hostname: "we\\"ird: name"\n`);
    assert.equal(
      files.get("user-data"),
      [
        "#cloud-config",
        'hostname: "we\\"ird: name"',
        `password: ${JSON.stringify(seed.password)}`,
        "chpasswd:",
        "  expire: false",
        "ssh_pwauth: true",
        "disable_root: false",
        "ssh_authorized_keys:",
        '  - "ssh-ed25519 AAAA a@b"',
        '  - "- not: a list"',
        "",
      ].join("\n"),
    );
    assert.equal(
      files.get("network-config"),
      [
        "version: 2",
        "ethernets:",
        "  nic0:",
        "    match:",
        '      macaddress: "52:54:00:00:00:09"',
        "    dhcp4: false",
        "    addresses:",
        '      - "192.0.2.9/24"',
        '    gateway4: "192.0.2.1"',
        "    nameservers:",
        "      addresses:",
        '        - "192.0.2.53"',
        "  nic1:",
        "    match:",
        '      macaddress: "52:54:00:00:00:0a"',
        "    dhcp4: true",
        "  nic2:",
        "    match:",
        '      macaddress: "52:54:00:00:00:0b"',
        "    dhcp4: false",
        "    addresses:",
        '      - "2001:db8::9/64"',
        '    gateway6: "2001:db8::1"',
        "",
      ].join("\n"),
    );
  });

  test("with a script of the user's own, that is all of the user data", () => {
    const files = readIso(buildSeed(uuid, { ...seed, userData: "#!/bin/sh\necho ü\n", nics: [] }), 2);
    assert.equal(files.get("user-data"), "#!/bin/sh\necho ü\n");
    assert.deepEqual([...files.keys()].toSorted(), ["meta-data", "user-data"]);
  });

  test("equal settings are equal bytes", () => {
    assert.ok(buildSeed(uuid, seed).equals(buildSeed(uuid, seed)));
  });

  test("large and empty files lie apart", () => {
    const large = "x".repeat(100_000);
    const files = readIso(
      buildIso("v", [
        { name: "a", content: Buffer.from(large) },
        { name: "b", content: Buffer.alloc(0) },
        { name: "c", content: Buffer.from("end") },
      ]),
      2,
    );
    assert.deepEqual([files.get("a") === large, files.get("b"), files.get("c")], [true, "", "end"]);
  });
});

test("YAML: nested lists and maps, odd keys, empty ones", () => {
  assert.equal(
    toYaml({ list: [1, { a: true, b: [] }, ["x"]], "odd: key": {}, no: "no" }),
    'list:\n  - 1\n  - a: true\n    b: []\n  - - "x"\n"odd: key": {}\nno: "no"\n',
  );
});
