import { type Log, systemClock } from "@sinter/kit";
import { AFFECT, isLibvirtError, param } from "@sinter/libvirt";
import type { EventHub } from "../events/event-hub.ts";
import type { LibvirtLink } from "../libvirt/libvirt-link.ts";
import { cpuWeights } from "./cpu-weights.ts";
import type { DomainReader } from "./domain-reader.ts";
import type { HostTraits } from "./domain-spec.ts";
import { readMetadata } from "./vm-metadata.ts";
import { isUp, powerOf } from "./vm-observation.ts";

export interface CpuBalanceOptions {
  readonly libvirt: LibvirtLink;
  readonly reader: DomainReader;
  readonly hub: EventHub;
  readonly traits: () => Promise<HostTraits>;
  readonly log: Log;
}

/** Several VMs that change together are weighed once. */
const SETTLE_MS = 300;

/**
 * Keeps the CPU weights of running VMs as their claims say, whenever one comes, goes or changes. A reconciler: it
 * looks at everything and sets what differs; one that fails is tried again with the next change.
 */
export class CpuBalance implements AsyncDisposable {
  readonly #options: CpuBalanceOptions;
  readonly #stop = new AbortController();
  readonly #unsubscribe: () => void;
  #wanted = true;
  #wake: () => void = () => {};
  readonly #running: Promise<void>;

  constructor(options: CpuBalanceOptions) {
    this.#options = options;
    this.#unsubscribe = options.hub.subscribe(({ type }) => {
      if (type !== "vmChanged") return;
      this.#wanted = true;
      this.#wake();
    });
    this.#running = this.#run();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#unsubscribe();
    this.#stop.abort();
    this.#wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      if (!this.#wanted) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        await systemClock.sleep(SETTLE_MS, signal).catch(() => {}); // the loop's condition sees the end
        continue;
      }
      this.#wanted = false;
      await this.#balance().catch((error: unknown) => {
        this.#options.log.debug({ err: error }, "could not weigh the VMs' CPU time");
      });
    }
  }

  async #balance(): Promise<void> {
    const { libvirt, reader, traits, log } = this.#options;
    const { cpu, cgroup } = await traits();
    if (cgroup === "none") return;
    const claims = (await reader.list()).flatMap((seen) => {
      const claim = isUp(powerOf(seen)) ? readMetadata(seen.stored)?.cpu : undefined;
      return claim ? [{ vmUuid: seen.uuid, claim }] : [];
    });
    const weights = cpuWeights(
      cpu.threads * cpu.mhz,
      claims.map(({ claim }) => claim),
      cgroup,
    );
    for (const [index, { vmUuid }] of claims.entries()) {
      const domain = libvirt.changes.domain({ uuid: vmUuid });
      const weight = weights[index] ?? 0;
      try {
        const now = await domain.scheduler(AFFECT.live);
        if (now["cpu_shares"] === weight) continue;
        await domain.setScheduler([param.ullong("cpu_shares", weight)], AFFECT.live);
        log.info({ vmUuid, weight }, "gave a VM its CPU weight");
      } catch (error) {
        // It stopped meanwhile, or libvirt has no control groups here.
        if (!isLibvirtError(error)) throw error;
        log.debug({ vmUuid, err: error }, "could not give a VM its CPU weight");
      }
    }
  }
}
