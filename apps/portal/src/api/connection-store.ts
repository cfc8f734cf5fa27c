import { useSyncExternalStore } from "react";

/** Whether the manager answers. The banner shows it; queries go on by themselves when it is back. */
let isLost = false;
const listeners = new Set<() => void>();

function set(next: boolean): void {
  if (next === isLost) return;
  isLost = next;
  for (const listener of listeners) listener();
}

export const connectionStore = {
  lost: (): void => set(true),
  back: (): void => set(false),
  isLost: (): boolean => isLost,
  subscribe(listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};

export function useIsConnectionLost(): boolean {
  return useSyncExternalStore(connectionStore.subscribe, connectionStore.isLost);
}
