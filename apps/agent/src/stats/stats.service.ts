import { readFile } from "node:fs/promises";
import { LIST, STATS, STATS_FLAGS } from "@sinter/libvirt";
import type { StatsReport } from "@sinter/southbound";
import { readSpace } from "../datastore/filesystem.ts";
import { listWholeDisks } from "../host/machine-facts.ts";
import { listNics } from "../host/nics.ts";
import { parseCpuTimes, parseDiskStats, parseMemInfo, parseNetDev } from "../host/proc-files.ts";
import { translated } from "../libvirt/libvirt-errors.ts";
import type { LibvirtLink } from "../libvirt/libvirt-link.ts";
import type { SwitchService } from "../switch/switch.service.ts";
import { vmStatsOf } from "./vm-stats.ts";

export type StatsService = ReturnType<typeof createStatsService>;

const GROUPS = STATS.state | STATS.cpuTotal | STATS.balloon | STATS.vcpu | STATS.interface | STATS.block;

/** Figures of the host and of all running VMs, in one round trip to libvirt whatever their number. */
export function createStatsService(options: {
  readonly libvirt: LibvirtLink;
  readonly switches: SwitchService;
  readonly stateDir: string;
}) {
  async function readHost(): Promise<StatsReport["host"]> {
    const [stat, memInfo, diskStats, netDev, wholeDisks, root, bridges] = await Promise.all([
      readFile("/proc/stat", "utf8"),
      readFile("/proc/meminfo", "utf8"),
      readFile("/proc/diskstats", "utf8"),
      // "self", since a thread's network namespace is the agent's own
      readFile("/proc/self/net/dev", "utf8"),
      listWholeDisks(),
      readSpace(options.stateDir),
      options.switches.bridgeNames().catch(() => new Set<string>()), // no switch, no bridges to leave out
    ]);
    const { busyMs, totalMs } = parseCpuTimes(stat);
    const { totalBytes, availableBytes } = parseMemInfo(memInfo);
    const { readBytes, writtenBytes } = parseDiskStats(diskStats, wholeDisks);
    const counters = parseNetDev(netDev);
    const nics = (await listNics(bridges)).flatMap(({ name }) => counters.get(name) ?? []);
    const sum = (field: keyof (typeof nics)[number]): number =>
      nics.reduce((total, nic) => total + nic[field], 0);
    return {
      cpuBusyMs: busyMs,
      cpuTotalMs: totalMs,
      memoryBytes: totalBytes,
      memoryAvailableBytes: availableBytes,
      diskReadBytes: readBytes,
      diskWrittenBytes: writtenBytes,
      nicReceivedBytes: sum("receivedBytes"),
      nicSentBytes: sum("sentBytes"),
      nicReceivedPackets: sum("receivedPackets"),
      nicSentPackets: sum("sentPackets"),
      rootBytes: root.capacityBytes,
      rootFreeBytes: root.freeBytes,
    };
  }

  return {
    async report(): Promise<StatsReport> {
      const [host, domains] = await Promise.all([
        readHost(),
        translated(undefined, () =>
          // What a busy VM cannot tell at once is left out rather than waited for.
          options.libvirt.reads.domainStats({ groups: GROUPS, flags: LIST.active | STATS_FLAGS.noWait }),
        ),
      ]);
      return { at: Date.now(), host, vms: domains.map(({ domain, stats }) => vmStatsOf(domain.uuid, stats)) };
    },
  };
}
