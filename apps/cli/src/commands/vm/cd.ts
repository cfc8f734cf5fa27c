import type { WireVm } from "@sinter/northbound";
import { command } from "../../command.ts";
import { finishTask } from "../../follow-task.ts";
import { requiredArgument, waitOption } from "../../input/options.ts";
import { findIso, findVm } from "../../lookup.ts";
import { vmPositional } from "./vm-argument.ts";

export const vmAttachIso = command({
  command: "attach-iso <vm> <iso>",
  describe: "Put an ISO file of the library into a VM's CD drive",
  builder: (yargs) =>
    vmPositional(yargs)
      .positional("iso", requiredArgument("Name, id or DATASTORE-ID@NAME"))
      .options(waitOption),
  async run(args, cli) {
    const client = await cli.client();
    const vm = await findVm(client, args.vm);
    const { name, datastoreUrn } = await findIso(client, args.iso);
    const datastoreId = datastoreUrn.slice(datastoreUrn.lastIndexOf(":") + 1);
    const answer = await client.vms.attachCd(vm, { datastoreId, name });
    const sentence = `VM ${vm.name} has ${name} in its CD drive.`;
    await finishTask(cli, client, answer, { wait: args.wait, sentence });
  },
});

export const vmDetachIso = command({
  command: "detach-iso <vm>",
  describe: "Take out what is in a VM's CD drive",
  builder: (yargs) => vmPositional(yargs).options(waitOption),
  async run(args, cli) {
    const client = await cli.client();
    const vm = await findVm(client, args.vm);
    const answer = await client.vms.detachCd(vm);
    const sentence = `The CD drive of VM ${vm.name} is empty.`;
    await finishTask(cli, client, answer, { wait: args.wait, sentence });
  },
});

export function cdText(cd: WireVm["cdRom"]): string {
  if (!cd) return "";
  if (cd.kind === "iso") return cd.devicePath;
  return `${cd.name} of a browser${cd.isLost ? ", which is gone" : ""}`;
}
