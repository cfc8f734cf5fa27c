import type { Duplex } from "node:stream";
import {
  type AgentEventSource,
  CALL_NAMES,
  linkErrors,
  type ServedAgent,
  southboundError,
  type TlsIdentity,
} from "@sinter/agent-link";
import { AppError, type Clock, systemClock } from "@sinter/kit";
import type { RemoteFile } from "@sinter/nbd";
import {
  type AgentApi,
  type AgentEvent,
  type CallContext,
  type CallName,
  type DatastoreSpec,
  type HostReport,
  MEDIA_GRACE_MS,
  type MediaChannel,
  type SwitchSpec,
  type VmSpec,
} from "@sinter/southbound";
import { CallLog, type CallRecord } from "./call-log.ts";
import { EFFECTS, WITHOUT_LIBVIRT } from "./effects.ts";
import { FaultPlan } from "./fault-plan.ts";
import { bootId, ordinaryReport } from "./ordinary-report.ts";
import { ensureBrowserMedium } from "./media-calls.ts";
import { openSimConsole } from "./sim-console.ts";
import { openSimScreen } from "./sim-screen.ts";
import { type HostCounters, NO_COUNTERS } from "./sim-stats.ts";
import { SimStore } from "./sim-store.ts";
import { COOPERATIVE_GUEST, isAlive, type SimGuest, type SimVm } from "./sim-vm.ts";
import { requireRunning } from "./vm-calls.ts";
import { endVm, setPower, startVm } from "./vm-life.ts";

export interface SimHostOptions {
  /** Decides everything random of this host; default "sim". */
  readonly seed?: string;
  /** Time for boots, copies, statistics and heartbeats; default the system's. */
  readonly clock?: Clock;
  /** What differs from an ordinary host of 32 threads and 128 GiB. */
  readonly report?: Partial<HostReport>;
  /** Where its screens are said to listen; default 127.0.0.1. */
  readonly address?: string;
  /** Directories of the host by path; default one of 1 TiB at DEFAULT_STORE_PATH. */
  readonly mounts?: Readonly<Record<string, SimStore>>;
  /** Guests unless a VM has its own; default one that cooperates. */
  readonly guest?: Partial<SimGuest>;
  /** How fast volumes are written; default at once. */
  readonly writeBytesPerSec?: number;
  /** How long a lost browser's medium waits for it; default as a real agent. */
  readonly mediaGraceMs?: number;
  /** Calls remembered for assertions; default 500. */
  readonly callLogLimit?: number;
}

export interface Datastore {
  readonly spec: DatastoreSpec;
  readonly store: SimStore;
}

/** Close code of a connection that broke. */
const LOST = 1006;
export const DEFAULT_STORE_PATH = "/srv/sinter";

/**
 * A host whose agent keeps the southbound contract in memory. Reached by `simPort` in this process or by `serveSims`
 * over TLS, with the same behaviour. Power, network and agent faults are methods; faults of single calls are planned
 * on `faults`.
 */
export class SimHost implements ServedAgent {
  readonly clock: Clock;
  readonly address: string;
  readonly faults: FaultPlan;
  readonly vms = new Map<string, SimVm>();
  readonly datastores = new Map<string, Datastore>();
  readonly switches = new Map<string, SwitchSpec>();
  readonly mounts: Map<string, SimStore>;
  readonly writeBytesPerSec: number;
  /** Media of browsers that lie in drives, or wait for one. */
  readonly browserMedia = new Map<string, RemoteFile>();
  readonly mediaGraceMs: number;
  guest: SimGuest;
  report: HostReport;
  bootedAt: number;
  agentStartedAt: number;
  /** Of VMs that have ended, so that the host's counters do not go back. */
  endedCounters: HostCounters = NO_COUNTERS;
  /** What it serves under; set by a rotation or by `installIdentity`. */
  identity: TlsIdentity | undefined;
  /** Key of a rotation that has begun. */
  nextKey: string | undefined;
  /** Each run of a VM gets the next one. */
  vncPortsGiven = 0;
  /** While true, calls that need libvirt answer LIBVIRT_AWAY. */
  isLibvirtAway = false;

  readonly #seed: string;
  readonly #calls: CallLog;
  readonly #listeners = new Set<(event: AgentEvent) => void>();
  readonly #dropListeners = new Set<() => void>();
  readonly #disposal = new AbortController();
  /** Open consoles by VM. */
  readonly #lines = new Map<string, Set<Duplex>>();
  #isPowered = true;
  #isConnected = true;
  #isStalled = false;
  #boots = 0;
  /** Counts the processes that its agent has been: a call that one began the next does not go on with. */
  #process = 0;
  #api: AgentApi | undefined;

