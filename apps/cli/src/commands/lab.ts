import { join } from "node:path";
import type { HostLink, HostStatus, Lab } from "@sinter/lab";
import type { Argv } from "yargs";
import { type Cli, command, group } from "../command.ts";
import { stateDirectory } from "../context/contexts.ts";
import { confirmed } from "../input/confirmed.ts";
import { flagOption, requiredArgument, textOption, yesOption } from "../input/options.ts";
import { stateStyle } from "../output/paint.ts";
import type { Column } from "../output/table.ts";

/*
 * The laboratory of this machine: hosts in namespaces, with power and cables to pull. These commands need root and
 * speak to no manager.
 */

const LINKS = [
  "management",
  "storage",
  "migration",
  "guest",
  "up0",
  "up1",
] as const satisfies readonly HostLink[];

interface LabArguments {
  readonly stateDir?: string | undefined;
}

function labOptions(yargs: Argv) {
  return yargs.option(
    "state-dir",
    textOption("Directory of the lab; default $SINTER_STATE/lab or .sinter/lab"),
  );
}

function hostPositional(yargs: Argv) {
  return labOptions(yargs).positional(
    "host",
    requiredArgument("Name of the host, as sinter lab status shows it"),
  );
}

/** Takes hold of the lab for one command; loaded here, since no other command needs it. */
async function withLab<T>(cli: Cli, args: LabArguments, work: (lab: Lab) => Promise<T>): Promise<T> {
  const [{ attachLab }, { silentLog }] = await Promise.all([import("@sinter/lab"), import("@sinter/kit")]);
  const directory = args.stateDir ?? join(stateDirectory(cli.terminal.env), "lab");
  const lab = await attachLab(directory, silentLog);
  try {
    return await work(lab);
  } finally {
    await lab.detach();
  }
}

const columns: readonly Column<HostStatus>[] = [
  { head: "HOST", value: (host) => host.name },
  { head: "POWER", value: (host) => host.power, style: stateStyle },
  { head: "AGENT", value: (host) => host.processes.agent, style: stateStyle },
  { head: "LIBVIRTD", value: (host) => host.processes.libvirtd, style: stateStyle },
  { head: "SWITCH", value: (host) => host.processes.ovs, style: stateStyle },
  { head: "GUESTS", value: (host) => host.guests.length, isNumber: true },
  { head: "CUT", value: (host) => host.cut.join(" ") },
];

const status = command({
  command: "status",
  describe: "Show the hosts of the lab",
  builder: labOptions,
  async run(args, cli) {
    const found = await withLab(cli, args, (lab) => lab.status());
    cli.printer.note(`Lab ${found.name} in ${found.stateDir}; manager at ${found.addresses.manager}.`);
    cli.printer.list(found.hosts, columns, found);
    for (const limit of found.limits) cli.printer.note(limit);
  },
});

const up = command({
  command: "up",
  describe: "Start what should run in the lab and does not",
  builder: labOptions,
  async run(args, cli) {
    const found = await withLab(cli, args, async (lab) => {
      await lab.resume();
      return lab.status();
    });
    cli.printer.done(`Lab ${found.name} is up with ${found.hosts.length} hosts.`, found);
  },
});

const down = command({
  command: "down",
  describe: "Stop the lab, guests included",
  builder: (yargs) =>
    labOptions(yargs)
      .option("keep-state", flagOption("Keep the hosts' disks and identities for the next time"))
      .options(yesOption),
  async run(args, cli) {
    await withLab(cli, args, async (lab) => {
      const fate = args.keepState ? "Its disks are kept." : "Its disks are deleted.";
      await confirmed(cli, args.yes, `Stop the lab ${lab.name} and all guests in it? ${fate}`);
      await lab.down({ keepState: args.keepState });
      cli.printer.done(`Lab ${lab.name} is down.`, {});
    });
  },
});

const powerOff = command({
  command: "power-off <host>",
  describe: "Cut the power of a host: guests, daemons and agent are gone at once",
  builder: hostPositional,
  async run(args, cli) {
    await onHost(cli, args, `Host ${args.host} has no power.`, (lab) => lab.host(args.host).powerOff());
  },
});

const powerOn = command({
  command: "power-on <host>",
  describe: "Boot a host",
  builder: hostPositional,
  async run(args, cli) {
    await onHost(cli, args, `Host ${args.host} is on.`, (lab) => lab.host(args.host).powerOn());
  },
});

function linkPositional(yargs: Argv) {
  return hostPositional(yargs).positional("link", {
    choices: LINKS,
    demandOption: true,
    describe: "Network, or one of the two guest uplinks",
  });
}

const cut = command({
  command: "cut <host> <link>",
  describe: "Pull a cable",
  builder: linkPositional,
  async run(args, cli) {
    const sentence = `Host ${args.host} is cut off from ${args.link}. Mend it: sinter lab mend ${args.host} ${args.link}`;
    await onHost(cli, args, sentence, (lab) => lab.host(args.host).cut(args.link));
  },
});

const mend = command({
  command: "mend <host> <link>",
  describe: "Put a cable back",
  builder: linkPositional,
  async run(args, cli) {
    await onHost(cli, args, `Host ${args.host} is connected to ${args.link}.`, (lab) =>
      lab.host(args.host).mend(args.link),
    );
  },
});

async function onHost(
  cli: Cli,
  args: LabArguments & { readonly host: string },
  sentence: string,
  work: (lab: Lab) => Promise<void>,
): Promise<void> {
  const found = await withLab(cli, args, async (lab) => {
    await work(lab);
    return lab.status();
  });
  cli.printer.done(
    sentence,
    found.hosts.find((host) => host.name === args.host),
  );
}

export const lab = group("lab", "The laboratory on this machine", [
  status,
  up,
  down,
  powerOff,
  powerOn,
  cut,
  mend,
]);
