import { useQuery } from "@tanstack/react-query";
import { clustersQuery, datastoresQuery, hostQuery, portGroupsQuery, vmQuery } from "../../../api/queries.ts";
import type { WishNames } from "./command-text.ts";
import type { Wish } from "./wish.ts";

/** Names of what a wish names by URN, from what the steps have read. */
export function useWishNames(wish: Wish): WishNames {
  const isHost = wish.location.includes(":hosts:");
  const clusters = useQuery(clustersQuery());
  const host = useQuery({ ...hostQuery(wish.location), enabled: isHost });
  const datastores = useQuery(datastoresQuery());
  const groups = useQuery(portGroupsQuery());
  const source = useQuery({ ...vmQuery(wish.from), enabled: wish.from !== "" });
  const cluster = clusters.data?.find((one) => one.urn === wish.location);
  const nameIn = (list: readonly { urn: string; name: string }[] | undefined, urn: string): string =>
    list?.find((one) => one.urn === urn)?.name ?? urn;
  return {
    source: wish.from === "" ? undefined : (source.data?.name ?? wish.from),
    place: isHost
      ? { kind: "host", name: host.data?.name ?? wish.location }
      : { kind: "cluster", name: cluster?.name ?? wish.location },
    datastore: (urn) => nameIn(datastores.data, urn),
    portGroup: (urn) => nameIn(groups.data, urn),
  };
}
