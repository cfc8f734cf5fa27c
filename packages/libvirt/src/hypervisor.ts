import type { CallArguments, Caller } from "./caller.ts";
import { Domain, type DomainRef } from "./domain.ts";
import { isLibvirtError } from "./errors.ts";
import type { DomainEventName, DomainEvents, EventOptions, Subscription } from "./events.ts";
import type { Args, ProcedureName, Reply, StreamProcedureName } from "./protocol/procedures.ts";
import { type PlainParams, toPlainParams } from "./protocol/typed-params.ts";
import type { CallOptions } from "./rpc/rpc-client.ts";
import type { RpcStream } from "./rpc/rpc-stream.ts";

export interface NodeInfo {
  readonly cpuModel: string;
  /** From /sys; some virtual machines show too little here, `memoryStats().total` is the better figure. */
  readonly memoryKiB: number;
  readonly cpus: number;
  readonly mhz: number;
  readonly numaNodes: number;
  readonly sockets: number;
  readonly cores: number;
  readonly threads: number;
}

export interface DomainStats {
  readonly domain: Domain;
  /** Flat, by libvirt's names: "state.state", "cpu.time", "block.0.rd.bytes". */
  readonly stats: PlainParams;
}

/** What one can ask a hypervisor, whichever way the calls reach it. Every method is one procedure. */
export abstract class Hypervisor implements Caller {
  abstract call<N extends ProcedureName>(name: N, ...rest: CallArguments<N>): Promise<Reply<N>>;

  abstract openStream<N extends StreamProcedureName>(
    name: N,
    args: Args<N>,
    options?: CallOptions,
  ): Promise<{ stream: RpcStream; reply: Reply<N> }>;

  /**
   * Calls `handler` for each such event of all domains, or of one. Dispose of the subscription to stop.
   * Handlers run in the order of the events; one that throws ends up in the uncaught-exception handler.
   */
  abstract on<E extends DomainEventName>(
    name: E,
    handler: (event: DomainEvents[E]) => void,
    options?: EventOptions,
  ): Promise<Subscription>;

  /** The hypervisor's version, such as "7.2.22". */
  async version(): Promise<string> {
    return dotted((await this.call("connectGetVersion")).hvVer);
  }

  /** The daemon's version, such as "9.0.0". */
  async libvirtVersion(): Promise<string> {
    return dotted((await this.call("connectGetLibVersion")).libVer);
  }

  async hostname(): Promise<string> {
    return (await this.call("connectGetHostname")).hostname;
  }

  async uri(): Promise<string> {
    return (await this.call("connectGetURI")).uri;
  }

  /** XML about the host: CPU, NUMA cells, guest types. */
  async capabilities(): Promise<string> {
    return (await this.call("connectGetCapabilities")).capabilities;
  }

  /** XML about what a domain may have here; what is left out is the host's default. */
  async domainCapabilities(
    wanted: { emulator?: string; arch?: string; machine?: string; type?: string } = {},
  ): Promise<string> {
    const { capabilities } = await this.call("connectGetDomainCapabilities", {
      emulatorbin: wanted.emulator ?? null,
      arch: wanted.arch ?? null,
      machine: wanted.machine ?? null,
      virttype: wanted.type ?? null,
      flags: 0,
    });
    return capabilities;
  }

  async nodeInfo(): Promise<NodeInfo> {
    const info = await this.call("nodeGetInfo");
    return {
      cpuModel: info.model,
      memoryKiB: Number(info.memory),
      cpus: info.cpus,
      mhz: info.mhz,
      numaNodes: info.nodes,
      sockets: info.sockets,
      cores: info.cores,
      threads: info.threads,
    };
  }

  /** "total", "free", "buffers", "cached" of the host, or of one NUMA cell, in KiB. */
  async memoryStats(cell = -1): Promise<Record<string, number>> {
    const { nparams } = await this.call("nodeGetMemoryStats", { nparams: 0, cellNum: cell, flags: 0 });
    const { params } = await this.call("nodeGetMemoryStats", { nparams, cellNum: cell, flags: 0 });
    return Object.fromEntries(params.map(({ field, value }) => [field, Number(value)]));
  }

