import { readFile } from "node:fs/promises";

/** Readers of the kernel's text files. Each takes the text, so that a test can give one of another machine. */

export interface CpuFacts {
  readonly vendor: string;
  readonly model: string;
  readonly threads: number;
  readonly sockets: number;
  readonly mhz: number;
}

/** Something to reckon with where the kernel tells nothing. */
const MHZ_UNKNOWN = 1000;

/** /proc/cpuinfo. On machines that tell no frequency (many ARM ones) `mhz` is 1000. */
export function parseCpuInfo(text: string): CpuFacts {
  const blocks = text
    .split(/\n\s*\n/)
    .map(parseFields)
    .filter((fields) => fields.has("processor"));
  const first = blocks[0] ?? new Map<string, string>();
  const sockets = new Set(blocks.map((fields) => fields.get("physical id") ?? "0"));
  // A power-saving core shows what it runs at now; the fastest one is nearest to what was sold.
  const mhz = Math.max(...blocks.map((fields) => Number(fields.get("cpu MHz") ?? 0)), 0);
  return {
    vendor: first.get("vendor_id") ?? first.get("CPU implementer") ?? "unknown",
    model: first.get("model name") ?? first.get("CPU part") ?? "unknown",
    threads: Math.max(blocks.length, 1),
    sockets: Math.max(sockets.size, 1),
    mhz: Math.round(nominalMhz(first.get("model name") ?? "") ?? mhz) || MHZ_UNKNOWN,
  };
}

/** Processors carry their base frequency in their name: "… CPU @ 2.50GHz". */
function nominalMhz(modelName: string): number | undefined {
  const [, ghz] = /@ ([\d.]+)GHz/.exec(modelName) ?? [];
  return ghz === undefined ? undefined : Number(ghz) * 1000;
}

function parseFields(block: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) fields.set(line.slice(0, colon).trim(), line.slice(colon + 1).trim());
  }
  return fields;
}

/** /proc/meminfo, in bytes. */
export function parseMemInfo(text: string): { totalBytes: number; availableBytes: number } {
  const bytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1] ?? 0) * 1024;
  return { totalBytes: bytes("MemTotal"), availableBytes: bytes("MemAvailable") };
}

/** First line of /proc/stat; the kernel counts in hundredths of a second. */
export function parseCpuTimes(text: string): { busyMs: number; totalMs: number } {
  const [line = ""] = text.split("\n", 1);
  // user nice system idle iowait irq softirq steal; guest time is inside user already.
  const ticks = line.split(/\s+/).slice(1, 9).map(Number);
  const total = ticks.reduce((sum, tick) => sum + tick, 0);
  const idle = (ticks[3] ?? 0) + (ticks[4] ?? 0);
  return { busyMs: (total - idle) * 10, totalMs: total * 10 };
}

const SECTOR_BYTES = 512;

/** /proc/diskstats, whole disks only: partitions and device-mapper layers would count the same bytes again. */
export function parseDiskStats(
  text: string,
  wholeDisks: ReadonlySet<string>,
): { readBytes: number; writtenBytes: number } {
  let readBytes = 0;
  let writtenBytes = 0;
  for (const line of text.split("\n")) {
    const fields = line.trim().split(/\s+/);
    if (!wholeDisks.has(fields[2] ?? "")) continue;
    readBytes += Number(fields[5]) * SECTOR_BYTES;
    writtenBytes += Number(fields[9]) * SECTOR_BYTES;
  }
  return { readBytes, writtenBytes };
}

export interface NicCounters {
  readonly receivedBytes: number;
  readonly receivedPackets: number;
  readonly sentBytes: number;
  readonly sentPackets: number;
}

/** /proc/net/dev of this network namespace, by interface. */
export function parseNetDev(text: string): Map<string, NicCounters> {
  const counters = new Map<string, NicCounters>();
  for (const line of text.split("\n").slice(2)) {
    const [name, rest] = line.split(":", 2);
    if (name === undefined || rest === undefined) continue;
    const fields = rest.trim().split(/\s+/).map(Number);
    counters.set(name.trim(), {
      receivedBytes: fields[0] ?? 0,
      receivedPackets: fields[1] ?? 0,
      sentBytes: fields[8] ?? 0,
      sentPackets: fields[9] ?? 0,
    });
  }
  return counters;
}

/** Changes with each start of the host. */
export async function readBootId(): Promise<string> {
  return (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
}
