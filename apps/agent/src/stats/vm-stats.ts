import type { PlainParams, PlainValue } from "@sinter/libvirt";
import type { VmStats } from "@sinter/southbound";

const KIB = 1024;

/** One domain's figures out of libvirt's flat names ("vcpu.0.delay", "block.1.rd.bytes"). Pure. */
export function vmStatsOf(vmUuid: string, stats: PlainParams): VmStats {
  const number = (name: string): number => whole(stats[name]) ?? 0;
  const optional = (name: string): number | null => whole(stats[name]);
  const kib = (name: string): number | null => {
    const value = optional(name);
    return value === null ? null : value * KIB;
  };
  const vcpus = number("vcpu.current");
  const delays = Array.from({ length: vcpus }, (_, index) => optional(`vcpu.${index}.delay`));
  return {
    vmUuid,
    cpuTimeNs: number("cpu.time"),
    // vcpu.N.delay: time the thread could have run and did not, from the scheduler's own account.
    cpuReadyNs: delays.some((delay) => delay === null)
      ? null
      : delays.reduce<number>((sum, one) => sum + (one ?? 0), 0),
    vcpus,
    memoryBytes: number("balloon.current") * KIB,
    memoryUnusedBytes: kib("balloon.unused"),
    memoryRssBytes: kib("balloon.rss"),
    disks: indexes(stats, "block").flatMap((index) => {
      const target = stats[`block.${index}.name`];
      const of = (name: string): number => number(`block.${index}.${name}`);
      const path = stats[`block.${index}.path`];
      // The CD-ROM is no disk of the contract: it is empty, or holds first-boot settings.
      if (typeof target !== "string" || typeof path !== "string" || path.endsWith(".iso")) return [];
      return [
        {
          target,
          readBytes: of("rd.bytes"),
          writtenBytes: of("wr.bytes"),
          readRequests: of("rd.reqs"),
          writeRequests: of("wr.reqs"),
          readTimeNs: of("rd.times"),
          writeTimeNs: of("wr.times"),
          // What the file takes; "allocation" is only the highest place written.
          allocatedBytes: optional(`block.${index}.physical`),
        },
      ];
    }),
    nics: indexes(stats, "net").flatMap((index) => {
      const name = stats[`net.${index}.name`];
      const of = (field: string): number => number(`net.${index}.${field}`);
      if (typeof name !== "string") return [];
      return [
        {
          name,
          receivedBytes: of("rx.bytes"),
          sentBytes: of("tx.bytes"),
          receivedPackets: of("rx.pkts"),
          sentPackets: of("tx.pkts"),
          receivedDrops: of("rx.drop"),
          sentDrops: of("tx.drop"),
        },
      ];
    }),
  };
}

function indexes(stats: PlainParams, group: "block" | "net"): number[] {
  return Array.from({ length: whole(stats[`${group}.count`]) ?? 0 }, (_, index) => index);
}

/** A counter that is not known is absent, or -1. */
function whole(value: PlainValue | undefined): number | null {
  return typeof value === "number" && value >= 0 ? Math.round(value) : null;
}
