import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError, run } from "@sinter/kit";
import type { GuestNetwork, LabAddresses } from "./lab.ts";
import { type Box, closeBox, openBox, runInBox, spawnInBox } from "./namespace-box.ts";
import { startOvsdb, startVswitchd } from "./open-vswitch.ts";
import { ipBatch } from "./wires.ts";

export interface SwitchSpec {
  readonly labName: string;
  /** STATE/switch: logs only, the switch itself keeps nothing. */
  readonly dir: string;
  readonly addresses: LabAddresses;
  readonly guestNetworks: readonly GuestNetwork[];
}

export const switchId = (labName: string): string => `sinter-${labName}-sw`;
/** The machine's own cable into the management network. */
export const rootLink = (labName: string): string => `sl-${labName}`;

/**
 * The box between the hosts: kernel bridges for management, storage and migration, and Open vSwitch as the physical
 * switch "psw" for guest traffic, since VLANs and LACP need one and many kernels' bridges have no VLAN filtering.
 * It serves DHCP on every guest network. What fails on the way is taken back.
 */
export async function openSwitch(spec: SwitchSpec): Promise<Box> {
  await mkdir(spec.dir, { recursive: true });
  const box = await openBox({ id: switchId(spec.labName), hostName: `${spec.labName}-switch` });
  try {
    await mountSwitchFilesystem(box, spec.dir);
    await layBridges(box, spec);
    await startOvsdb(box, `${spec.labName}-switch`, join(spec.dir, "ovsdb.log"));
    await startVswitchd(box, join(spec.dir, "ovs.log"));
    await serveGuestNetworks(box, spec);
  } catch (error) {
    await closeSwitch(spec.labName, box);
    throw error;
  }
  return box;
}

/** Takes the switch away, and the machine's cable into it. Forgives absence. */
export async function closeSwitch(labName: string, known: Box | undefined): Promise<void> {
  await run("ip", ["link", "delete", "dev", rootLink(labName)], { okCodes: [0, 1] });
  await closeBox(switchId(labName), known?.init);
}

async function mountSwitchFilesystem(box: Box, dir: string): Promise<void> {
  await runInBox(box, "umount", ["--lazy", "--recursive", "/run/netns"], { okCodes: [0, 1, 32] });
  const table = join(dir, "fstab");
  const places = ["/run", "/etc/openvswitch", "/var/log/openvswitch"];
  const lines = places.map((place) => `lab ${place} tmpfs mode=755 0 0`);
  await writeFile(table, `${[...lines, "lab /sys sysfs nosuid,nodev,noexec 0 0"].join("\n")}\n`);
  await runInBox(box, "mount", ["--all", "--fstab", table]);
}

async function layBridges(box: Box, { labName, addresses }: SwitchSpec): Promise<void> {
  const link = rootLink(labName);
  await ipBatch(
    box,
    ["mgmt", "stor", "migr"].flatMap((bridge) => [
      `link add name ${bridge} type bridge forward_delay 0`,
      `link set dev ${bridge} up`,
    ]),
  );
  const prefix = addresses.managementCidr.split("/")[1];
  await ipBatch(undefined, [
    `link add name ${link} type veth peer name root netns ${box.names.id}`,
    `address add ${addresses.manager}/${prefix} dev ${link}`,
    `link set dev ${link} up`,
  ]);
  await ipBatch(box, ["link set dev root master mgmt", "link set dev root up"]);
}

/** One internal port per guest network, with the first address, and one DHCP server over all of them. */
async function serveGuestNetworks(box: Box, spec: SwitchSpec): Promise<void> {
  const ports = spec.guestNetworks.map((network) => ({ ...plan(network), vlanId: network.vlanId }));
  const commands = ports.flatMap(({ device, vlanId }) => [
    "--",
    "add-port",
    "psw",
    device,
    ...(vlanId === undefined ? [] : [`tag=${vlanId}`]),
    "--",
    "set",
    "Interface",
    device,
    "type=internal",
  ]);
  const bridge = ["add-br", "psw", "--", "set", "bridge", "psw", "datapath_type=netdev"];
  await runInBox(box, "ovs-vsctl", ["--timeout=30", ...bridge, ...commands]);
  await ipBatch(
    box,
    ports.flatMap(({ device, address }) => [
      `address add ${address} dev ${device}`,
      `link set dev ${device} up`,
    ]),
  );
  if (ports.length === 0) return;
  const args = [
    "--keep-in-foreground",
    "--conf-file=/dev/null",
    "--user=root",
    "--port=0",
    "--bind-interfaces",
    "--dhcp-authoritative",
    // It would wait three seconds for an answer before it offers an address.
    "--no-ping",
    "--dhcp-leasefile=/run/dhcp.leases",
    ...ports.flatMap(({ device, range }) => [`--interface=${device}`, `--dhcp-range=${range}`]),
  ];
  await spawnInBox(box, "dnsmasq", args, { logFile: join(spec.dir, "dhcp.log") });
}

/** The addresses of a guest network: .1 is the switch, DHCP gives .100 to .250. */
function plan(network: GuestNetwork): { device: string; address: string; range: string } {
  const match = /^(\d+\.\d+\.\d+)\.0\/24$/.exec(network.cidr);
  if (match === null) {
    throw new AppError(
      "invalid",
      "LAB_GUEST_NETWORK",
      `The guest network ${network.cidr} needs the form a.b.c.0/24.`,
    );
  }
  const device = network.vlanId === undefined ? "guest" : `guest${network.vlanId}`;
  return {
    device,
    address: `${match[1]}.1/24`,
    range: `${match[1]}.100,${match[1]}.250,255.255.255.0,12h`,
  };
}
