import type { Caller } from "./caller.ts";
import { ADDRESSES, AFFECT, BLOCK_RESIZE, DEVICE, METADATA, VCPU } from "./protocol/flags.ts";
import type { domain as domainCodec } from "./protocol/generated/protocol.ts";
import type { Args, ProcedureName, Reply } from "./protocol/procedures.ts";
import {
  DOMAIN_STATES,
  type DomainState,
  type DomainStatus,
  domainStatus,
  JOB_TYPES,
  type JobType,
  MEMORY_STATS,
  type MemoryStat,
  wordOf,
} from "./protocol/states.ts";
import { type PlainParams, toPlainParams } from "./protocol/typed-params.ts";
import type { TypedParam } from "./protocol/types.ts";
import type { CallOptions } from "./rpc/rpc-client.ts";
import type { RpcStream } from "./rpc/rpc-stream.ts";
import type { Value } from "./xdr/codec.ts";

/** How libvirt names a domain. It finds it by the UUID alone; `id` is -1 for one that does not run. */
export type DomainRef = Value<typeof domainCodec>;

/** The procedures that are about one domain, and their arguments without it. */
export type DomainProcedureName = {
  [N in ProcedureName]: Args<N> extends { dom: DomainRef } ? N : never;
}[ProcedureName];

export interface DomainInfo {
  readonly state: DomainState;
  readonly maxMemoryKiB: number;
  readonly memoryKiB: number;
  readonly vcpus: number;
  /** All vCPUs together, since the start of the domain, in ns. */
  readonly cpuTimeNs: bigint;
}

export interface InterfaceAddresses {
  readonly name: string;
  readonly mac: string | null;
  readonly addresses: readonly {
    readonly family: "ipv4" | "ipv6";
    readonly address: string;
    readonly prefix: number;
  }[];
}

/**
 * One domain, reached through a caller. A handle is only a name: making one asks nothing, and it survives
 * the domain. Every method is one procedure; errors are those of {@link Caller.call}.
 */
export class Domain {
  readonly #caller: Caller;
  readonly ref: DomainRef;

  constructor(caller: Caller, ref: DomainRef) {
    this.#caller = caller;
    this.ref = ref;
  }

  get uuid(): string {
    return this.ref.uuid;
  }

  get name(): string {
    return this.ref.name;
  }