  /** "kernel", "user", "idle", "iowait" since boot, in ns, of all CPUs or of one. */
  async cpuStats(cpu = -1): Promise<Record<string, number>> {
    const { nparams } = await this.call("nodeGetCPUStats", { cpuNum: cpu, nparams: 0, flags: 0 });
    const { params } = await this.call("nodeGetCPUStats", { cpuNum: cpu, nparams, flags: 0 });
    return Object.fromEntries(params.map(({ field, value }) => [field, Number(value)]));
  }

  /** In bytes. */
  async freeMemory(): Promise<number> {
    return Number((await this.call("nodeGetFreeMemory")).freeMem);
  }

  /** All domains; flags (LIST) of one group add up, groups narrow each other down. */
  async domains(flags = 0): Promise<Domain[]> {
    const { domains } = await this.call("connectListAllDomains", { needResults: 1, flags });
    return domains.map((ref) => this.domain(ref));
  }

  /** A handle without asking whether there is such a domain. */
  domain(ref: DomainRef | { readonly uuid: string }): Domain {
    return new Domain(this, { name: "", id: -1, ...ref });
  }

  /** Rejects with NO_DOMAIN when there is none. */
  async domainByUuid(uuid: string): Promise<Domain> {
    return this.domain((await this.call("domainLookupByUUID", { uuid })).dom);
  }

  async domainByName(name: string): Promise<Domain> {
    return this.domain((await this.call("domainLookupByName", { name })).dom);
  }

  /** By the number a running domain has. */
  async domainById(id: number): Promise<Domain> {
    return this.domain((await this.call("domainLookupByID", { id })).dom);
  }

  /** undefined when there is none. */
  async findDomain(by: { readonly uuid: string } | { readonly name: string }): Promise<Domain | undefined> {
    try {
      return "uuid" in by ? await this.domainByUuid(by.uuid) : await this.domainByName(by.name);
    } catch (error) {
      if (isLibvirtError(error, "NO_DOMAIN")) return undefined;
      throw error;
    }
  }

  /** Stores a definition, or replaces the one with the same UUID. Flags: DEFINE. */
  async defineDomain(xml: string, flags = 0): Promise<Domain> {
    return this.domain((await this.call("domainDefineXMLFlags", { xml, flags })).dom);
  }

  /** Starts a domain that is gone when it stops. Flags: START. */
  async createDomain(xml: string, flags = 0): Promise<Domain> {
    return this.domain((await this.call("domainCreateXML", { xmlDesc: xml, flags })).dom);
  }

  /** Starts a domain from a file made by `save`. */
  async restoreDomain(
    path: string,
    { xml = null, flags = 0 }: { xml?: string | null; flags?: number } = {},
  ): Promise<void> {
    await this.call("domainRestoreFlags", { from: path, dxml: xml, flags });
  }

  /**
   * The figures of many domains in one call. `groups`: STATS, 0 is all; `flags`: LIST filters (for all domains
   * only) and STATS_FLAGS; `domains`: default all.
   */
  async domainStats(
    {
      groups = 0,
      flags = 0,
      domains = [],
    }: { groups?: number; flags?: number; domains?: readonly Domain[] } = {},
    options?: CallOptions,
  ): Promise<DomainStats[]> {
    const doms = domains.map(({ ref }) => ref);
    const { retStats } = await this.call("connectGetAllDomainStats", { doms, stats: groups, flags }, options);
    return retStats.map(({ dom, params }) => ({ domain: this.domain(dom), stats: toPlainParams(params) }));
  }

  /** Whether the other end knows a feature; numbers in FEATURE. */
  async supports(feature: number): Promise<boolean> {
    return (await this.call("connectSupportsFeature", { feature })).supported !== 0;
  }
}

/** libvirt packs 9.0.1 as 9·10⁶ + 0·10³ + 1. */
function dotted(version: bigint): string {
  const number = Number(version);
  return `${Math.floor(number / 1_000_000)}.${Math.floor(number / 1000) % 1000}.${number % 1000}`;
}
