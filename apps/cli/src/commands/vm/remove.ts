import { command } from "../../command.ts";
import { finishTask } from "../../follow-task.ts";
import { confirmed } from "../../input/confirmed.ts";
import { flagOption, waitOption, yesOption } from "../../input/options.ts";
import { findVm, idOf } from "../../lookup.ts";
import { vmPositional } from "./vm-argument.ts";

export const vmRemove = command({
  command: "rm <vm>",
  describe: "Delete a VM, running or not, with its disks",
  builder: (yargs) =>
    vmPositional(yargs)
      .option("keep-disks", flagOption("Leave its volumes"))
      .options(yesOption)
      .options(waitOption),
  async run(args, cli) {
    const client = await cli.client();
    const vm = await findVm(client, args.vm);
    const disks = args.keepDisks ? "but keep its disks" : "with all its disks";
    await confirmed(
      cli,
      args.yes,
      `Delete ${vm.isTemplate ? "template" : "VM"} ${vm.name} (${idOf(vm)}, ${vm.status}) ${disks}?`,
    );
    const answer = await client.vms.remove(vm, { keepDisks: args.keepDisks });
    await finishTask(cli, client, answer, { wait: args.wait, sentence: `VM ${vm.name} was deleted.` });
  },
});
