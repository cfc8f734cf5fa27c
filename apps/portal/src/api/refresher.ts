import type { QueryClient } from "@tanstack/react-query";

/** Kinds whose pages show figures of another kind: a VM that starts changes its host's load and its cluster's. */
const SHOWN_BY: Readonly<Record<string, readonly string[]>> = {
  vms: ["hosts", "clusters", "overview"],
  hosts: ["clusters", "overview"],
  volumes: ["vms", "datastores"],
  isos: ["vms"],
};
const PAUSE_MS = 800;

/**
 * Reads again what shows objects of a kind: at once, and then a while after the last reading has ended. A busy site
 * changes all the time, and a query that is begun anew with each change would never end.
 */
export function createRefresher(queries: Pick<QueryClient, "invalidateQueries">): {
  refresh(kind: string): void;
  stop(): void;
} {
  /** Kinds that are being read or were a moment ago, and whether they have changed since that began. */
  const busy = new Map<string, { hasChanged: boolean }>();
  const timers = new Set<ReturnType<typeof setTimeout>>();
  let isStopped = false;

  const pause = (): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(() => {
        timers.delete(timer);
        resolve();
      }, PAUSE_MS);
      timers.add(timer);
    });
  const read = async (kind: string): Promise<void> => {
    const turn = { hasChanged: false };
    busy.set(kind, turn);
    // Failures show where the query is used.
    await queries.invalidateQueries({ queryKey: [kind] }).catch(() => {});
    if (isStopped) return;
    await pause();
    busy.delete(kind);
    if (turn.hasChanged) void read(kind);
  };
  return {
    refresh(changed) {
      if (isStopped) return;
      for (const kind of [changed, ...(SHOWN_BY[changed] ?? [])]) {
        const turn = busy.get(kind);
        if (turn) turn.hasChanged = true;
        else void read(kind);
      }
    },
    stop() {
      isStopped = true;
      for (const timer of timers) clearTimeout(timer);
    },
  };
}
