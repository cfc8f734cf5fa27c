import { collect } from "@sinter/client";
import type { WireHostBasic } from "@sinter/northbound";
import type { Argv } from "yargs";
import { command, group } from "../command.ts";
import { finishTask } from "../follow-task.ts";
import { confirmed } from "../input/confirmed.ts";
import {
  countOption,
  flagOption,
  requiredArgument,
  textOption,
  waitOption,
  yesOption,
} from "../input/options.ts";
import { memoryText } from "../input/sizes.ts";
import { findCluster, findHost, idOf } from "../lookup.ts";
import { stateStyle } from "../output/paint.ts";
import { section } from "../output/printer.ts";
import type { Column } from "../output/table.ts";

const columns: readonly Column<WireHostBasic>[] = [
  { head: "NAME", value: (host) => host.name },
  { head: "ID", value: idOf },
  { head: "STATUS", value: stateOf, style: stateStyle },
  { head: "ADDRESS", value: (host) => host.ip },
  { head: "CPUS", value: (host) => host.cpuQuantity, isNumber: true },
  { head: "MEMORY", value: (host) => memoryText(host.memQuantityMB), isNumber: true },
  { head: "ACCELERATOR", value: (host) => host.accelerator, style: stateStyle },
  { head: "CLUSTER", value: (host) => host.clusterName },
];

function stateOf(host: WireHostBasic): string {
  return host.isMaintaining ? `${host.status}, maintenance` : host.status;
}

function hostPositional(yargs: Argv) {
  return yargs.positional("host", requiredArgument("Name, id or URN"));
}

const list = command({
  command: "ls",
  describe: "List hosts",
  builder: (yargs) => yargs.option("cluster", textOption("Only hosts of this cluster")),
  async run(args, cli) {
    const client = await cli.client();
    const place = args.cluster === undefined ? undefined : await findCluster(client, args.cluster);
    const hosts = await collect(client.hosts.iterate(place === undefined ? {} : { scope: place.urn }));
    cli.printer.list(hosts, columns);
  },
});

const show = command({
  command: "show <host>",
  describe: "Show one host",
  builder: hostPositional,
  async run(args, cli) {
    const client = await cli.client();
    const host = await client.hosts.get(await findHost(client, args.host));
    cli.printer.sheet(
      host,
      [
        ["Name", host.name],
        ["Id", idOf(host)],
        ["Status", [stateOf(host), host.statusReason].filter(Boolean).join(": ")],
        ["Address", host.ip],
        ["Cluster", host.clusterName],
        ["Machine", [host.vendor, host.model].filter(Boolean).join(" ")],
        ["CPU", `${host.cpuModel} (${host.physicalCpuQuantity} sockets, ${host.cpuQuantity} threads)`],
        ["Memory", memoryText(host.memQuantityMB)],
        [
          "CPU for VMs",
          `${host.cpuResource.allocatedSizeMHz} of ${host.cpuResource.totalSizeMHz} MHz reserved`,
        ],
        [
          "Memory for VMs",
          `${memoryText(host.memResource.allocatedSizeMB)} of ${memoryText(host.memResource.totalSizeMB)} reserved`,
        ],
        ["Hypervisor", host.hypervisor],
        ["Accelerator", [host.accelerator, host.acceleratorReason].filter(Boolean).join(": ")],
        ["Agent", host.agentVersion],
      ],
      [
        section(cli.printer, "NICs", host.nics, [
          { head: "NAME", value: (nic) => nic.name },
          { head: "MAC", value: (nic) => nic.mac },
          { head: "LINK", value: (nic) => (nic.isUp ? "up" : "down") },
          {
            head: "SPEED",
            value: (nic) => (nic.speedMbps === null ? "" : `${nic.speedMbps} Mbps`),
            isNumber: true,
          },
          { head: "ADDRESSES", value: (nic) => nic.addresses.join(" ") },
        ]),
      ],
    );
  },
});

const enter = command({
  command: "enter <host>",
  describe: "Place no further VM on a host",
  builder: hostPositional,
  async run(args, cli) {
    const client = await cli.client();
    const host = await findHost(client, args.host);
    await client.hosts.enterMaintenance(host);
    cli.printer.done(`Host ${host.name} is in maintenance mode.`, await shownHost(cli, client, host));
  },
});

const exit = command({
  command: "exit <host>",
  describe: "Let a host run VMs again",
  builder: hostPositional,
  async run(args, cli) {
    const client = await cli.client();
    const host = await findHost(client, args.host);
    await client.hosts.exitMaintenance(host);
    cli.printer.done(`Host ${host.name} runs VMs again.`, await shownHost(cli, client, host));
  },
});

/** The changed object, for a program only. */
async function shownHost(
  cli: { printer: { isJson: boolean } },
  client: Parameters<typeof findHost>[0],
  host: WireHostBasic,
) {
  return cli.printer.isJson ? client.hosts.get(host) : undefined;
}

const joinToken = command({
  command: "join-token",
  describe: "Make a one-time token by which a host joins",
  builder: (yargs) =>
    yargs
      .option("cluster", textOption("Cluster that the host joins"))
      .option("minutes", countOption("How long it is valid; default 60", { min: 1, max: 1440 })),
  async run(args, cli) {
    const client = await cli.client();
    const place = args.cluster === undefined ? undefined : await findCluster(client, args.cluster);
    const token = await client.joinTokens.create({
      ...(place === undefined ? {} : { clusterUrn: place.urn }),
      ...(args.minutes === undefined ? {} : { validMinutes: args.minutes }),
    });
    const until = new Date(Number(token.expiresAt)).toISOString().slice(0, 16).replace("T", " ");
    cli.printer.note(`Run this as root on the host, until ${until} UTC. It works once.`);
    cli.printer.raw(token.command, token);
  },
});

const remove = command({
  command: "rm <host>",
  describe: "Take a host out of the system",
  builder: (yargs) =>
    hostPositional(yargs)
      .option("force", flagOption("Also one that does not answer"))
      .options(yesOption)
      .options(waitOption),
  async run(args, cli) {
    const client = await cli.client();
    const host = await findHost(client, args.host);
    await confirmed(cli, args.yes, `Take host ${host.name} (${host.ip}) out of the system?`);
    const answer = await client.hosts.remove(host, { force: args.force });
    await finishTask(cli, client, answer, { wait: args.wait, sentence: `Host ${host.name} was taken out.` });
  },
});

export const host = group("host", "Servers that run VMs", [
  list,
  show,
  group("maintenance", "Maintenance mode", [enter, exit]),
  joinToken,
  remove,
]);
