import { command, group } from "../command.ts";
import { confirmed } from "../input/confirmed.ts";
import { requiredArgument, textOption, yesOption } from "../input/options.ts";
import { memoryText } from "../input/sizes.ts";
import { findCluster, idOf } from "../lookup.ts";

const list = command({
  command: "ls",
  describe: "List clusters",
  async run(_args, cli) {
    const client = await cli.client();
    cli.printer.list(await client.clusters.list(), [
      { head: "NAME", value: (each) => each.name },
      { head: "ID", value: idOf },
      { head: "CPU MHZ", value: (each) => each.cpuResource.totalSizeMHz, isNumber: true },
      { head: "RESERVED", value: (each) => each.cpuResource.allocatedSizeMHz, isNumber: true },
      { head: "MEMORY", value: (each) => memoryText(each.memResource.totalSizeMB), isNumber: true },
      { head: "RESERVED", value: (each) => memoryText(each.memResource.allocatedSizeMB), isNumber: true },
      { head: "DESCRIPTION", value: (each) => each.description },
    ]);
  },
});

const create = command({
  command: "create <name>",
  describe: "Create a cluster",
  builder: (yargs) =>
    yargs
      .positional("name", requiredArgument("Name of the cluster"))
      .option("description", textOption("What it is for")),
  async run(args, cli) {
    const client = await cli.client();
    const { name, description } = args;
    const created = await client.clusters.create({
      name,
      ...(description === undefined ? {} : { description }),
    });
    cli.printer.done(`Cluster ${name} (${idOf(created)}) was created.`, created);
  },
});

const remove = command({
  command: "rm <cluster>",
  describe: "Delete a cluster without hosts",
  builder: (yargs) => yargs.positional("cluster", requiredArgument("Name, id or URN")).options(yesOption),
  async run(args, cli) {
    const client = await cli.client();
    const found = await findCluster(client, args.cluster);
    await confirmed(cli, args.yes, `Delete cluster ${found.name}?`);
    await client.clusters.remove(found);
    cli.printer.done(`Cluster ${found.name} was deleted.`, {});
  },
});

export const cluster = group("cluster", "Hosts that act as one", [list, create, remove]);
