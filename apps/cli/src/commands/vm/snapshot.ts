import { type Client, eachSnapshot } from "@sinter/client";
import type { SnapshotTree, WireSnapshotNode, WireVm } from "@sinter/northbound";
import type { Argv } from "yargs";
import { command, group } from "../../command.ts";
import { failures } from "../../failures.ts";
import { finishTask } from "../../follow-task.ts";
import { confirmed } from "../../input/confirmed.ts";
import { flagOption, requiredArgument, textOption, waitOption, yesOption } from "../../input/options.ts";
import { findVm, idOf } from "../../lookup.ts";
import { stateStyle } from "../../output/paint.ts";
import type { Column } from "../../output/table.ts";
import { vmPositional } from "./vm-argument.ts";

interface Row {
  readonly node: WireSnapshotNode;
  readonly depth: number;
  readonly isCurrent: boolean;
}

const columns: readonly Column<Row>[] = [
  { head: "NAME", value: ({ node, depth }) => `${"  ".repeat(depth)}${node.name}` },
  { head: "ID", value: ({ node }) => idOf(node) },
  { head: "STATUS", value: ({ node }) => node.status, style: stateStyle },
  { head: "TAKEN (UTC)", value: ({ node }) => node.createTime },
  { head: "TYPE", value: ({ node }) => node.type },
  { head: "MEMORY", value: ({ node }) => (node.includingMemorySnapshot ? "yes" : "no") },
  { head: "HERE", value: ({ isCurrent }) => (isCurrent ? "the VM's present" : "") },
];

function rowsOf(tree: SnapshotTree): Row[] {
  return [...eachSnapshot(tree.rootSnapshots)].map(({ node, depth }) => ({
    node,
    depth,
    isCurrent: node.urn === tree.currentSnapshot.urn,
  }));
}

function snapshotPositional(yargs: Argv) {
  return vmPositional(yargs).positional("snapshot", requiredArgument("Name or id"));
}

/** By id before name; a name must be that of one snapshot of the VM only. */
async function findSnapshot(
  client: Client,
  args: { vm: string; snapshot: string },
): Promise<{ vm: WireVm; snapshot: WireSnapshotNode }> {
  const vm = await findVm(client, args.vm);
  const all = rowsOf(await client.snapshots.tree(vm)).map(({ node }) => node);
  const byId = all.find((node) => idOf(node) === args.snapshot);
  if (byId) return { vm, snapshot: byId };
  const [snapshot, ...others] = all.filter(({ name }) => name === args.snapshot);
  if (!snapshot)
    throw failures.nameUnknown("snapshot", args.snapshot, `See all: sinter vm snapshot ls ${vm.name}`);
  if (others.length > 0) {
    const lines = [snapshot, ...others].map((node) => `${idOf(node)}  taken ${node.createTime}`);
    throw failures.nameAmbiguous("snapshot", args.snapshot, lines);
  }
  return { vm, snapshot };
}

const list = command({
  command: "ls <vm>",
  describe: "Show the snapshots of a VM as a tree",
  builder: vmPositional,
  async run(args, cli) {
    const client = await cli.client();
    const tree = await client.snapshots.tree(await findVm(client, args.vm));
    cli.printer.list(rowsOf(tree), columns, tree);
  },
});

const show = command({
  command: "show <vm> <snapshot>",
  describe: "Show one snapshot",
  builder: snapshotPositional,
  async run(args, cli) {
    const client = await cli.client();
    const { snapshot } = await findSnapshot(client, args);
    const detail = await client.snapshots.get(snapshot);
    cli.printer.sheet(detail, [
      ["Name", detail.name],
      ["Id", idOf(detail)],
      ["Description", detail.description],
      ["Status", detail.status],
      ["Taken (UTC)", detail.createTime],
      ["By", detail.creator],
      ["Type", detail.type],
      ["Memory", detail.includingMemorySnapshot ? "yes" : "no"],
      ["Consistent", detail.enableConsistent ? "yes, the guest wrote out its caches" : "no"],
      ["VM then", `${detail.coreNum} vCPUs, ${detail.memorySize} MiB`],
      ["Disks", `${detail.volsnapshots.length}, ${detail.volumeSizeSum} MiB in all`],
      ["Takes", `${detail.snapProvisionSize} MiB`],
    ]);
  },
});

const take = command({
  command: "take <vm> <name>",
  describe: "Take a snapshot of all disks of a VM at one moment",
  builder: (yargs) =>
    vmPositional(yargs)
      .positional("name", requiredArgument("Name of the snapshot"))
      .option("description", textOption("What it is for"))
      .option("consistent", flagOption("The guest writes out its caches first"))
      .option("memory", flagOption("Keep the running guest's memory as well"))
      .options(waitOption),
  async run(args, cli) {
    const client = await cli.client();
    const vm = await findVm(client, args.vm);
    const answer = await client.snapshots.take(vm, {
      name: args.name,
      ...(args.description === undefined ? {} : { description: args.description }),
      isConsistent: args.consistent,
      needMemoryShot: args.memory,
    });
    await finishTask(cli, client, answer, {
      wait: args.wait,
      sentence: `Snapshot ${args.name} of VM ${vm.name} was taken.`,
    });
  },
});

const revert = command({
  command: "revert <vm> <snapshot>",
  describe: "Set a VM back to a snapshot; what it wrote since its last one is lost",
  builder: (yargs) => snapshotPositional(yargs).options(yesOption).options(waitOption),
  async run(args, cli) {
    const client = await cli.client();
    const { vm, snapshot } = await findSnapshot(client, args);
    const question = `Set VM ${vm.name} back to ${snapshot.name} of ${snapshot.createTime} UTC? What it wrote since its last snapshot is lost.`;
    await confirmed(cli, args.yes, question);
    await finishTask(cli, client, await client.snapshots.revert(snapshot), {
      wait: args.wait,
      sentence: async () => {
        const { status } = await client.vms.get(vm);
        return `VM ${vm.name} was set back to ${snapshot.name} and is ${status}.`;
      },
    });
  },
});

const remove = command({
  command: "rm <vm> <snapshot>",
  describe: "Delete a snapshot; what the VM reads stays as it is",
  builder: (yargs) => snapshotPositional(yargs).options(yesOption).options(waitOption),
  async run(args, cli) {
    const client = await cli.client();
    const { vm, snapshot } = await findSnapshot(client, args);
    await confirmed(cli, args.yes, `Delete snapshot ${snapshot.name} (${idOf(snapshot)}) of VM ${vm.name}?`);
    await finishTask(cli, client, await client.snapshots.remove(snapshot), {
      wait: args.wait,
      sentence: `Snapshot ${snapshot.name} of VM ${vm.name} was deleted.`,
    });
  },
});

const set = command({
  command: "set <vm> <snapshot>",
  describe: "Change name or description of a snapshot",
  builder: (yargs) =>
    snapshotPositional(yargs)
      .option("name", textOption("New name"))
      .option("description", textOption("New description")),
  async run(args, cli) {
    if (args.name === undefined && args.description === undefined)
      throw failures.usage("Nothing to change: give --name or --description.");
    const client = await cli.client();
    const { snapshot } = await findSnapshot(client, args);
    await client.snapshots.modify(snapshot, {
      ...(args.name === undefined ? {} : { name: args.name }),
      ...(args.description === undefined ? {} : { description: args.description }),
    });
    const changed = await client.snapshots.get(snapshot);
    cli.printer.done(`Snapshot ${changed.name} was changed.`, changed);
  },
});

export const vmSnapshot = group("snapshot", "Snapshots of a VM", [list, show, take, revert, remove, set]);