  constructor(options: SimHostOptions = {}) {
    this.#seed = options.seed ?? "sim";
    this.clock = options.clock ?? systemClock;
    this.address = options.address ?? "127.0.0.1";
    this.faults = new FaultPlan(this.clock);
    this.mounts = new Map(
      Object.entries(options.mounts ?? { [DEFAULT_STORE_PATH]: new SimStore({ seed: this.#seed }) }),
    );
    this.guest = { ...COOPERATIVE_GUEST, ...options.guest };
    this.writeBytesPerSec = options.writeBytesPerSec ?? Infinity;
    this.mediaGraceMs = options.mediaGraceMs ?? MEDIA_GRACE_MS;
    this.#calls = new CallLog(options.callLogLimit ?? 500);
    this.bootedAt = this.clock.now();
    this.agentStartedAt = this.bootedAt;
    this.report = { ...ordinaryReport(this.#seed), ...options.report };
  }

  get hostUuid(): string {
    return this.report.hostUuid;
  }

  /** Aborts when the host is disposed of, and with it what sleeps for it. */
  get life(): AbortSignal {
    return this.#disposal.signal;
  }

  /** Whether its agent can be spoken to: it has power and network. */
  get isReachable(): boolean {
    return this.#isPowered && this.#isConnected;
  }

  // ---- What the agent does -------------------------------------------------------------------------------------

  get api(): AgentApi {
    this.#api ??= Object.fromEntries(
      CALL_NAMES.map((name) => [
        name,
        (input: Record<string, unknown>, context: CallContext) => this.#answer(name, input, context),
      ]),
    ) as unknown as AgentApi; // one function stands in for all calls
    return this.#api;
  }

  readonly events: AgentEventSource = {
    hello: () => ({
      hostUuid: this.hostUuid,
      bootId: this.report.bootId,
      agentStartedAt: this.agentStartedAt,
    }),
    subscribe: (listener) => {
      this.#listeners.add(listener);
      return () => this.#listeners.delete(listener);
    },
    isStalled: () => this.#isStalled,
  };

  /** A terminal that greets and echoes. */
  openConsole(vmUuid: string): Duplex {
    const vm = requireRunning(this, vmUuid);
    return this.#endingWith(vm, openSimConsole(vm));
  }

  /** A small picture that answers to keys, behind the password. */
  openScreen(vmUuid: string, password: string): Duplex {
    const vm = requireRunning(this, vmUuid);
    return this.#endingWith(vm, openSimScreen(vm, password));
  }

  openMedia(mediaId: string, sizeBytes: number, channel: MediaChannel): void {
    ensureBrowserMedium(this, mediaId, sizeBytes).attach(channel);
    // As a connection over a network would.
    const stop = this.onDrop(() => channel.close(LOST, "the connection broke"));
    channel.onClose(stop);
  }

  /** What the guest reads off its CD: the browser is asked as a real node would. Rejects when that is gone. */
  async readCd(vmUuid: string, offset: number, length: number): Promise<Buffer> {
    const { cdrom } = requireRunning(this, vmUuid).live ?? {};
    const file = cdrom?.kind === "browser" ? this.browserMedia.get(cdrom.mediaId) : undefined;
    if (file === undefined) throw new Error("There is no browser's medium in the drive.");
    return file.read(offset, length);
  }

  /** Calls received, oldest first, as far as remembered. */
  calls(name?: CallName): CallRecord[] {
    return this.#calls.list(name);
  }

  /** How many calls it ever received. */
  get callsTotal(): number {
    return this.#calls.total;
  }

  clearCalls(): void {
    this.#calls.clear();
  }

  // ---- Faults of the whole host --------------------------------------------------------------------------------

  /** Pulls its plug: VMs end, connections break, nothing answers. Disks and definitions stay. */
  powerOff(): void {
    if (!this.#isPowered) return;
    this.#isPowered = false;
    this.#process++;
    for (const vm of this.vms.values()) if (isAlive(vm)) endVm(this, vm, "host lost power");
    this.#drop();
  }

  powerOn(): void {
    if (this.#isPowered) return;
    this.#isPowered = true;
    this.#bootHost();
  }

  /** Cuts its management network: nothing answers, VMs run on. */
  disconnect(): void {
    this.#isConnected = false;
    this.#drop();
  }

  reconnect(): void {
    this.#isConnected = true;
  }

  /** The agent's process is killed and comes back: connections and calls under way break, VMs run on. */
  restartAgent(): void {
    this.agentStartedAt = this.clock.now();
    this.nextKey = undefined;
    this.#process++;
    this.#drop();
    // Their sockets end with the process.
    for (const file of this.browserMedia.values()) file.end();
    if (this.#isStalled) this.resume();
  }

  /** Accepts calls, answers none, and falls silent, as a stopped process does. */
  stall(): void {
    this.#isStalled = true;
    this.faults.stall("*");
  }

  /** Ends `stall`, and what single calls were told to stall. */
  resume(): void {
    this.#isStalled = false;
    this.faults.release();
  }

  /** A new installation on the same machine: VMs, switches, datastores and the content of its own disks are gone. */
  loseEverything(): void {
    for (const vm of this.vms.values()) if (isAlive(vm)) endVm(this, vm, "lost");
    for (const [id, { spec, store }] of this.datastores) {
      if (!spec.shared) store.format();
      this.datastores.delete(id);
    }
    this.vms.clear();
    this.switches.clear();
    this.identity = undefined;
    this.nextKey = undefined;
    this.#process++;
    this.#bootHost();
    this.#drop();
  }

  /** Its machine has changed: another NIC, another amount of memory … */
  changeReport(changes: Partial<HostReport>): void {
    this.report = { ...this.report, ...changes };
    this.emit({ type: "hostChanged" });
  }

  // ---- What happens to VMs without a call ----------------------------------------------------------------------

  /** The guest crashes; what follows is what its spec says (`onCrash`). */
  crashVm(vmUuid: string): void {
    const vm = requireRunning(this, vmUuid);
    const { onCrash } = vm.live ?? vm.spec;
    if (onCrash === "preserve") setPower(this, vm, "crashed", "panicked");
    else endVm(this, vm, "crashed");
    if (onCrash === "restart") startVm(this, vm, false);
  }

  /** Somebody shuts the guest down from inside. */
  shutDownFromInside(vmUuid: string): void {
    endVm(this, requireRunning(this, vmUuid), "shutdown");
  }

  /** A domain that Sinter did not define, as found on a host that was in use before it joined. */
  addForeignVm(spec: VmSpec, power: "running" | "stopped" = "running"): void {
    const vm = this.newVm(spec);
    vm.isForeign = true;
    this.vms.set(spec.vmUuid, vm);
    if (power === "running") startVm(this, vm, false);
    else this.changed(vm);
  }

  /** How one VM's guest behaves from now on. */
  setGuest(vmUuid: string, guest: Partial<SimGuest>): void {
    const vm = this.vms.get(vmUuid);
    if (vm) vm.guest = { ...vm.guest, ...guest };
  }

  /** For serving under TLS. */
  installIdentity(identity: TlsIdentity): void {
    this.identity = identity;
  }

  /** Calls the listener whenever all connections break. */
  onDrop(listener: () => void): () => void {
    this.#dropListeners.add(listener);
    return () => this.#dropListeners.delete(listener);
  }

  /** Ends its timers. */
  dispose(): void {
    this.#disposal.abort();
    for (const file of this.browserMedia.values()) file.end();
    this.faults.clear();
    this.#drop();
  }

  // ---- For the calls (vm-calls.ts, storage-calls.ts …) ---------------------------------------------------------

  newVm(spec: VmSpec): SimVm {
    return {
      spec,
      live: undefined,
      power: "stopped",
      reason: "defined",
      isForeign: false,
      startedAt: 0,
      bootedAt: 0,
      run: 0,
      vncPort: 0,
      gateUntil: 0,
      guest: this.guest,
    };
  }

  changed(vm: SimVm): void {
    if (!isAlive(vm)) this.#endLines(vm);
    this.emit({ type: "vmChanged", vmUuid: vm.spec.vmUuid });
  }

  emit(event: AgentEvent): void {
    if (!this.isReachable || this.#isStalled) return;
    for (const listener of this.#listeners) listener(event);
  }

  // ---------------------------------------------------------------------------------------------------------------

  async #answer(name: CallName, input: Record<string, unknown>, context: CallContext): Promise<unknown> {
    const { operationId, signal } = context;
    const record: CallRecord = { name, input, operationId, at: this.clock.now(), outcome: "pending" };
    this.#calls.add(record);
    const startedIn = this.#process;
    try {
      await this.faults.meet(name, "before", signal);
      if (!this.isReachable || this.#process !== startedIn) {
        throw linkErrors.away({ hostUuid: this.hostUuid, address: this.address, port: 0 }, "reset");
      }
      if (this.isLibvirtAway && !WITHOUT_LIBVIRT.has(name)) {
        throw southboundError("LIBVIRT_AWAY", `libvirt does not answer on host ${this.hostUuid}.`);
      }
      // The table ties input to name; the compiler cannot follow that through a variable.
      const effect = EFFECTS[name] as (host: SimHost, input: unknown, context: CallContext) => unknown;
      const reply = await effect(this, input, context);
      await this.faults.meet(name, "after", signal);
      record.outcome = "ok";
      return reply;
    } catch (error) {
      record.outcome = error instanceof AppError ? error.code : "INTERNAL";
      throw error;
    }
  }

  #endingWith(vm: SimVm, line: Duplex): Duplex {
    const { vmUuid } = vm.spec;
    const lines = this.#lines.get(vmUuid) ?? new Set();
    this.#lines.set(vmUuid, lines.add(line));
    line.once("close", () => {
      lines.delete(line);
      if (lines.size === 0 && this.#lines.get(vmUuid) === lines) this.#lines.delete(vmUuid);
    });
    return line;
  }

  #endLines(vm: SimVm): void {
    for (const line of this.#lines.get(vm.spec.vmUuid) ?? []) line.destroy();
  }

  #bootHost(): void {
    this.#boots++;
    this.bootedAt = this.clock.now();
    this.agentStartedAt = this.bootedAt;
    this.endedCounters = NO_COUNTERS;
    this.report = { ...this.report, bootId: bootId(this.#seed, this.#boots) };
  }

  #drop(): void {
    for (const listener of this.#dropListeners) listener();
  }
}
