import type { HostSample, VmSample } from "./sample.ts";

/** Figures that are kept over time; percent or KB/s, as the wire shows them. Columns of the sample tables. */
export const SERIES = [
  "cpu",
  "memory",
  "disk",
  "diskIn",
  "diskOut",
  "nicIn",
  "nicOut",
  "hostCpu",
  "guestCpu",
  "hostMemory",
  "guestMemory",
] as const;
export type Series = (typeof SERIES)[number];
export type SeriesValues = { readonly [S in Series]: number | null };

const KB = 1024;

export function percent(ratio: number | null): number | null {
  return ratio === null ? null : ratio * 100;
}

export function kilobytes(bytes: number | null): number | null {
  return bytes === null ? null : bytes / KB;
}

export function seriesOfHost(sample: HostSample): SeriesValues {
  return {
    cpu: percent(sample.cpu),
    memory: percent(sample.memory),
    disk: percent(sample.rootDisk),
    // "in" is into the disk: writing (contract 2.27).
    diskIn: kilobytes(sample.diskWrittenBytes),
    diskOut: kilobytes(sample.diskReadBytes),
    nicIn: kilobytes(sample.nicReceivedBytes),
    nicOut: kilobytes(sample.nicSentBytes),
    hostCpu: hostPart(sample.cpu, sample.guestCpu),
    guestCpu: percent(sample.guestCpu),
    hostMemory: hostPart(sample.memory, sample.guestMemory),
    guestMemory: percent(sample.guestMemory),
  };
}

/** What of the host's load is not its guests'. */
export function hostPart(whole: number | null, guests: number | null): number | null {
  return whole === null || guests === null ? null : Math.max(0, whole - guests) * 100;
}

export function seriesOfVm(sample: VmSample, diskBytes: number | undefined): SeriesValues {
  return {
    cpu: percent(sample.cpu),
    memory: percent(sample.memory),
    disk: percent(diskUse(sample, diskBytes)),
    diskIn: kilobytes(sample.diskWrittenBytes),
    diskOut: kilobytes(sample.diskReadBytes),
    nicIn: kilobytes(sample.nicReceivedBytes),
    nicOut: kilobytes(sample.nicSentBytes),
    hostCpu: null,
    guestCpu: null,
    hostMemory: null,
    guestMemory: null,
  };
}

/** Share of the disks' size that is allocated; what the guest's file systems hold is not seen from outside. */
export function diskUse(sample: VmSample, diskBytes: number | undefined): number | null {
  if (sample.allocatedBytes === null || !diskBytes) return null;
  return Math.min(1, sample.allocatedBytes / diskBytes);
}

/** Sums up hosts: shares weighted by what each host has, rates added. */
export function seriesOfHosts(samples: readonly { sample: HostSample; threads: number }[]): SeriesValues {
  const shareOf = (
    value: (sample: HostSample) => number | null,
    weight: (item: { sample: HostSample; threads: number }) => number,
  ): number | null => {
    const known = samples.filter(({ sample }) => value(sample) !== null);
    const total = known.reduce((sum, item) => sum + weight(item), 0);
    if (total === 0) return null;
    return known.reduce((sum, item) => sum + (value(item.sample) ?? 0) * weight(item), 0) / total;
  };
  const total = (value: (sample: HostSample) => number | null): number | null => {
    const known = samples.map(({ sample }) => value(sample)).filter((each) => each !== null);
    return known.length === 0 ? null : known.reduce((sum, each) => sum + each, 0);
  };
  const cpu = shareOf(
    (s) => s.cpu,
    (item) => item.threads,
  );
  const guestCpu = shareOf(
    (s) => s.guestCpu,
    (item) => item.threads,
  );
  const memory = shareOf(
    (s) => s.memory,
    (item) => item.sample.memoryBytes,
  );
  const guestMemory = shareOf(
    (s) => s.guestMemory,
    (item) => item.sample.memoryBytes,
  );
  return {
    cpu: percent(cpu),
    memory: percent(memory),
    disk: percent(
      shareOf(
        (s) => s.rootDisk,
        (item) => item.sample.rootBytes,
      ),
    ),
    diskIn: kilobytes(total((s) => s.diskWrittenBytes)),
    diskOut: kilobytes(total((s) => s.diskReadBytes)),
    nicIn: kilobytes(total((s) => s.nicReceivedBytes)),
    nicOut: kilobytes(total((s) => s.nicSentBytes)),
    hostCpu: hostPart(cpu, guestCpu),
    guestCpu: percent(guestCpu),
    hostMemory: hostPart(memory, guestMemory),
    guestMemory: percent(guestMemory),
  };
}

/** Mean of what was seen since the last time it was taken. */
export class Mean {
  readonly #sums = new Float64Array(SERIES.length);
  readonly #counts = new Uint32Array(SERIES.length);

  add(values: SeriesValues): void {
    for (const [index, name] of SERIES.entries()) {
      const value = values[name];
      if (value === null) continue;
      this.#sums[index] = (this.#sums[index] ?? 0) + value;
      this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    }
  }

  /** Undefined when nothing came. Begins anew. */
  take(): SeriesValues | undefined {
    const values = Object.fromEntries(
      SERIES.map((name, index) => {
        const count = this.#counts[index] ?? 0;
        return [name, count === 0 ? null : (this.#sums[index] ?? 0) / count];
      }),
    );
    const isEmpty = this.#counts.every((count) => count === 0);
    this.#sums.fill(0);
    this.#counts.fill(0);
    // The loop goes over all names of SERIES.
    return isEmpty ? undefined : (values as SeriesValues);
  }
}
