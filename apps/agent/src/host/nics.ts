import { readdir, readFile, stat } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import type { HostReport } from "@sinter/southbound";

type HostNic = HostReport["nics"][number];

const SYS_NET = "/sys/class/net";

/**
 * The host's own NICs: what a cable could be in. Bridges, the ports of guests and the like are left out, since
 * they come and go with what runs here.
 */
export async function listNics(bridges: ReadonlySet<string>): Promise<HostNic[]> {
  const names = await readdir(SYS_NET);
  const nics = await Promise.all(
    names
      .filter((name) => name !== "lo" && !bridges.has(name))
      .map(async (name) => ((await isMade(name)) ? undefined : await readNic(name))),
  );
  return nics.filter((nic) => nic !== undefined).toSorted((a, b) => a.name.localeCompare(b.name));
}

export async function nicExists(name: string): Promise<boolean> {
  return await exists(join(SYS_NET, name));
}

/** Whether this system made the interface for itself: bridges, taps, datapaths of Open vSwitch, tunnels. */
async function isMade(name: string): Promise<boolean> {
  if (name.startsWith("ovs-") || name.endsWith("_sys")) return true;
  const marks = ["bridge", "tun_flags"];
  return (await Promise.all(marks.map((mark) => exists(join(SYS_NET, name, mark))))).includes(true);
}

async function readNic(name: string): Promise<HostNic | undefined> {
  const read = async (file: string): Promise<string> =>
    // speed and carrier refuse to be read while a link is down
    (await readFile(join(SYS_NET, name, file), "utf8").catch(() => "")).trim();
  const [mac, operstate, carrier, speed, mtu] = await Promise.all(
    ["address", "operstate", "carrier", "speed", "mtu"].map(read),
  );
  if (mac === undefined || mtu === undefined || mtu === "") return undefined; // gone since it was listed
  const speedMbps = Number(speed);
  return {
    name,
    mac,
    up: operstate === "up" || (operstate === "unknown" && carrier === "1"),
    speedMbps: Number.isInteger(speedMbps) && speedMbps > 0 ? speedMbps : null,
    mtu: Number(mtu),
    addresses: (networkInterfaces()[name] ?? []).flatMap(({ cidr }) => (cidr === null ? [] : [cidr])),
  };
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
