import { keepPreviousData, useQuery } from "@tanstack/react-query";
import type { WireVm } from "@sinter/northbound";
import { client } from "../../api/client.ts";

/** The manager takes so many URNs in one question. */
const URNS_MAX = 50;

/**
 * The selected VMs as they are now: what can be done with them is not what could be done when they were selected.
 * Those that are gone fall out.
 */
export function useLatest(selected: ReadonlyMap<string, WireVm>): readonly WireVm[] {
  const urns = [...selected.keys()];
  const { data, isPlaceholderData } = useQuery({
    queryKey: ["vms", "selected", urns],
    queryFn: async () => {
      const parts: string[][] = [];
      for (let at = 0; at < urns.length; at += URNS_MAX) parts.push(urns.slice(at, at + URNS_MAX));
      const pages = await Promise.all(
        parts.map((vmurns) => client.vms.list({ vmurns, limit: URNS_MAX, detail: 1 })),
      );
      return pages.flatMap((page) => page.items);
    },
    enabled: urns.length > 0,
    placeholderData: keepPreviousData,
  });
  // While the answer to another selection is still there, what the table had read does.
  return data === undefined || isPlaceholderData || urns.length === 0 ? [...selected.values()] : data;
}
