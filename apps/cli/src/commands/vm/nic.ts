import { command, group } from "../../command.ts";
import { finishTask } from "../../follow-task.ts";
import { confirmed } from "../../input/confirmed.ts";
import { requiredArgument, waitOption, yesOption } from "../../input/options.ts";
import { readNicFlag } from "../../input/vm-devices.ts";
import { findPortGroup, findVm } from "../../lookup.ts";
import { failures } from "../../failures.ts";
import { vmPositional } from "./vm-argument.ts";

const add = command({
  command: "add <vm> <nic>",
  describe: "Give a VM another NIC",
  builder: (yargs) =>
    vmPositional(yargs).positional("nic", requiredArgument("PORTGROUP[:MAC]")).options(waitOption),
  async run(args, cli) {
    const { portGroup, mac } = readNicFlag(args.nic);
    const client = await cli.client();
    const vm = await findVm(client, args.vm);
    const { urn } = await findPortGroup(client, portGroup);
    const answer = await client.vms.attachNic(vm, {
      portGroupUrn: urn,
      ...(mac === undefined ? {} : { mac }),
    });
    await finishTask(cli, client, answer, {
      wait: args.wait,
      sentence: `VM ${vm.name} has a new NIC on ${portGroup}.`,
    });
  },
});

const remove = command({
  command: "rm <vm> <number>",
  describe: "Take a NIC from a VM",
  builder: (yargs) =>
    vmPositional(yargs)
      .positional("number", requiredArgument("As sinter vm show numbers them"))
      .options(yesOption)
      .options(waitOption),
  async run(args, cli) {
    if (!/^\d{1,3}$/.test(args.number)) throw failures.usage(`"${args.number}" is not the number of a NIC.`);
    const client = await cli.client();
    const vm = await findVm(client, args.vm);
    await confirmed(cli, args.yes, `Take NIC ${args.number} from VM ${vm.name}?`);
    const answer = await client.vms.detachNic(vm, Number(args.number));
    await finishTask(cli, client, answer, {
      wait: args.wait,
      sentence: `VM ${vm.name} no longer has NIC ${args.number}.`,
    });
  },
});

export const vmNic = group("nic", "NICs of a VM", [add, remove]);
