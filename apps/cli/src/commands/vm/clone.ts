import type { CloneVmRequest } from "@sinter/northbound";
import { command } from "../../command.ts";
import { finishTask } from "../../follow-task.ts";
import { countOption, flagOption, requiredArgument, textOption, waitOption } from "../../input/options.ts";
import { readMemory } from "../../input/sizes.ts";
import { findDatastore, findVm, idOf } from "../../lookup.ts";
import { namedPlace, placementOptions } from "./placement-options.ts";
import { vmPositional } from "./vm-argument.ts";

export const vmClone = command({
  command: "clone <vm> <name>",
  describe: "Make a VM that is a copy of another, or deploy a template",
  builder: (yargs) =>
    placementOptions(
      vmPositional(yargs)
        .positional("name", requiredArgument("Name of the new VM"))
        .option("cpu", countOption("vCPUs; default as the source", { min: 1, max: 4096 }))
        .option("memory", textOption("MiB, or with a unit: 2G; default as the source"))
        .option("datastore", textOption("Where the new disks go; default beside the source's"))
        .option("template", flagOption("Make a template"))
        .option("linked", flagOption("The first disk stays with the source, which must then stay as it is"))
        .option("start", flagOption("Start it; --no-start leaves it stopped", true))
        .options(waitOption),
    ),
  async run(args, cli) {
    const client = await cli.client();
    const source = await client.vms.get(await findVm(client, args.vm));
    const location = await namedPlace(client, args);
    const datastore = args.datastore === undefined ? undefined : await findDatastore(client, args.datastore);
    const request: CloneVmRequest = {
      name: args.name,
      ...(location === undefined ? {} : { location }),
      vmConfig: {
        ...(args.cpu === undefined ? {} : { cpu: { quantity: args.cpu } }),
        ...(args.memory === undefined ? {} : { memory: { quantityMB: readMemory(args.memory) } }),
        // Absent disks are copied as they are; each one listed says where its copy goes.
        ...(datastore === undefined
          ? {}
          : {
              disks: (source.vmConfig?.disks ?? []).map((disk) => ({
                sequenceNum: disk.sequenceNum,
                quantityGB: disk.quantityGB,
                isDataCopy: true,
                isThin: disk.isThin,
                datastoreUrn: datastore.urn,
              })),
            }),
      },
      isTemplate: args.template,
      ...(args.linked ? { isLinkClone: true } : {}),
      autoBoot: args.start && !args.template,
    };
    const answer = await client.vms.clone(source, request);
    await finishTask(cli, client, answer, {
      wait: args.wait,
      sentence: async () => {
        const vm = await client.vms.get(answer.uri ?? "");
        return `${vm.isTemplate ? "Template" : "VM"} ${vm.name} (${idOf(vm)}) was made from ${source.name} and is ${vm.status}.`;
      },
    });
  },
});
