import type { WireVm } from "@sinter/northbound";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { refreshKinds } from "../../api/queries.ts";

export interface Refusal {
  readonly vm: WireVm;
  readonly error: unknown;
}

/** Calls under way at once: each begins a task, and the manager takes a transaction for each. */
const AT_ONCE = 6;

/** One call per VM. Some may be refused: those are told by name, the others go on. */
export function useEach() {
  const queries = useQueryClient();
  const [isRunning, setRunning] = useState(false);
  const [refusals, setRefusals] = useState<readonly Refusal[]>([]);
  return {
    isRunning,
    refusals,
    forget: () => setRefusals([]),
    /** How many were begun. */
    async run(vms: readonly WireVm[], call: (vm: WireVm) => Promise<unknown>): Promise<number> {
      setRunning(true);
      setRefusals([]);
      const refused: Refusal[] = [];
      const left = [...vms];
      const lane = async (): Promise<void> => {
        for (let vm = left.shift(); vm !== undefined; vm = left.shift()) {
          try {
            await call(vm);
          } catch (error) {
            refused.push({ vm, error });
          }
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, lane));
      setRefusals(refused);
      setRunning(false);
      await refreshKinds(queries, "vms");
      return vms.length - refused.length;
    },
  };
}
