import type { ModifyVmRequest } from "@sinter/northbound";
import { command } from "../../command.ts";
import { failures } from "../../failures.ts";
import { finishTask } from "../../follow-task.ts";
import {
  choiceOption,
  countOption,
  requiredArgument,
  textOption,
  triStateOption,
  waitOption,
} from "../../input/options.ts";
import { readMemory } from "../../input/sizes.ts";
import { findVm } from "../../lookup.ts";
import { vmPositional } from "./vm-argument.ts";

export const vmSet = command({
  command: "set <vm>",
  describe: "Change a VM",
  builder: (yargs) =>
    vmPositional(yargs)
      .option("name", textOption("New name"))
      .option("description", textOption("What it is for"))
      .option("cpu", countOption("vCPUs", { min: 1, max: 4096 }))
      .option("memory", textOption("MiB, or with a unit: 2G"))
      .option("boot", choiceOption("What it boots from", ["disk", "cdrom", "pxe"]))
      .option("template", triStateOption("Make it a template; --no-template makes a template a VM"))
      .options(waitOption),
  async run(args, cli) {
    const change: ModifyVmRequest = {
      ...(args.name === undefined ? {} : { name: args.name }),
      ...(args.description === undefined ? {} : { description: args.description }),
      ...(args.cpu === undefined ? {} : { cpu: { quantity: args.cpu } }),
      ...(args.memory === undefined ? {} : { memory: { quantityMB: readMemory(args.memory) } }),
      ...(args.boot === undefined ? {} : { properties: { bootOption: args.boot } }),
      ...(args.template === undefined ? {} : { isTemplate: args.template }),
    };
    if (Object.keys(change).length === 0) {
      throw failures.usage("What should change?", "See: sinter vm set --help");
    }
    const client = await cli.client();
    const vm = await findVm(client, args.vm);
    const answer = await client.vms.modify(vm, change);
    await finishTask(cli, client, answer, {
      wait: args.wait,
      sentence: `VM ${args.name ?? vm.name} was changed.`,
    });
  },
});

export const vmRename = command({
  command: "rename <vm> <name>",
  describe: "Give a VM another name",
  builder: (yargs) =>
    vmPositional(yargs).positional("name", requiredArgument("New name")).options(waitOption),
  async run(args, cli) {
    const client = await cli.client();
    const vm = await findVm(client, args.vm);
    const answer = await client.vms.modify(vm, { name: args.name });
    await finishTask(cli, client, answer, {
      wait: args.wait,
      sentence: `VM ${vm.name} is called ${args.name} now.`,
    });
  },
});
