import { queryOptions, useQuery } from "@tanstack/react-query";
import type { WireOs, WireVm } from "@sinter/northbound";
import { client } from "../../api/client.ts";

/** The list belongs to the release: read once. */
export const osVersionsQuery = () =>
  queryOptions({
    queryKey: ["osVersions"],
    queryFn: () => client.vms.osVersions(),
    staleTime: Number.POSITIVE_INFINITY,
  });

/** The guest's system in words; its number where the list does not have it. */
export function useOsName(vm: Pick<WireVm, "osOptions">): string {
  const { data } = useQuery(osVersionsQuery());
  const os = vm.osOptions;
  if (!os) return "–";
  if (os.guestOSName !== "") return os.guestOSName;
  const all: readonly WireOs[] = data ? [...data.linux, ...data.windows, ...data.other] : [];
  return all.find((one) => one.id === os.osVersion)?.versionDes ?? `${os.osType} ${os.osVersion}`;
}
