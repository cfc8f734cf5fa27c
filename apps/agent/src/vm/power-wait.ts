import type { VmPower } from "@sinter/southbound";
import type { EventHub } from "../events/event-hub.ts";

const ignore = (): void => {};

/** Events can be lost while libvirtd restarts; looking now and then makes up for it. */
const LOOK_AGAIN_MS = 2_000;

/**
 * Waits until a VM's power is one of those wanted: looks at once, then at each of its events. Resolves to false when
 * the time is over; rejects with the signal's reason, and with what `look` throws.
 */
export async function waitForPower(options: {
  readonly hub: EventHub;
  readonly vmUuid: string;
  readonly look: () => Promise<VmPower>;
  readonly until: (power: VmPower) => boolean;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}): Promise<boolean> {
  const { hub, vmUuid, signal } = options;
  const deadline = performance.now() + options.timeoutMs;
  let wake: () => void = ignore;
  let changed = false;
  const unsubscribe = hub.subscribe((event) => {
    if (event.type !== "vmChanged" || event.vmUuid !== vmUuid) return;
    changed = true;
    wake();
  });
  const aborted = (): void => wake();
  signal.addEventListener("abort", aborted);
  try {
    for (;;) {
      signal.throwIfAborted();
      changed = false;
      if (options.until(await options.look())) return true;
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) return false;
      if (changed) continue;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(leftMs, LOOK_AGAIN_MS));
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
        if (changed || signal.aborted) wake();
      });
    }
  } finally {
    signal.removeEventListener("abort", aborted);
    unsubscribe();
  }
}
