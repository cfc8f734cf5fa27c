import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { DomainXml } from "@sinter/libvirt";
import type { VmPower } from "@sinter/southbound";
import { cpuWeights } from "./cpu-weights.ts";
import { descriptionHome } from "./description-file.ts";
import { guestAddresses } from "./guest-answers.ts";
import { keepAddresses } from "./keep-addresses.ts";
import { buildMetadata, METADATA_NAMESPACE, readMetadata, type VmMetadata } from "./vm-metadata.ts";
import { isUp, observationOf, powerOf, type SeenDomain } from "./vm-observation.ts";

describe("what libvirt says in the contract's words", () => {
  const cases: [SeenDomain["status"]["state"], boolean, VmPower][] = [
    ["running", false, "running"],
    ["blocked", false, "running"],
    ["paused", false, "paused"],
    ["pmSuspended", false, "paused"],
    ["shuttingDown", false, "stopping"],
    ["shutoff", false, "stopped"],
    ["shutoff", true, "hibernated"],
    ["crashed", false, "crashed"],
    ["none", false, "stopped"],
  ];
  for (const [state, hasSavedMemory, power] of cases) {
    test(`${state}${hasSavedMemory ? " with saved memory" : ""} is ${power}`, () => {
      assert.equal(powerOf({ status: { state, reason: "unknown" }, hasSavedMemory }), power);
    });
  }

  test("a process stands behind all but stopped and hibernated", () => {
    const up = cases.map(([, , power]) => power).filter(isUp);
    assert.deepEqual([...new Set(up)], ["running", "paused", "stopping", "crashed"]);
  });

  test("a found domain: no generation, disks of others, CD-ROMs left out", () => {
    const domain: DomainXml = {
      type: "kvm",
      name: "found",
      memoryKiB: 1_048_576,
      currentMemoryKiB: 524_288,
      vcpu: { count: 4, current: 2 },
      os: { type: { value: "hvm" } },
      devices: {
        disks: [
          { type: "block", device: "disk", source: { dev: "/dev/vg/one" }, target: { dev: "sda" } },
          { type: "network", source: { name: "pool/image" }, target: { dev: "vda" } },
          { type: "file", device: "cdrom", target: { dev: "hdc" } },
          {
            type: "file",
            source: {
              file: "/ds/volumes/00000000-0000-4000-8000-000000000001/00000000-0000-4000-8000-000000000001.raw",
            },
            target: { dev: "vdb" },
          },
        ],
        interfaces: [{ type: "user", mac: { address: "52:54:00:00:00:01" }, target: { dev: "vnet0" } }],
        graphics: [{ type: "spice", port: 5901 }],
      },
    };
    const seen: SeenDomain = {
      uuid: "00000000-0000-4000-8000-00000000000a",
      status: { state: "running", reason: "booted" },
      hasSavedMemory: false,
      current: domain,
      stored: domain,
    };
    const { disks, ...rest } = observationOf(seen, { guest: null, vnc: null, cdrom: null });
    assert.deepEqual(disks, [
      { volumeUuid: null, target: "sda", source: "/dev/vg/one" },
      { volumeUuid: null, target: "vda", source: null },
      {
        volumeUuid: "00000000-0000-4000-8000-000000000001",
        target: "vdb",
        source: "/ds/volumes/00000000-0000-4000-8000-000000000001/00000000-0000-4000-8000-000000000001.raw",
      },
    ]);
    assert.deepEqual([rest.generation, rest.cpuCount, rest.memoryMiB, rest.vnc], [null, 2, 512, null]);
    assert.deepEqual(rest.nics, [{ mac: "52:54:00:00:00:01", device: "vnet0" }]);
  });
});

