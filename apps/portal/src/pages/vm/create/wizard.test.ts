import { describe, expect, test } from "vitest";
import type { WireVm } from "@sinter/northbound";
import { readMac } from "../mac.ts";
import { beyondCli, cliText, curlText, shellWord } from "./command-text.ts";
import { placeOfRefusal, STEPS } from "./refusal-place.ts";
import { cloneRequestOf, createRequestOf, EMPTY_WISH, roomNeeded, type Wish, wishFrom } from "./wish.ts";

const DATASTORE = "urn:sites:1:datastores:6";
const wish = (over: Partial<Wish> = {}): Wish => ({
  ...EMPTY_WISH,
  name: " web ",
  location: "urn:sites:1:clusters:1",
  disks: [{ sizeGiB: 20, datastoreUrn: DATASTORE, provisioning: "lazy" }],
  nics: [{ portGroupUrn: "urn:pg", mac: "28-6E-D4-88-C6-2D", addressing: "dhcp" }],
  ...over,
});
const names = {
  place: { kind: "cluster", name: "Prod 1" },
  datastore: () => "fast",
  portGroup: () => "VM Network",
} as const;

describe("what the wizard asks for", () => {
  test("CMP-01: a VM from nothing, each disk with its kind, MACs as the wire writes them", () => {
    const request = createRequestOf(
      wish({
        disks: [
          { sizeGiB: 1, datastoreUrn: DATASTORE, provisioning: "thin", image: "a.qcow2" },
          { sizeGiB: 2, datastoreUrn: DATASTORE, provisioning: "lazy" },
          { sizeGiB: 3, datastoreUrn: DATASTORE, provisioning: "normal" },
        ],
      }),
    );
    expect(request.name).toBe("web");
    expect(request.vmConfig.disks).toEqual([
      {
        sequenceNum: 1,
        quantityGB: 1,
        datastoreUrn: DATASTORE,
        isThin: true,
        volType: 0,
        sourceImage: "a.qcow2",
      },
      { sequenceNum: 2, quantityGB: 2, datastoreUrn: DATASTORE, isThin: false, volType: 1 },
      { sequenceNum: 3, quantityGB: 3, datastoreUrn: DATASTORE, isThin: false, volType: 0 },
    ]);
    expect(request.vmConfig.nics).toEqual([
      { sequenceNum: 0, portGroupUrn: "urn:pg", mac: "28:6e:d4:88:c6:2d" },
    ]);
    expect(request.vmConfig.properties).toEqual({ bootFirmware: "BIOS", bootOption: "disk" });
    expect(request).not.toHaveProperty("vmCustomization");
    expect(request).not.toHaveProperty("description");
  });

  test("an ISO is in the drive and comes first", () => {
    const request = createRequestOf(wish(), { datastoreId: "6", name: "debian.iso" });
    expect(request.vmConfig.properties?.bootOption).toBe("cdrom");
    expect(request).toMatchObject({ cdRomProtocol: "file", cdRomDevicePath: "6@debian.iso" });
  });

  test("customization: static addresses only where they are asked for, nothing empty", () => {
    const { vmCustomization, publickey } = createRequestOf(
      wish({
        isCustomized: true,
        hostname: "web-1",
        password: " pass ",
        sshKey: "  ssh-ed25519 AAAA me\n",
        nics: [
          { portGroupUrn: "a", mac: "", addressing: "dhcp", ip: "10.0.0.1" },
          {
            portGroupUrn: "b",
            mac: "",
            addressing: "static",
            ip: " 10.0.0.2",
            netmask: "24",
            gateway: "",
            dns: "9.9.9.9",
          },
        ],
      }),
    );
    expect(vmCustomization).toEqual({
      osType: "Linux",
      hostname: "web-1",
      password: " pass ",
      isUpdateVmPassword: true,
      nicSpecification: [
        { sequenceNum: 1 },
        { sequenceNum: 2, ip: "10.0.0.2", netmask: "24", setdns: "9.9.9.9" },
      ],
    });
    expect(publickey).toBe("ssh-ed25519 AAAA me");
  });

  test("CMP-04: a copy keeps the slots of its source; further disks are new and empty", () => {
    const source = {
      osOptions: { osType: "Windows", osVersion: 202 },
      vmConfig: {
        cpu: { quantity: 4, coresPerSocket: 2 },
        memory: { quantityMB: 4096 },
        disks: [{ sequenceNum: 3, quantityGB: 40, datastoreUrn: DATASTORE, isThin: false, volType: 1 }],
        nics: [{ portGroupUrn: "urn:pg", mac: "28:6e:d4:88:c6:2d" }],
        properties: { bootFirmware: "UEFI" },
      },
    } as unknown as WireVm;
    const taken = wish({ ...wishFrom(source), from: "urn:vm" });
    expect(taken).toMatchObject({ osType: "Windows", firmware: "UEFI", cpus: 4, memoryMiB: 4096 });
    expect(taken.nics[0]?.mac).toBe("");
    const request = cloneRequestOf({
      ...taken,
      disks: [...taken.disks, { sizeGiB: 5, datastoreUrn: DATASTORE, provisioning: "thin" }],
    });
    expect(request.vmConfig?.disks?.map((disk) => [disk.sequenceNum, disk.isDataCopy])).toEqual([
      [3, true],
      [4, false],
    ]);
  });

  test("a linked clone says so, and so does the command", () => {
    const linked = wish({ from: "urn:vm", isLinked: true });
    expect(cloneRequestOf(linked).isLinkClone).toBe(true);
    expect(cloneRequestOf({ ...linked, isLinked: false })).not.toHaveProperty("isLinkClone");
  });

  test("room: thin disks take none at once, rows that are not filled count nothing", () => {
    const needed = roomNeeded([
      { sizeGiB: 10, datastoreUrn: DATASTORE, provisioning: "normal" },
      { sizeGiB: 5, datastoreUrn: DATASTORE, provisioning: "lazy" },
      { sizeGiB: 90, datastoreUrn: DATASTORE, provisioning: "thin" },
      { sizeGiB: 7, provisioning: "normal" },
      undefined,
    ]);
    expect([...needed]).toEqual([[DATASTORE, 15]]);
  });
});

