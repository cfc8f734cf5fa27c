import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { describe, test } from "node:test";
import { sampleDisk, sampleNic, sampleVm, sampleVolume } from "@sinter/agent-link/testing";
import { buildDomainXml, type DomainXml, parseDomainXml } from "@sinter/libvirt";
import type { DiskSpec, NicSpec, VlanSpec, VmSpec } from "@sinter/southbound";
import { cgroupShares } from "./cpu-weights.ts";
import { domainOf, type HostTraits, type PlacedVm } from "./domain-spec.ts";
import { readMetadata } from "./vm-metadata.ts";

const kvmHost: HostTraits = {
  architecture: "x86_64",
  accelerator: "kvm",
  cpu: { threads: 8, mhz: 2_000 },
  cgroup: "v2",
  datapath: "system",
  managerId: "ca-fingerprint",
};
const emulatedHost: HostTraits = { ...kvmHost, accelerator: "emulated", cgroup: "v1", datapath: "netdev" };

const uuid = (digit: number): string => `00000000-0000-4000-8000-00000000000${digit}`;
const volume = (digit: number) => sampleVolume({ datastoreId: "7", volumeUuid: uuid(digit) });

function vmSpec(changes: Partial<VmSpec> = {}): VmSpec {
  return sampleVm({
    vmUuid: uuid(1),
    vmId: "i-0000002A",
    vnc: { keymap: "de" },
    ...changes,
  });
}

function placed(spec: VmSpec, seedPath: string | null = null): PlacedVm {
  return {
    spec,
    disks: spec.disks.map((disk) => ({
      disk,
      path: `/ds/volumes/${disk.volumeUuid}/${disk.volumeUuid}.${disk.format}`,
      datastore: { datastoreId: disk.datastoreId, path: "/ds", shared: true, directIo: true },
    })),
    nics: spec.nics.map((nic) => ({ nic, bridge: `s-${nic.switchId}` })),
    seedPath,
    cdrom: undefined,
  };
}

const build = (changes: Partial<VmSpec>, host = kvmHost): DomainXml =>
  domainOf(placed(vmSpec(changes)), host);
const disk = (changes: Partial<DiskSpec> = {}): DiskSpec => sampleDisk(volume(2), changes);
const nic = (changes: Partial<NicSpec> = {}): NicSpec =>
  sampleNic({ switchId: "3", nicUuid: uuid(3), mac: "52:54:00:00:00:01", ...changes });