describe("metadata", () => {
  const whole: VmMetadata = {
    vmUuid: "u",
    vmId: "i-1",
    generation: 3,
    managerId: `<&"'`,
    cpu: { shares: 1, reservationMhz: 2, limitMhz: 3 },
    datastores: [{ datastoreId: "1", path: "/a b/<c>", shared: false }],
    disks: [{ target: "vda", volumeUuid: "v", datastoreId: "1" }],
    nics: [{ mac: "m", nicUuid: "n", switchId: "s" }],
  };

  test("is read as it was written", () => {
    assert.deepEqual(readMetadata({ metadata: [buildMetadata(whole)] }), whole);
  });

  test("without CPU claims, as older agents wrote it, is read as well", () => {
    const { cpu: _none, ...older } = whole;
    assert.deepEqual(readMetadata({ metadata: [buildMetadata(older)] }), { ...older, cpu: undefined });
  });

  test("of others, or broken, is none", () => {
    const { attributes, ...rest } = buildMetadata(whole);
    assert.equal(readMetadata({}), undefined);
    assert.equal(
      readMetadata({
        metadata: [{ ...rest, attributes: { ...attributes, "xmlns:sinter": "https://other" } }],
      }),
      undefined,
    );
    for (const generation of ["", "-1", "1.5", "x", "1e3"]) {
      assert.equal(
        readMetadata({ metadata: [{ ...rest, attributes: { ...attributes, generation } }] }),
        undefined,
      );
    }
  });

  test("is found under whatever prefix libvirt gives it", () => {
    const root = {
      name: "ns0:vm",
      attributes: { "xmlns:ns0": METADATA_NAMESPACE, vm: "u", id: "i-1", generation: "3", manager: "m" },
      children: [
        { name: "ns0:disk", attributes: { target: "vda", volume: "v", datastore: "1" }, children: [] },
      ],
    };
    assert.equal(readMetadata({ metadata: [root] })?.disks[0]?.volumeUuid, "v");
  });

  test("CMP-31: the description lies with the system disk", () => {
    const datastores = ["1", "2"].map((datastoreId) => ({
      datastoreId,
      path: `/${datastoreId}`,
      shared: false,
    }));
    const disk = (target: string, datastoreId: string) => ({ target, volumeUuid: target, datastoreId });
    const home = (...disks: ReturnType<typeof disk>[]) =>
      descriptionHome({ ...whole, datastores, disks })?.path;
    assert.equal(home(disk("vdb", "1"), disk("vda", "2")), "/2");
    assert.equal(home(disk("vdb", "1"), disk("sda", "2")), "/2");
    assert.equal(home(disk("vdc", "1")), "/1");
    assert.equal(home(), undefined);
  });
});

describe("CPU weights", () => {
  const vm = (shares: number, reservationMhz = 0, limitMhz = 0) => ({ shares, reservationMhz, limitMhz });

  test("CMP-12: without guarantees the shares are the weights", () => {
    const claims = [vm(1_000), vm(2_000), vm(4_000)];
    assert.deepEqual(cpuWeights(2_800, claims, "v1"), [1_000, 2_000, 4_000]);
    assert.deepEqual(cpuWeights(2_800, claims, "v2"), [78, 156, 313]);
  });

  test("CMP-16: with a guarantee the weights are what each is entitled to", () => {
    const claims = [vm(1_000, 700), vm(2_000), vm(4_000)];
    assert.deepEqual(cpuWeights(2_800, claims, "v1"), [700, 700, 1_400]);
    assert.deepEqual(cpuWeights(2_800, claims, "v2"), [2_500, 2_500, 5_000]);
  });

  test("weights stay within what the kernel takes", () => {
    for (const cgroup of ["v1", "v2"] as const) {
      const weights = cpuWeights(1_000_000, [vm(1, 1), vm(128_000, 999_999)], cgroup);
      for (const weight of weights) assert.ok(weight >= (cgroup === "v1" ? 2 : 1) && weight <= 262_144);
    }
    assert.deepEqual(cpuWeights(1_000, [], "v2"), []);
  });
});

