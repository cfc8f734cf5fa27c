import { client } from "../../api/client.ts";

/** Of one resource; in one unit. */
export interface Use {
  /** What the hardware has. */
  readonly physical: number;
  /** What has been promised to VMs, which may be more. */
  readonly promised: number;
  /** What is in use as measured; undefined while nothing answers. */
  readonly used: number | undefined;
}

export interface ComputeCapacity {
  /** Threads of hosts, virtual CPUs of VMs that run; in use: threads' worth. */
  readonly cpu: Use;
  /** MiB. */
  readonly memory: Use;
  readonly clusters: number;
}

/** One part of the site: a cluster, or a host without one. */
export interface Part {
  readonly threads: number;
  readonly vcpus: number;
  readonly memoryMiB: number;
  readonly promisedMiB: number;
  readonly usedMiB: number;
  /** 0 to 1; undefined while it does not answer. */
  readonly cpuShare: number | undefined;
}

/** Of the whole site, in few calls whatever its size: clusters know the sums over their hosts. */
export async function readComputeCapacity(): Promise<ComputeCapacity> {
  const [clusters, alone] = await Promise.all([
    client.clusters.list(),
    client.hosts.list({ scope: "default", limit: 100 }),
  ]);
  const urns = [...clusters, ...alone.items].map((one) => one.urn);
  const [details, now] = await Promise.all([
    Promise.all(clusters.map((cluster) => client.clusters.allVmComputeResource(cluster))),
    urns.length === 0 ? [] : client.monitor.realtime(urns.map((urn) => ({ urn, metricId: ["cpu_usage"] }))),
  ]);
  const cpuShare = (index: number): number | undefined => {
    const text = now[index]?.value[0]?.metricValue ?? "";
    return text === "" ? undefined : Number(text) / 100;
  };
  const ofClusters = clusters.map((cluster, index): Part => {
    const detail = details[index];
    return {
      threads: detail?.cpuResource.totalVcpus ?? 0,
      vcpus: cluster.cpuResource.allocatedVcpus,
      memoryMiB: cluster.memResource.totalSizeMB,
      promisedMiB: cluster.memResource.allocatedSizeMB,
      usedMiB: detail?.memResource.realtimeUsedSizeMB ?? 0,
      cpuShare: cpuShare(index),
    };
  });
  const ofHosts = alone.items.map((host, index): Part => {
    return {
      threads: host.cpuQuantity,
      vcpus: host.cpuResource.allocatedVcpus,
      memoryMiB: host.memResource.totalSizeMB,
      promisedMiB: host.memResource.allocatedSizeMB,
      usedMiB: host.memResource.realtimeUsedSizeMB,
      cpuShare: cpuShare(clusters.length + index),
    };
  });
  return { ...sumOf([...ofClusters, ...ofHosts]), clusters: clusters.length };
}

/** Parts that do not answer count as idle beside those that do; when none does, nothing is known. */
export function sumOf(parts: readonly Part[]): { cpu: Use; memory: Use } {
  const total = (figure: (part: Part) => number): number =>
    parts.reduce((sum, part) => sum + figure(part), 0);
  const isKnown = parts.some((part) => part.cpuShare !== undefined);
  return {
    cpu: {
      physical: total((part) => part.threads),
      promised: total((part) => part.vcpus),
      used: isKnown ? total((part) => part.threads * (part.cpuShare ?? 0)) : undefined,
    },
    memory: {
      physical: total((part) => part.memoryMiB),
      promised: total((part) => part.promisedMiB),
      used: isKnown ? total((part) => part.usedMiB) : undefined,
    },
  };
}

/** GiB. */
export function storageUse(
  datastores: readonly { actualCapacityGB: number; actualFreeSizeGB: number; usedSizeGB: number }[],
): Use {
  const total = (figure: (one: (typeof datastores)[number]) => number): number =>
    datastores.reduce((sum, one) => sum + figure(one), 0);
  return {
    physical: total((one) => one.actualCapacityGB),
    promised: total((one) => one.usedSizeGB),
    used: total((one) => one.actualCapacityGB - one.actualFreeSizeGB),
  };
}
