import { command } from "../../command.ts";
import { failures } from "../../failures.ts";
import { findVm } from "../../lookup.ts";
import { vmPositional } from "./vm-argument.ts";

export const vmVnc = command({
  command: "vnc <vm>",
  describe: "Show where a VM's screen can be reached by VNC",
  builder: vmPositional,
  async run(args, cli) {
    const client = await cli.client();
    const vm = await client.vms.get(await findVm(client, args.vm));
    const access = vm.vncAcessInfo;
    if (access === undefined || !access.hostIp || access.vncPort <= 0) {
      throw failures.conflict(
        `VM ${vm.name} has no screen: it is ${vm.status}.`,
        `Start it: sinter vm start ${vm.name}`,
      );
    }
    cli.printer.sheet(access, [
      ["Address", `${access.hostIp}:${access.vncPort}`],
      ["Password", access.vncPassword],
    ]);
  },
});