describe("a VM as a libvirt domain", () => {
  // Whole definitions, to be read by people when they change: run with UPDATE_GOLDEN=1 and look at the difference.
  const golden: Record<string, () => DomainXml> = {
    "kvm-virtio": () =>
      domainOf(
        placed(
          vmSpec({
            name: "web server",
            cpu: {
              count: 4,
              coresPerSocket: 2,
              shares: 4_000,
              reservationMhz: 0,
              limitMhz: 4_000,
              affinity: [1, 3],
            },
            memoryMiB: 2_048,
            firmware: "uefi",
            bootOrder: ["disk", "cdrom"],
            disks: [
              disk(),
              disk({ volumeUuid: uuid(4), slot: 2, bus: "scsi", format: "raw", discard: false }),
            ],
            nics: [nic({ vlan: { kind: "access", vlanId: 100 } })],
            onCrash: "restart",
          }),
          "/var/lib/sinter/agent/seeds/x.iso",
        ),
        kvmHost,
      ),
    "emulated-ide": () =>
      build(
        {
          disks: [disk({ bus: "ide", format: "raw" })],
          nics: [nic({ model: "e1000" })],
          bootOrder: ["network"],
        },
        emulatedHost,
      ),
  };
  describe("CD drives", () => {
    const cds = (changes: Partial<VmSpec>, vm: Partial<PlacedVm> = {}): string[] => {
      const { devices } = domainOf({ ...placed(vmSpec(changes)), ...vm }, kvmHost);
      return (devices?.disks ?? [])
        .filter(({ device }) => device === "cdrom")
        .map(({ target, address }) => {
          const place = address === undefined ? "" : ` ${address.target}:${address.unit}`;
          return `${target.dev} ${target.bus}${place}`;
        });
    };
    const ide = (...slots: number[]): Partial<VmSpec> => ({
      disks: slots.map((slot) => disk({ bus: "ide", slot, volumeUuid: uuid(slot + 10) })),
    });
    const seedPath = "/seeds/x.iso";

    test("every VM has one, on the bus that its system sees", () => {
      assert.deepEqual(cds({ cdromBus: "sata" }), ["sdzzy sata 0:0"]);
      assert.deepEqual(cds({ cdromBus: "scsi" }), ["sdzzy scsi 255:0"]);
      assert.deepEqual(cds({ cdromBus: "sata", architecture: "aarch64" }), ["sdzzy scsi 255:0"]);
      assert.deepEqual(cds(ide(1)), ["hdd ide"]);
    });

    test("that of the first-boot settings comes after it and takes no disk's place", () => {
      assert.deepEqual(cds({ cdromBus: "sata" }, { seedPath }), ["sdzzy sata 0:0", "sdzzz scsi 255:0"]);
      assert.deepEqual(cds({ cdromBus: "scsi" }, { seedPath }), ["sdzzy scsi 255:0", "sdzzz scsi 255:1"]);
      assert.deepEqual(cds(ide(1), { seedPath }), ["hdd ide", "hdc ide"]);
      assert.deepEqual(cds(ide(1, 3), { seedPath }), ["hdd ide", "sdzzz scsi 255:0"]);
      // libvirt would boot from hdc before hdd.
      const installing = { ...ide(1), bootOrder: ["cdrom" as const, "disk" as const] };
      assert.deepEqual(cds(installing, { seedPath }), ["hdd ide", "sdzzz scsi 255:0"]);
    });

    test("what lies in it is a file, or a browser's medium on a socket", () => {
      const drive = (cdrom: PlacedVm["cdrom"]) =>
        domainOf({ ...placed(vmSpec({})), cdrom }, kvmHost).devices?.disks?.find(
          ({ device }) => device === "cdrom",
        );
      const file = drive({ kind: "file", path: "/ds/isos/a.iso" });
      assert.deepEqual([file?.type, file?.source?.file, file?.readonly], ["file", "/ds/isos/a.iso", true]);
      const remote = drive({ kind: "nbd", socket: "/run/m.sock" });
      assert.deepEqual(
        [remote?.type, remote?.source],
        ["network", { protocol: "nbd", hosts: [{ transport: "unix", socket: "/run/m.sock" }] }],
      );
      assert.equal(drive(undefined)?.source, undefined);
    });
  });

  for (const [name, make] of Object.entries(golden)) {
    test(`golden: ${name}`, async () => {
      const file = new URL(`./golden/${name}.xml`, import.meta.url);
      const xml = buildDomainXml(make());
      if (process.env["UPDATE_GOLDEN"] !== undefined) await writeFile(file, xml);
      assert.equal(xml, await readFile(file, "utf8"));
    });
  }

  test("CMP-27: any name is a title of one line and nothing else", () => {
    const names = [
      `</title><metadata/>&lt;"'`,
      "two\nlines\tand\0nul",
      "\u0001\u001f\ufffe",
      "名前 ✓ 𝒱",
      "]]><!-- -->",
      "$(reboot) `id` %s {{x}}",
      "lonely \ud800 surrogate",
    ];
    for (const name of names) {
      const xml = buildDomainXml(build({ name }));
      const parsed = parseDomainXml(xml);
      assert.equal(parsed.name, "i-0000002A");
      assert.doesNotMatch(parsed.title ?? "", /[\r\n\t\0]/);
      assert.equal(readMetadata(parsed)?.generation, 1);
      assert.equal(parsed.title?.length, name.length, JSON.stringify(name));
    }
    assert.equal(build({ name: "名前 <✓>" }).title, "名前 <✓>");
  });

  test("disks have the names of their slots, one after the other, whatever the order", () => {
    const domain = build({
      disks: [
        disk({ slot: 27, volumeUuid: uuid(5) }),
        disk({ slot: 1, volumeUuid: uuid(2) }),
        disk({ slot: 26, volumeUuid: uuid(4) }),
        disk({ slot: 60, volumeUuid: uuid(6), bus: "scsi" }),
        disk({ slot: 256, volumeUuid: uuid(7), bus: "scsi" }),
        disk({ slot: 1100, volumeUuid: uuid(8), bus: "scsi" }),
      ],
    });
    const disks = domain.devices?.disks?.filter(({ device }) => device === "disk") ?? [];
    assert.deepEqual(
      disks.map(({ target }) => target.dev),
      ["vdaa", "vda", "vdz", "sdbh", "sdiv", "sdaph"],
    );
    assert.deepEqual(
      disks.flatMap(({ address }) => (address ? [[address.target, address.unit]] : [])),
      [
        [59, 0],
        [0, 1],
        [79, 4],
      ],
    );
    assert.equal(new Set(domain.devices?.disks?.map(({ target }) => target.dev)).size, 7);
  });

  test("a disk on IDE needs the older machine, on which the CD-ROM is IDE as well", () => {
    const domain = build({ disks: [disk({ bus: "ide", slot: 3 })] });
    assert.equal(domain.os.type.machine, "pc");
    assert.deepEqual(
      domain.devices?.disks?.map(({ target }) => [target.dev, target.bus]),
      [
        ["hdc", "ide"],
        ["hdd", "ide"],
      ],
    );
  });

  test("cache, discard, sharing, serial and limits of a disk", () => {
    const [plain] = build({ disks: [disk({ discard: false })] }).devices?.disks ?? [];
    assert.deepEqual(plain?.driver, { name: "qemu", type: "qcow2", cache: "none", discard: "ignore" });
    assert.equal(plain.iotune, undefined);
    assert.equal(plain.shareable, undefined);
    assert.equal(plain.serial, uuid(2).slice(0, 20));
    const [tuned] =
      build({
        disks: [
          disk({ shared: true, readBytesPerSec: 1e6, writeBytesPerSec: 2e6, readIops: 3, writeIops: 4 }),
        ],
      }).devices?.disks ?? [];
    assert.deepEqual(tuned?.iotune, {
      readBytesSec: 1e6,
      writeBytesSec: 2e6,
      readIopsSec: 3,
      writeIopsSec: 4,
    });
    assert.equal(tuned.shareable, true);
    assert.equal(tuned.driver?.discard, "unmap");
    const spec = vmSpec({ disks: [disk()] });
    const slow = placed(spec);
    const indirect = slow.disks.map((one) => ({ ...one, datastore: { ...one.datastore, directIo: false } }));
    assert.equal(
      domainOf({ ...slow, disks: indirect }, kvmHost).devices?.disks?.[0]?.driver?.cache,
      "writeback",
    );
  });

  const vlans: [VlanSpec, unknown][] = [
    [{ kind: "access", vlanId: 0 }, undefined],
    [{ kind: "access", vlanId: 4094 }, { tags: [{ id: 4094 }] }],
    [
      { kind: "trunk", vlanIds: [20, 10, 20] },
      { trunk: true, tags: [{ id: 10 }, { id: 20 }] },
    ],
    [
      { kind: "trunk", vlanIds: [0, 5] },
      { trunk: true, tags: [{ id: 0 }, { id: 5 }] },
    ],
    [
      { kind: "trunk", vlanIds: [] },
      { trunk: true, tags: [{ id: 0 }] },
    ],
  ];
  for (const [vlan, expected] of vlans) {
    test(`a NIC's VLANs: ${JSON.stringify(vlan)}`, () => {
      assert.deepEqual(build({ nics: [nic({ vlan })] }).devices?.interfaces?.[0]?.vlan, expected);
    });
  }

  test("a NIC: port of its switch, link state, boot ROM, and checksums on the userspace datapath", () => {
    const of = (changes: Partial<NicSpec>, host = kvmHost, bootOrder: VmSpec["bootOrder"] = ["disk"]) =>
      build({ nics: [nic(changes)], bootOrder }, host).devices?.interfaces?.[0];
    const plain = of({});
    assert.equal(plain?.source?.bridge, "s-3");
    assert.deepEqual(plain.virtualPort, { type: "openvswitch", parameters: { interfaceId: uuid(3) } });
    assert.deepEqual([plain.driver, plain.rom, plain.link], [undefined, { enabled: false }, { state: "up" }]);
    assert.deepEqual(of({}, emulatedHost)?.driver, { name: "qemu", host: { checksum: false } });
    assert.equal(of({ model: "e1000" }, emulatedHost)?.driver, undefined);
    assert.deepEqual(of({ connected: false })?.link, { state: "down" });
    assert.equal(of({}, kvmHost, ["network", "disk"])?.rom, undefined);
  });

  test("CMP-11, CMP-18: shares and limits where the host can weigh CPU time", () => {
    const cpu = {
      count: 2,
      coresPerSocket: 1,
      shares: 1_000,
      reservationMhz: 0,
      limitMhz: 1_000,
      affinity: [],
    };
    assert.deepEqual(build({ cpu }, emulatedHost).cpuTune, {
      shares: 1_000,
      periodUs: 100_000,
      quotaUs: 25_000,
    });
    assert.deepEqual(build({ cpu }).cpuTune, { shares: 78, periodUs: 100_000, quotaUs: 25_000 });
    assert.equal(build({ cpu }, { ...kvmHost, cgroup: "none" }).cpuTune, undefined);
    // A limit above what the threads can do is none.
    assert.deepEqual(build({ cpu: { ...cpu, limitMhz: 9_000 } }, emulatedHost).cpuTune, { shares: 1_000 });
    assert.equal(build({ cpu: { ...cpu, limitMhz: 1 } }, emulatedHost).cpuTune?.quotaUs, 1_000);
    for (const [shares, v1, v2] of [
      [1, 2, 1],
      [128_000, 128_000, 10_000],
      [1_000_000, 262_144, 10_000],
    ] as const) {
      assert.deepEqual([cgroupShares(shares, "v1"), cgroupShares(shares, "v2")], [v1, v2]);
    }
  });

  test("CPUs: model by accelerator, sockets that divide, threads that exist", () => {
    const of = (count: number, coresPerSocket: number, affinity: number[] = []) =>
      build({ cpu: { count, coresPerSocket, shares: 1, reservationMhz: 0, limitMhz: 0, affinity } });
    assert.deepEqual(of(8, 4).cpu?.topology, { sockets: 2, cores: 4, threads: 1 });
    assert.deepEqual(of(3, 2).cpu?.topology, { sockets: 3, cores: 1, threads: 1 });
    assert.equal(of(1, 1).cpu?.mode, "host-passthrough");
    assert.equal(build({}, emulatedHost).cpu?.model?.name, "Nehalem");
    assert.equal(build({}, emulatedHost).type, "qemu");
    assert.equal(of(2, 1, [7, 0, 99]).vcpu?.cpuset, "0,7");
    assert.equal(of(2, 1, [99]).vcpu?.cpuset, undefined);
  });

  test("boot order, firmware, keyboard, and what happens after a crash", () => {
    assert.deepEqual(build({ bootOrder: [] }).os.boot, [{ dev: "hd" }]);
    assert.deepEqual(build({ bootOrder: ["network", "cdrom", "disk"] }).os.boot, [
      { dev: "network" },
      { dev: "cdrom" },
      { dev: "hd" },
    ]);
    assert.equal(build({ firmware: "uefi" }).os.firmware, "efi");
    assert.equal(build({ firmware: "bios" }).os.firmware, undefined);
    for (const onCrash of ["preserve", "restart", "destroy"] as const) {
      assert.equal(build({ onCrash }).onCrash, onCrash);
    }
    assert.equal(build({}).devices?.graphics?.[0]?.keymap, "de");
    const hostile = build({ vnc: { keymap: "../../../etc/passwd" } });
    assert.equal(hostile.devices?.graphics?.[0]?.keymap, "en-us");
  });

  test("ARM has its own machine, without what only PCs have", () => {
    const domain = build(
      { architecture: "aarch64", firmware: "uefi" },
      { ...emulatedHost, architecture: "aarch64" },
    );
    assert.equal(domain.os.type.machine, "virt");
    assert.deepEqual([domain.features, domain.devices?.panics], [{ acpi: true }, undefined]);
    assert.equal(domain.cpu?.model?.name, "cortex-a72");
  });

  test("CNA-05: the metadata holds what a reinstalled agent must know", () => {
    const spec = vmSpec({
      generation: 12,
      disks: [disk(), disk({ slot: 2, volumeUuid: uuid(4) })],
      nics: [nic()],
    });
    const metadata = readMetadata(parseDomainXml(buildDomainXml(domainOf(placed(spec), kvmHost))));
    assert.deepEqual(metadata, {
      vmUuid: spec.vmUuid,
      vmId: "i-0000002A",
      generation: 12,
      managerId: "ca-fingerprint",
      cpu: { shares: 1_000, reservationMhz: 0, limitMhz: 0 },
      datastores: [{ datastoreId: "7", path: "/ds", shared: true }],
      disks: [
        { target: "vda", volumeUuid: uuid(2), datastoreId: "7" },
        { target: "vdb", volumeUuid: uuid(4), datastoreId: "7" },
      ],
      nics: [{ mac: "52:54:00:00:00:01", nicUuid: uuid(3), switchId: "3" }],
    });
  });

  test("there are PCIe slots for what is there, for our own devices, and spare ones", () => {
    const ports = (changes: Partial<VmSpec>): number =>
      build(changes).devices?.controllers?.filter(({ model }) => model === "pcie-root-port").length ?? 0;
    const many = Array.from({ length: 60 }, (_, index) =>
      disk({ slot: index + 1, volumeUuid: crypto.randomUUID() }),
    );
    assert.equal(ports({ disks: many, nics: [nic()] }) - ports({}), 61);
    assert.equal(ports({ disks: [disk({ bus: "scsi" })] }), ports({}));
  });
});