describe("a guest's own words", () => {
  test("addresses by NIC, the loopback left out", () => {
    assert.deepEqual(
      guestAddresses([
        { name: "lo", "hardware-address": "00:00:00:00:00:00", "ip-addresses": [] },
        {
          name: "eth0",
          "hardware-address": "52:54:00:AA:00:01",
          "ip-addresses": [
            { "ip-address-type": "ipv4", "ip-address": "192.0.2.1", prefix: 24 },
            { "ip-address-type": "ipv6", "ip-address": "fe80::1", prefix: 64 },
          ],
        },
        { name: "eth1", "hardware-address": "52:54:00:aa:00:02" },
      ]),
      [
        { mac: "52:54:00:aa:00:01", name: "eth0", ipv4: ["192.0.2.1"], ipv6: ["fe80::1"] },
        { mac: "52:54:00:aa:00:02", name: "eth1", ipv4: [], ipv6: [] },
      ],
    );
  });

  test("nonsense of a hostile guest does no harm and stays small", () => {
    const long = "x".repeat(10_000);
    const nonsense: unknown[] = [
      null,
      "text",
      {},
      [null, 1, {}],
      [{ name: long, "hardware-address": long }],
      [{ name: "a", "hardware-address": "m", "ip-addresses": "no list" }],
      [
        {
          name: "a",
          "hardware-address": "m",
          "ip-addresses": [null, 1, { "ip-address-type": "ipv4", "ip-address": long }],
        },
      ],
      Array.from({ length: 100_000 }, () => ({ name: "a", "hardware-address": "m" })),
    ];
    for (const answer of nonsense) {
      assert.ok(JSON.stringify(guestAddresses(answer)).length < 10_000);
    }
  });
});

describe("places of devices over a redefinition", () => {
  const pci = (bus: string) => ({ type: "pci", domain: "0x0000", bus, slot: "0x00", function: "0x0" });
  const base: DomainXml = {
    type: "qemu",
    name: "x",
    memoryKiB: 1,
    os: { type: { value: "hvm", machine: "q35" } },
  };
  const nic = (mac: string, bus?: string) => ({
    type: "bridge",
    mac: { address: mac },
    ...(bus === undefined ? {} : { address: pci(bus) }),
  });
  const disk = (dev: string, bus?: string) => ({
    type: "file",
    target: { dev, bus: "virtio" },
    ...(bus === undefined ? {} : { address: pci(bus) }),
  });
  const ports = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, index) => ({
      type: "pci",
      index: from + index,
      model: "pcie-root-port",
    }));
  const before: DomainXml = {
    ...base,
    os: { type: { value: "hvm", machine: "pc-q35-7.2" } },
    devices: {
      controllers: [{ type: "virtio-serial", index: 0, address: pci("0x03") }, ...ports(1, 4)],
      disks: [disk("vda", "0x01"), disk("vdb", "0x02")],
      interfaces: [nic("m1", "0x04")],
    },
  };

  test("a NIC keeps its slot when a disk before it goes", () => {
    const next = {
      ...base,
      devices: { controllers: ports(1, 3), disks: [disk("vdb")], interfaces: [nic("m1"), nic("m2")] },
    };
    const { devices } = keepAddresses(next, before);
    assert.deepEqual(
      devices?.disks?.map(({ address }) => address?.bus),
      ["0x02"],
    );
    assert.deepEqual(
      devices?.interfaces?.map(({ address }) => address?.bus),
      ["0x04", undefined],
    );
  });

  test("ports stay, further ones are added with the next numbers, libvirt's own controllers too", () => {
    const next = { ...base, devices: { controllers: ports(1, 6) } };
    const { devices } = keepAddresses(next, before);
    assert.deepEqual(
      devices?.controllers?.map(({ type, index }) => `${type} ${index}`),
      ["virtio-serial 0", "pci 1", "pci 2", "pci 3", "pci 4", "pci 5", "pci 6"],
    );
  });

  test("another machine has other buses: nothing is kept", () => {
    const next = {
      ...base,
      os: { type: { value: "hvm", machine: "pc" } },
      devices: { disks: [disk("vda")] },
    };
    assert.equal(keepAddresses(next, before), next);
  });
});
