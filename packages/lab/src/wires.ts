import { createHash } from "node:crypto";
import { AppError, readIfThere, run, waitFor } from "@sinter/kit";
import type { HostLink, LabNetwork, UplinkMode } from "./lab.ts";
import { type Box, runInBox } from "./namespace-box.ts";

/** One cable between a host and the switch. */
export type Wire = "management" | "storage" | "migration" | "up0" | "up1";
export const WIRES: readonly Wire[] = ["management", "storage", "migration", "up0", "up1"];

/** Interface names: inside the host, at the switch after the host's name, and the switch's bridge. */
const WIRE_NAMES: Record<Wire, { inside: string; atSwitch: string; bridge?: string }> = {
  management: { inside: "mgmt0", atSwitch: "mgmt", bridge: "mgmt" },
  storage: { inside: "stor0", atSwitch: "stor", bridge: "stor" },
  migration: { inside: "migr0", atSwitch: "migr", bridge: "migr" },
  up0: { inside: "up0", atSwitch: "up0" },
  up1: { inside: "up1", atSwitch: "up1" },
};

/** Which cables a name in the interface means. */
export function wiresOf(link: HostLink | LabNetwork): readonly Wire[] {
  return link === "guest" ? ["up0", "up1"] : [link];
}

export const switchPort = (host: string, wire: Wire): string => `${host}-${WIRE_NAMES[wire].atSwitch}`;

export interface WiredHost {
  readonly name: string;
  readonly box: Box;
  /** With prefix length. */
  readonly addresses: Readonly<Record<"management" | "storage" | "migration", string>>;
  /** Cables that are pulled. */
  readonly cut: readonly Wire[];
  readonly uplinkMode: UplinkMode;
}

/**
 * Lays the cables a host lacks and gives its ends their addresses. Idempotent; leaves existing cables alone.
 * Answers with the cables that are new.
 */
export async function connectHost(switchBox: Box, host: WiredHost): Promise<readonly Wire[]> {
  const there = await linksIn(switchBox);
  const missing = WIRES.filter((wire) => !there.includes(switchPort(host.name, wire)));
  if (missing.length === 0) return [];
  // Both ends are made where they belong, so that no name is ever seen in the machine's own network.
  await ipBatch(
    undefined,
    missing.map(
      (wire) =>
        `link add name ${switchPort(host.name, wire)} netns ${switchBox.names.id} type veth ` +
        `peer name ${WIRE_NAMES[wire].inside} netns ${host.box.names.id}`,
    ),
  );
  await ipBatch(
    host.box,
    missing.flatMap((wire) => hostEnd(host, wire)),
  );
  await ipBatch(
    switchBox,
    missing.flatMap((wire) => switchEnd(host, wire)),
  );
  const uplinks = missing.filter(isUplink).map((wire) => switchPort(host.name, wire));
  await changePorts(
    switchBox,
    uplinks.flatMap((port) => ["--", "add-port", "psw", port]),
  );
  const whole = missing.filter((wire) => !host.cut.includes(wire));
  await Promise.all(whole.map((wire) => untilConnected(switchBox, host, wire)));
  return missing;
}

/**
 * Removes a host's cables; the ends inside go with them. Forgives absence. Open vSwitch must let go of its ports
 * before there are others of their names: it would keep listening on the devices that are gone.
 */
export async function disconnectHost(switchBox: Box, hostName: string): Promise<void> {
  const ports = WIRES.map((wire) => switchPort(hostName, wire));
  await unplugUplinks(switchBox, hostName);
  const there = await linksIn(switchBox);
  const links = ports.filter((port) => there.includes(port));
  await ipBatch(
    switchBox,
    links.map((port) => `link delete dev ${port}`),
  );
}

export const isUplink = (wire: Wire): boolean => UPLINKS.includes(wire);

const UPLINKS: readonly Wire[] = ["up0", "up1"];
const bundlePort = (host: string): string => `${host}-lacp`;

/** Makes ports of a host's uplinks, or one of both. They must not be ports already. */
export async function plugUplinks(switchBox: Box, host: string, mode: UplinkMode): Promise<void> {
  const ports = UPLINKS.map((wire) => switchPort(host, wire));
  const lacp = ["lacp=active", "bond_mode=balance-tcp", "other_config:lacp-time=fast"];
  const commands =
    mode === "lacp"
      ? ["--", "add-bond", "psw", bundlePort(host), ...ports, ...lacp]
      : ports.flatMap((port) => ["--", "add-port", "psw", port]);
  await changePorts(switchBox, commands);
}

export async function unplugUplinks(switchBox: Box, host: string): Promise<void> {
  const ports = [bundlePort(host), ...UPLINKS.map((wire) => switchPort(host, wire))];
  await changePorts(
    switchBox,
    ports.flatMap((port) => ["--", "--if-exists", "del-port", "psw", port]),
  );
}