  /** Any procedure about a domain: `domain.call("domainBlockCommit", { disk: "vda", … })`. */
  call<N extends DomainProcedureName>(
    name: N,
    args: Omit<Args<N>, "dom">,
    options?: CallOptions,
  ): Promise<Reply<N>> {
    const whole = { dom: this.ref, ...args } as Args<N>; // the two parts of one type
    const call = this.#caller.call.bind(this.#caller) as (
      name: N,
      args: Args<N>,
      options?: CallOptions,
    ) => Promise<Reply<N>>; // no procedure with a `dom` is without arguments
    return call(name, whole, options);
  }

  // Life. Flags: START, SHUTDOWN, DESTROY, UNDEFINE, SAVE.

  async start(flags = 0): Promise<Domain> {
    return new Domain(this.#caller, (await this.call("domainCreateWithFlags", { flags })).dom);
  }

  /** Asks the guest; it may take its time or not listen. */
  async shutdown(flags = 0): Promise<void> {
    await this.call("domainShutdownFlags", { flags });
  }

  async reboot(flags = 0): Promise<void> {
    await this.call("domainReboot", { flags });
  }

  /** The reset button: nobody asks the guest. */
  async reset(): Promise<void> {
    await this.call("domainReset", { flags: 0 });
  }

  async suspend(): Promise<void> {
    await this.call("domainSuspend", {});
  }

  async resume(): Promise<void> {
    await this.call("domainResume", {});
  }

  /** Pulls the plug. */
  async destroy(flags = 0): Promise<void> {
    await this.call("domainDestroyFlags", { flags });
  }

  async undefine(flags = 0): Promise<void> {
    await this.call("domainUndefineFlags", { flags });
  }

  /** Saves memory to libvirt's own place and stops; the next start resumes from there. */
  async managedSave(flags = 0): Promise<void> {
    await this.call("domainManagedSave", { flags });
  }

  async hasManagedSave(): Promise<boolean> {
    return (await this.call("domainHasManagedSaveImage", { flags: 0 })).result !== 0;
  }

  async removeManagedSave(): Promise<void> {
    await this.call("domainManagedSaveRemove", { flags: 0 });
  }

  /** Saves memory to a file of the host and stops. `xml` replaces the definition kept in the image. */
  async save(
    path: string,
    { xml = null, flags = 0 }: { xml?: string | null; flags?: number } = {},
  ): Promise<void> {
    await this.call("domainSaveFlags", { to: path, dxml: xml, flags });
  }

  // What it is and does.

  async status(): Promise<DomainStatus> {
    const { state, reason } = await this.call("domainGetState", { flags: 0 });
    return domainStatus(state, reason);
  }

  async info(): Promise<DomainInfo> {
    const info = await this.call("domainGetInfo", {});
    return {
      state: wordOf(DOMAIN_STATES, info.state, "none"),
      maxMemoryKiB: Number(info.maxMem),
      memoryKiB: Number(info.memory),
      vcpus: info.nrVirtCpu,
      cpuTimeNs: info.cpuTime,
    };
  }

  /** Flags: XML. Passwords are in it only with XML.secure. */
  async xml(flags = 0): Promise<string> {
    return (await this.call("domainGetXMLDesc", { flags })).xml;
  }

  // Devices. Flags: DEVICE; 0 means the running definition if it runs.

  async attachDevice(xml: string, flags = 0): Promise<void> {
    await this.call("domainAttachDeviceFlags", { xml, flags });
  }

  /** For a running guest this only asks: the end is the event "domainDeviceRemoved". */
  async detachDevice(xml: string, flags = 0): Promise<void> {
    await this.call("domainDetachDeviceFlags", { xml, flags });
  }

  async detachAlias(alias: string, flags: number = DEVICE.live): Promise<void> {
    await this.call("domainDetachDeviceAlias", { alias, flags });
  }

  async updateDevice(xml: string, flags = 0): Promise<void> {
    await this.call("domainUpdateDeviceFlags", { xml, flags });
  }

  /** Flags: VCPU. With VCPU.maximum (and config) the ceiling, else how many are plugged. */
  async setVcpus(count: number, flags: number = AFFECT.live): Promise<void> {
    await this.call("domainSetVcpusFlags", { nvcpus: count, flags });
  }

  async vcpus(flags: number = VCPU.live): Promise<number> {
    return (await this.call("domainGetVcpusFlags", { flags })).num;
  }

  /** Flags: MEMORY. Live, this moves the balloon. */
  async setMemory(kiB: number, flags: number = AFFECT.live): Promise<void> {
    await this.call("domainSetMemoryFlags", { memory: BigInt(kiB), flags });
  }

  /** Tells QEMU that the disk has grown; `disk` is its target, such as "vda". */
  async resizeDisk(disk: string, bytes: number): Promise<void> {
    await this.call("domainBlockResize", { disk, size: BigInt(bytes), flags: BLOCK_RESIZE.bytes });
  }

  /** cpu_shares (ullong), vcpu_period (ullong), vcpu_quota (llong), … */
  async setScheduler(params: TypedParam[], flags = 0): Promise<void> {
    await this.call("domainSetSchedulerParametersFlags", { params, flags });
  }

  async scheduler(flags = 0): Promise<PlainParams> {
    const { params } = await this.call("domainGetSchedulerParametersFlags", { nparams: 16, flags });
    return toPlainParams(params);
  }

  /** total_bytes_sec, read_iops_sec, … (all ullong) of one disk. */
  async setDiskTune(disk: string, params: TypedParam[], flags = 0): Promise<void> {
    await this.call("domainSetBlockIoTune", { disk, params, flags });
  }

  async diskTune(disk: string, flags = 0): Promise<PlainParams> {
    const { params } = await this.call("domainGetBlockIoTune", { disk, nparams: 32, flags });
    return toPlainParams(params);
  }

  async setTitle(title: string | null, flags = 0): Promise<void> {
    await this.#setMetadata(METADATA.title, title, null, null, flags);
  }

  async setDescription(description: string | null, flags = 0): Promise<void> {
    await this.#setMetadata(METADATA.description, description, null, null, flags);
  }

  /** Puts an element of your own under <metadata>, in the namespace `uri`; null removes it. */
  async setMetadata(uri: string, prefix: string, xml: string | null, flags = 0): Promise<void> {
    await this.#setMetadata(METADATA.element, xml, prefix, uri, flags);
  }

  /** Rejects with NO_DOMAIN_METADATA where there is none. */
  async metadata(uri: string, flags = 0): Promise<string> {
    return (await this.call("domainGetMetadata", { type: METADATA.element, uri, flags })).metadata;
  }

  // Figures.

  /** Sizes in bytes. `path` is the disk's target or its file. */
  async blockInfo(path: string): Promise<{ capacity: number; allocation: number; physical: number }> {
    const { capacity, allocation, physical } = await this.call("domainGetBlockInfo", { path, flags: 0 });
    return { capacity: Number(capacity), allocation: Number(allocation), physical: Number(physical) };
  }

  async blockStats(
    path: string,
  ): Promise<Record<"rdReq" | "rdBytes" | "wrReq" | "wrBytes" | "errs", number>> {
    const { rdReq, rdBytes, wrReq, wrBytes, errs } = await this.call("domainBlockStats", { path });
    return {
      rdReq: Number(rdReq),
      rdBytes: Number(rdBytes),
      wrReq: Number(wrReq),
      wrBytes: Number(wrBytes),
      errs: Number(errs),
    };
  }

  /** Counters of the host's end, so rx is what the guest received. -1 where the driver cannot tell. */
  async interfaceStats(device: string): Promise<PlainParams> {
    const stats = await this.call("domainInterfaceStats", { device });
    return Object.fromEntries(Object.entries(stats).map(([name, value]) => [name, Number(value)]));
  }

  /** By default asks the guest agent; ADDRESSES.arp looks into the host's table instead. */
  async interfaceAddresses(source: number = ADDRESSES.agent): Promise<InterfaceAddresses[]> {
    const { ifaces } = await this.call("domainInterfaceAddresses", { source, flags: 0 });
    return ifaces.map(({ name, hwaddr, addrs }) => ({
      name,
      mac: hwaddr,
      addresses: addrs.map(({ type, addr, prefix }) => ({
        family: type === 0 ? "ipv4" : "ipv6",
        address: addr,
        prefix,
      })),
    }));
  }

  /** What the balloon tells; most of it only once the guest has its driver and a period is set. */
  async memoryStats(): Promise<Partial<Record<MemoryStat, number>>> {
    const { stats } = await this.call("domainMemoryStats", { maxStats: MEMORY_STATS.length, flags: 0 });
    const named: Partial<Record<MemoryStat, number>> = {};
    for (const { tag, val } of stats) {
      const name = MEMORY_STATS[tag];
      if (name) named[name] = Number(val);
    }
    return named;
  }

  /** Seconds between the balloon's reports; 0 stops them. */
  async setMemoryStatsPeriod(seconds: number, flags = 0): Promise<void> {
    await this.call("domainSetMemoryStatsPeriod", { period: seconds, flags });
  }

  /** The running job, or with JOB_STATS.completed the last one. */
  async jobStats(flags = 0): Promise<{ type: JobType; stats: PlainParams }> {
    const { type, params } = await this.call("domainGetJobStats", { flags });
    return { type: wordOf<JobType>(JOB_TYPES, type, "unknown"), stats: toPlainParams(params) };
  }

  async abortJob(): Promise<void> {
    await this.call("domainAbortJob", {}, { urgent: true });
  }

  // The guest and QEMU themselves.

  /**
   * One command to the guest agent, e.g. `{ execute: "guest-ping" }`; the value is its "return". `timeoutS`:
   * seconds the daemon waits, -1 for ever, -2 its default, 0 not at all.
   */
  async agentCommand(command: AgentCommand, timeoutS = -2, options?: CallOptions): Promise<unknown> {
    const cmd = JSON.stringify(command);
    const { result } = await this.call(
      "qemuDomainAgentCommand",
      { cmd, timeout: timeoutS, flags: 0 },
      options,
    );
    return result === null ? undefined : (JSON.parse(result) as { return: unknown }).return;
  }

  /**
   * One command to QEMU's monitor, past libvirt's back: only for what libvirt lacks, and never to change state
   * libvirt keeps. Rejects with MonitorCommandError when QEMU refuses.
   */
  async monitorCommand(command: AgentCommand, options?: CallOptions): Promise<unknown> {
    const { result } = await this.call(
      "qemuDomainMonitorCommand",
      { cmd: JSON.stringify(command), flags: 0 },
      options,
    );
    const answer = JSON.parse(result) as { return?: unknown; error?: { class: string; desc: string } };
    if (answer.error) throw new MonitorCommandError(command.execute, answer.error.class, answer.error.desc);
    return answer.return;
  }

  /** HMP, the monitor for people: `info block`. */
  async humanMonitorCommand(line: string): Promise<string> {
    return (await this.call("qemuDomainMonitorCommand", { cmd: line, flags: 1 })).result;
  }

  /** Through the agent. */
  async setUserPassword(user: string, password: string, flags = 0): Promise<void> {
    await this.call("domainSetUserPassword", { user, password, flags });
  }

  // Streams.

  /** The serial console as a Duplex; CONSOLE.force takes it from whoever has it. `device`: alias, default the first. */
  async openConsole({
    device = null,
    flags = 0,
  }: {
    device?: string | null;
    flags?: number;
  } = {}): Promise<RpcStream> {
    const args = { dom: this.ref, devName: device, flags };
    return (await this.#caller.openStream("domainOpenConsole", args)).stream;
  }

  /** A picture of the screen, and what kind of picture it is. */
  async screenshot(screen = 0): Promise<{ mime: string | null; stream: RpcStream }> {
    const args = { dom: this.ref, screen, flags: 0 };
    const { stream, reply } = await this.#caller.openStream("domainScreenshot", args);
    return { mime: reply.mime, stream };
  }

  async #setMetadata(
    type: number,
    metadata: string | null,
    key: string | null,
    uri: string | null,
    flags: number,
  ): Promise<void> {
    await this.call("domainSetMetadata", { type, metadata, key, uri, flags });
  }
}

export interface AgentCommand {
  readonly execute: string;
  readonly arguments?: Readonly<Record<string, unknown>>;
}

/** QEMU itself refused a monitor command; libvirt only carried it. */
export class MonitorCommandError extends Error {
  override readonly name = "MonitorCommandError";
  readonly qemuClass: string;

  constructor(command: string, qemuClass: string, description: string) {
    super(`QEMU refused ${command}: ${description}`);
    this.qemuClass = qemuClass;
  }
}