describe("the commands that do the same", () => {
  test("no password is in them", () => {
    const secret = wish({ isCustomized: true, password: "Top-Secret-1" });
    const curl = curlText("vrm.example", "/service/sites/1/vms", createRequestOf(secret));
    expect(curl).toContain('"password": "PASSWORD"');
    expect(curl + cliText(secret, names)).not.toContain("Top-Secret-1");
  });

  test("words that a shell would take apart are quoted, and a name cannot end the quotes", () => {
    expect(shellWord("plain-1.2")).toBe("plain-1.2");
    expect(shellWord("")).toBe("''");
    expect(shellWord("$(reboot)'; x")).toBe(`'$(reboot)'\\''; x'`);
    expect(cliText(wish({ name: "a b" }), names)).toBe(
      "sinter vm create 'a b' --cluster 'Prod 1' --cpu 1 --memory 2048M --disk 20G:lazy:fast --nic 'VM Network:28-6E-D4-88-C6-2D' --os-type Linux --os-version 302",
    );
  });

  test("an IPv6 host is bracketed", () => {
    expect(curlText("::1", "/x", createRequestOf(wish()))).toContain("https://[::1]:7443/x ");
    expect(curlText("[::1]", "/x", createRequestOf(wish()))).toContain("https://[::1]:7443/x ");
  });

  test("what the CLI cannot say is told", () => {
    expect(beyondCli(wish())).toEqual([]);
    expect(beyondCli(wish({ isCustomized: true, firmware: "UEFI", coresPerSocket: 2, isoId: "1" }))).toEqual([
      "customization",
      "firmware",
      "sockets",
      "iso",
    ]);
  });
});

describe("refusals", () => {
  test.each([
    ["10300045", "nics"],
    ["10410003", "disks"],
    ["10420006", "disks"],
    ["10800126", "size"],
    ["10300067", "place"],
    ["10300349", "guest"],
    ["10000010", "summary"],
    ["", "summary"],
  ])("%s belongs to %s", (code, step) => expect(placeOfRefusal(code).step).toBe(step));

  test("every place is a step", () => {
    for (let code = 10300000; code < 10300600; code++)
      expect(STEPS).toContain(placeOfRefusal(String(code)).step);
  });
});

describe("MAC addresses", () => {
  test.each([
    ["28:6e:d4:88:c6:2d", "28:6e:d4:88:c6:2d"],
    [" 286ED488C62D ", "28:6e:d4:88:c6:2d"],
    ["28-6e-d4-88-c6-2d", "28:6e:d4:88:c6:2d"],
    ["", undefined],
  ])("%s is read", (text, mac) => expect(readMac(text)).toEqual(mac === undefined ? {} : { mac }));
  test.each([
    ["28:6e:d4:88:c6", "malformed"],
    ["28:6e:d4:88:c6:2g", "malformed"],
    ["28:6e-d4:88:c6:2d", "malformed"],
    ["29:6e:d4:88:c6:2d", "multicast"],
    ["ff:ff:ff:ff:ff:ff", "multicast"],
    ["00:00:00:00:00:00", "zero"],
  ])("%s is %s", (text, fault) => expect(readMac(text)).toEqual({ fault }));
});