/** Pulls a cable out at the switch, or puts it in and waits until both ends have noticed. */
export async function setWire(
  switchBox: Box,
  host: Pick<WiredHost, "name" | "box">,
  wire: Wire,
  state: "in" | "out",
): Promise<void> {
  const port = switchPort(host.name, wire);
  await runInBox(switchBox, "ip", ["link", "set", "dev", port, state === "in" ? "up" : "down"]);
  if (state === "in") await untilConnected(switchBox, host, wire);
}

/** Shapes both ends of a cable; `{}` takes the shaping away. */
export async function shapeWire(
  switchBox: Box,
  host: { name: string; box: Box },
  wire: Wire,
  how: { delayMs?: number; rateKbit?: number },
): Promise<void> {
  const ends = [
    { box: switchBox, device: switchPort(host.name, wire) },
    { box: host.box, device: WIRE_NAMES[wire].inside },
  ];
  for (const { box, device } of ends) {
    await runInBox(box, "tc", ["qdisc", "delete", "dev", device, "root"], { okCodes: [0, 1, 2] });
    if (how.delayMs !== undefined) {
      const rate = how.rateKbit === undefined ? [] : ["rate", `${how.rateKbit}kbit`];
      await delayWithNetem(box, device, ["delay", `${how.delayMs}ms`, ...rate]);
    } else if (how.rateKbit !== undefined) {
      // The bucket must hold a full frame; the latency bounds how much waits before frames are dropped.
      const shape = ["tbf", "rate", `${how.rateKbit}kbit`, "burst", "32kb", "latency", "400ms"];
      await runInBox(box, "tc", ["qdisc", "add", "dev", device, "root", ...shape]);
    }
  }
}

/** Several `ip` commands in one process; `undefined` is the machine's own network namespace. */
export async function ipBatch(box: Box | undefined, lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return;
  const input = `${lines.join("\n")}\n`;
  if (box === undefined) await run("ip", ["-batch", "-"], { input });
  else await runInBox(box, "ip", ["-batch", "-"], { input });
}

export async function linksIn(box: Box): Promise<string[]> {
  const { stdout } = await runInBox(box, "ip", ["-json", "link", "show"]);
  return (JSON.parse(stdout) as { ifname: string }[]).map((link) => link.ifname);
}

function hostEnd(host: WiredHost, wire: Wire): string[] {
  const device = WIRE_NAMES[wire].inside;
  const address = wire === "up0" || wire === "up1" ? undefined : host.addresses[wire];
  const lines = [`link set dev ${device} address ${macOf(host, wire)}`, `link set dev ${device} up`];
  if (address !== undefined) lines.unshift(`address add ${address} dev ${device}`);
  return lines;
}

/** A card keeps its address over power cycles: neighbours remember it, for half a minute even when it is wrong. */
function macOf(host: WiredHost, wire: Wire): string {
  const digest = createHash("sha256").update(`${host.addresses.management} ${host.name} ${wire}`).digest();
  // Locally administered, unicast.
  return ["02", ...[...digest.subarray(0, 5)].map((byte) => byte.toString(16).padStart(2, "0"))].join(":");
}

function switchEnd(host: WiredHost, wire: Wire): string[] {
  const port = switchPort(host.name, wire);
  const { bridge } = WIRE_NAMES[wire];
  const lines = [`link set dev ${port} ${host.cut.includes(wire) ? "down" : "up"}`];
  if (bridge !== undefined) lines.unshift(`link set dev ${port} master ${bridge}`);
  return lines;
}

/** The kernel tells bridges of a carrier up to a second late; frames sent before that are lost. */
async function untilConnected(
  switchBox: Box,
  host: Pick<WiredHost, "name" | "box">,
  wire: Wire,
): Promise<void> {
  const ends = [sysfsOf(switchBox, switchPort(host.name, wire)), sysfsOf(host.box, WIRE_NAMES[wire].inside)];
  await waitFor(
    `A carrier on ${switchPort(host.name, wire)}`,
    async () => {
      for (const end of ends) {
        if ((await readIfThere(`${end}/operstate`))?.trim() !== "up") return undefined;
        const bridgeState = await readIfThere(`${end}/brport/state`);
        if (bridgeState !== undefined && bridgeState.trim() !== BRIDGE_FORWARDS) return undefined;
      }
      return true;
    },
    { timeoutMs: 10_000, intervalMs: 20 },
  );
}

const BRIDGE_FORWARDS = "3";

function sysfsOf(box: Box, device: string): string {
  return `/proc/${box.init.pid}/root/sys/class/net/${device}`;
}

/** Resolves when the switch has done it. */
async function changePorts(switchBox: Box, commands: readonly string[]): Promise<void> {
  await runInBox(switchBox, "ovs-vsctl", ["--timeout=30", ...commands]);
}

async function delayWithNetem(box: Box, device: string, args: readonly string[]): Promise<void> {
  try {
    await runInBox(box, "tc", ["qdisc", "add", "dev", device, "root", "netem", ...args]);
  } catch (cause) {
    throw new AppError(
      "unavailable",
      "LAB_NO_NETEM",
      `This machine's kernel cannot delay frames (it has no netem); ${device} can only be given a rate.`,
      { cause },
    );
  }
}
