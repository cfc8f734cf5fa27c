import type { Client } from "@sinter/client";
import type { Argv } from "yargs";
import { failures } from "../../failures.ts";
import { textOption } from "../../input/options.ts";
import { findCluster, findHost, idOf } from "../../lookup.ts";
import { clean } from "../../output/text.ts";

/** Where a VM is to run. */
export function placementOptions<T>(yargs: Argv<T>) {
  return yargs
    .option("cluster", textOption("Cluster to run in; default the only one"))
    .option("host", textOption("One host to run on"))
    .conflicts("cluster", "host");
}

interface PlacementArguments {
  readonly cluster?: string | undefined;
  readonly host?: string | undefined;
}

/** URN of the place; undefined when none was named. */
export async function namedPlace(client: Client, args: PlacementArguments): Promise<string | undefined> {
  if (args.host !== undefined) return (await findHost(client, args.host)).urn;
  if (args.cluster !== undefined) return (await findCluster(client, args.cluster)).urn;
  return undefined;
}

/** The place named, or the only cluster there is. */
export async function choosePlace(client: Client, args: PlacementArguments): Promise<string> {
  const named = await namedPlace(client, args);
  if (named !== undefined) return named;
  const clusters = await client.clusters.list();
  const [only] = clusters;
  if (only !== undefined && clusters.length === 1) return only.urn;
  const names = clusters.map((cluster) => `${clean(cluster.name)} (${idOf(cluster)})`).join(", ");
  throw failures.usage(
    "Where should the VM run?",
    only === undefined
      ? "There is no cluster: name a host with --host."
      : `Name one with --cluster: ${names}`,
  );
}
