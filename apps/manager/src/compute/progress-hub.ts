import type { AgentEvent } from "@sinter/southbound";

/** Hands progress that agents report to the step that began the work, by the operation's name. */
export interface ProgressHub {
  /** Feeds an agent's event; anything but progress is ignored. */
  take(event: AgentEvent): void;
  /** Calls the listener with 0 to 1 and a line for people. Gives how to stop listening. */
  watch(operationId: string, listener: (fraction: number, message: string) => void): () => void;
}

export function createProgressHub(): ProgressHub {
  const listeners = new Map<string, (fraction: number, message: string) => void>();
  return {
    take: (event) => {
      if (event.type === "progress") listeners.get(event.operationId)?.(event.percent / 100, event.message);
    },
    watch: (operationId, listener) => {
      listeners.set(operationId, listener);
      return () => listeners.delete(operationId);
    },
  };
}
