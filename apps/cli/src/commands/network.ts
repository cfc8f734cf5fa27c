import { collect } from "@sinter/client";
import { type Command, command, group } from "../command.ts";
import { failures } from "../failures.ts";
import { finishTask } from "../follow-task.ts";
import { confirmed } from "../input/confirmed.ts";
import {
  countOption,
  listOption,
  requiredArgument,
  requiredText,
  textOption,
  waitOption,
  yesOption,
} from "../input/options.ts";
import { findHosts, findPortGroup, findSwitch, idOf } from "../lookup.ts";

/** `portType` of the wire. */
const TRUNK = 1;

const switchList = command({
  command: "ls",
  describe: "List distributed switches",
  async run(_args, cli) {
    const client = await cli.client();
    cli.printer.list(await client.switches.list(), [
      { head: "NAME", value: (each) => each.name },
      { head: "ID", value: idOf },
      { head: "PORT GROUPS", value: (each) => each.portGroupNum, isNumber: true },
      { head: "MTU", value: (each) => each.mtu, isNumber: true },
      { head: "DESCRIPTION", value: (each) => each.description },
    ]);
  },
});

const switchCreate = command({
  command: "create <name>",
  describe: "Create a distributed switch",
  builder: (yargs) =>
    yargs
      .positional("name", requiredArgument("Name of the switch"))
      .option("uplink", textOption("NIC that carries it out of each host; several with commas"))
      .option("host", listOption("Host that has it; repeatable, default every host"))
      .option("mtu", countOption("Longest frame, 1500 to 9000", { min: 1500, max: 9000 }))
      .option("description", textOption("What it is for")),
  async run(args, cli) {
    const client = await cli.client();
    const hosts = await findHosts(client, args.host);
    const created = await client.switches.create({
      name: args.name,
      hostPortSet: hosts.map(({ urn }) => ({
        hostUrn: urn,
        ...(args.uplink === undefined ? {} : { portName: args.uplink }),
      })),
      ...(args.mtu === undefined ? {} : { mtu: args.mtu }),
      ...(args.description === undefined ? {} : { description: args.description }),
    });
    cli.printer.done(`Switch ${args.name} (${idOf(created)}) was created.`, created);
  },
});

const switchRemove = command({
  command: "rm <switch>",
  describe: "Delete a switch without port groups",
  builder: (yargs) => yargs.positional("switch", requiredArgument("Name, id or URN")).options(yesOption),
  async run(args, cli) {
    const client = await cli.client();
    const found = await findSwitch(client, args.switch);
    await confirmed(cli, args.yes, `Delete switch ${found.name}?`);
    await client.switches.remove(found);
    cli.printer.done(`Switch ${found.name} was deleted.`, {});
  },
});

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
      { head: "NAME", value: (each) => each.name },
      { head: "ID", value: idOf },
      { head: "SWITCH", value: ({ urn }) => switches.find((one) => urn.startsWith(`${one.urn}:`))?.name },
      { head: "VLAN", value: (each) => (each.portType === TRUNK ? each.vlanRange : each.vlanId) },
      { head: "TYPE", value: (each) => (each.portType === TRUNK ? "trunk" : "access") },
    ]);
  },
});

const portGroupCreate = command({
  command: "create <name>",
  describe: "Create a port group",
  builder: (yargs) =>
    yargs
      .positional("name", requiredArgument("Name of the port group"))
      .option("switch", requiredText("Switch that it belongs to"))
      .option("vlan", countOption("VLAN of its ports; 0, the default, is untagged", { min: 0, max: 4094 }))
      .option("trunk", textOption("VLANs that its ports carry tagged, for instance 1-10,20"))
      .option("description", textOption("What it is for"))
      .conflicts("vlan", "trunk"),
  async run(args, cli) {
    if (args.trunk !== undefined && !/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(args.trunk)) {
      throw failures.usage(`"${args.trunk}" is not a range of VLANs.`, "Write it like 1-10,20.");
    }
    const client = await cli.client();
    const created = await client.portGroups.create(await findSwitch(client, args.switch), {
      name: args.name,
      ...(args.trunk === undefined ? { vlanId: args.vlan ?? 0 } : { portType: TRUNK, vlanRange: args.trunk }),
      ...(args.description === undefined ? {} : { description: args.description }),
    });
    cli.printer.done(`Port group ${args.name} (${idOf(created)}) was created.`, created);
  },
});

const portGroupRemove = command({
  command: "rm <portgroup>",
  describe: "Delete a port group that no VM uses",
  builder: (yargs) =>
    yargs
      .positional("portgroup", requiredArgument("Name, switch/name, id or URN"))
      .options(yesOption)
      .options(waitOption),
  async run(args, cli) {
    const client = await cli.client();
    const found = await findPortGroup(client, args.portgroup);
    await confirmed(cli, args.yes, `Delete port group ${found.name}?`);
    const answer = await client.portGroups.remove(found);
    const sentence = `Port group ${found.name} was deleted.`;
    await finishTask(cli, client, answer, { wait: args.wait, sentence });
  },
});

export const network: readonly Command[] = [
  group("switch", "Distributed switches", [switchList, switchCreate, switchRemove]),
  group("portgroup", "Networks that NICs are put into", [portGroupList, portGroupCreate, portGroupRemove]),
];
