import { collect } from "@sinter/client";
import { command, group } from "../command.ts";
import { finishTask } from "../follow-task.ts";
import { confirmed } from "../input/confirmed.ts";
import {
  flagOption,
  listOption,
  requiredArgument,
  requiredText,
  textOption,
  waitOption,
  yesOption,
} from "../input/options.ts";
import { bytesText } from "../input/sizes.ts";
import { findDatastore, findHosts, idOf } from "../lookup.ts";
import { stateStyle } from "../output/paint.ts";

const list = command({
  command: "ls",
  describe: "List datastores",
  async run(_args, cli) {
    const client = await cli.client();
    cli.printer.list(await collect(client.datastores.iterate()), [
      { head: "NAME", value: (each) => each.name },
      { head: "ID", value: idOf },
      { head: "STATUS", value: (each) => each.status, style: stateStyle },
      { head: "TYPE", value: (each) => each.storageType },
      { head: "CAPACITY", value: (each) => `${each.capacityGB} GiB`, isNumber: true },
      { head: "FREE", value: (each) => `${each.freeSizeGB} GiB`, isNumber: true },
      { head: "HOSTS", value: (each) => each.hosts.length, isNumber: true },
      { head: "PATH", value: (each) => each.path },
    ]);
  },
});

const images = command({
  command: "images <datastore>",
  describe: "List the images that disks on a datastore may start from",
  builder: (yargs) => yargs.positional("datastore", requiredArgument("Name, id or URN")),
  async run(args, cli) {
    const client = await cli.client();
    cli.printer.list(await client.datastores.images(await findDatastore(client, args.datastore)), [
      { head: "NAME", value: (image) => image.name },
      { head: "TYPE", value: (image) => image.type },
      { head: "SIZE", value: (image) => bytesText(image.size), isNumber: true },
      { head: "DISK", value: (image) => bytesText(image.virtualSize), isNumber: true },
    ]);
  },
});

const leases = command({
  command: "leases <datastore>",
  describe: "Show which hosts keep their place on a shared datastore alive",
  builder: (yargs) => yargs.positional("datastore", requiredArgument("Name, id or URN")),
  async run(args, cli) {
    const client = await cli.client();
    const { hosts } = await client.datastores.leases(await findDatastore(client, args.datastore));
    cli.printer.list(hosts, [
      { head: "HOST", value: (each) => each.hostName },
      { head: "PLACE", value: (each) => each.place, isNumber: true },
      { head: "STATUS", value: (each) => each.status, style: stateStyle },
      { head: "HEARTBEAT", value: (each) => agoText(each.heartbeatAgeMs), isNumber: true },
      { head: "SEEN BY OTHERS", value: (each) => each.seenByOthers, style: stateStyle },
      { head: "NETWORK", value: (each) => (each.networkHeartbeat ? "reached" : "lost") },
      { head: "REASON", value: (each) => each.reason },
    ]);
  },
});

function agoText(ageMs: number | null): string {
  return ageMs === null ? "" : `${Math.round(ageMs / 1000)} s ago`;
}

const create = command({
  command: "create <name>",
  describe: "Make a directory of the hosts a place for volumes",
  builder: (yargs) =>
    yargs
      .positional("name", requiredArgument("Name of the datastore"))
      .option("path", requiredText("Directory, which is there on every host named"))
      .option("shared", flagOption("It is the same file system on all of them"))
      .option("host", listOption("Host that has it; repeatable, default every host"))
      .option("description", textOption("What it is for"))
      .options(waitOption),
  async run(args, cli) {
    const client = await cli.client();
    const hosts = await findHosts(client, args.host);
    const answer = await client.datastores.create({
      name: args.name,
      path: args.path,
      shared: args.shared,
      hostUrns: hosts.map((host) => host.urn),
      ...(args.description === undefined ? {} : { description: args.description }),
    });
    await finishTask(cli, client, answer, {
      wait: args.wait,
      sentence: `Datastore ${args.name} (${idOf(answer)}) was created on ${hosts.length} host(s).`,
    });
  },
});

const remove = command({
  command: "rm <datastore>",
  describe: "Forget a datastore without volumes; its directory stays",
  builder: (yargs) =>
    yargs.positional("datastore", requiredArgument("Name, id or URN")).options(yesOption).options(waitOption),
  async run(args, cli) {
    const client = await cli.client();
    const found = await findDatastore(client, args.datastore);
    await confirmed(cli, args.yes, `Forget datastore ${found.name} (${found.path})?`);
    const answer = await client.datastores.remove(found);
    const sentence = `Datastore ${found.name} is no longer used.`;
    await finishTask(cli, client, answer, { wait: args.wait, sentence });
  },
});

export const datastore = group("datastore", "Places for volumes", [list, images, leases, create, remove]);
