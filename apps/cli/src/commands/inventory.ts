import { collect } from "@sinter/client";
import { type Command, command, group } from "../command.ts";
import { requiredArgument, textOption } from "../input/options.ts";
import { bytesText, memoryText } from "../input/sizes.ts";
import { findDatastore, findSwitch, idOf } from "../lookup.ts";
import { stateStyle } from "../output/paint.ts";

const clusterList = command({
  command: "ls",
  describe: "List clusters",
  async run(_args, cli) {
    const client = await cli.client();
    cli.printer.list(await client.clusters.list(), [
      { head: "NAME", value: (cluster) => cluster.name },
      { head: "ID", value: idOf },
      { head: "CPU MHZ", value: (cluster) => cluster.cpuResource.totalSizeMHz, isNumber: true },
      { head: "RESERVED", value: (cluster) => cluster.cpuResource.allocatedSizeMHz, isNumber: true },
      { head: "MEMORY", value: (cluster) => memoryText(cluster.memResource.totalSizeMB), isNumber: true },
      {
        head: "RESERVED",
        value: (cluster) => memoryText(cluster.memResource.allocatedSizeMB),
        isNumber: true,
      },
      { head: "DESCRIPTION", value: (cluster) => cluster.description },
    ]);
  },
});

const datastoreList = command({
  command: "ls",
  describe: "List datastores",
  async run(_args, cli) {
    const client = await cli.client();
    cli.printer.list(await collect(client.datastores.iterate()), [
      { head: "NAME", value: (datastore) => datastore.name },
      { head: "ID", value: idOf },
      { head: "STATUS", value: (datastore) => datastore.status, style: stateStyle },
      { head: "TYPE", value: (datastore) => datastore.storageType },
      { head: "CAPACITY", value: (datastore) => `${datastore.capacityGB} GiB`, isNumber: true },
      { head: "FREE", value: (datastore) => `${datastore.freeSizeGB} GiB`, isNumber: true },
      { head: "HOSTS", value: (datastore) => datastore.hosts.length, isNumber: true },
      { head: "PATH", value: (datastore) => datastore.path },
    ]);
  },
});

const datastoreImages = command({
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

const switchList = command({
  command: "ls",
  describe: "List distributed switches",
  async run(_args, cli) {
    const client = await cli.client();
    cli.printer.list(await client.switches.list(), [
      { head: "NAME", value: (aSwitch) => aSwitch.name },
      { head: "ID", value: idOf },
      { head: "PORT GROUPS", value: (aSwitch) => aSwitch.portGroupNum, isNumber: true },
      { head: "MTU", value: (aSwitch) => aSwitch.mtu, isNumber: true },
      { head: "DESCRIPTION", value: (aSwitch) => aSwitch.description },
    ]);
  },
});

const TRUNK = 1;

const portGroupList = command({
  command: "ls",
  describe: "List port groups",
  builder: (yargs) => yargs.option("switch", textOption("Only those of this switch")),
  async run(args, cli) {
    const client = await cli.client();
    const ofSwitch = args.switch === undefined ? undefined : await findSwitch(client, args.switch);
    const [switches, portGroups] = await Promise.all([
      client.switches.list(),
      collect(client.portGroups.iterate(ofSwitch === undefined ? {} : { ofSwitch })),
    ]);
    cli.printer.list(portGroups, [
      { head: "NAME", value: (portGroup) => portGroup.name },
      { head: "ID", value: idOf },
      {
        head: "SWITCH",
        value: ({ urn }) => switches.find((aSwitch) => urn.startsWith(`${aSwitch.urn}:`))?.name,
      },
      { head: "VLAN", value: (group_) => (group_.portType === TRUNK ? group_.vlanRange : group_.vlanId) },
      { head: "TYPE", value: (portGroup) => (portGroup.portType === TRUNK ? "trunk" : "access") },
    ]);
  },
});

/** What VMs stand on. */
export const inventory: readonly Command[] = [
  group("cluster", "Hosts that act as one", [clusterList]),
  group("datastore", "Places for volumes", [datastoreList, datastoreImages]),
  group("switch", "Distributed switches", [switchList]),
  group("portgroup", "Networks that NICs are put into", [portGroupList]),
];
