import { command } from "../../command.ts";
import { failures } from "../../failures.ts";
import { findVm } from "../../lookup.ts";
import { vmPositional } from "./vm-argument.ts";

export const vmVnc = command({
  command: "vnc <vm>",
  describe: "Open a VM's screen to VNC clients on its host's network for ten minutes, and show where",
  builder: vmPositional,
  async run(args, cli) {
    const client = await cli.client();
    const vm = await client.vms.get(await findVm(client, args.vm));
    const access = vm.vncAcessInfo;
    if (access === undefined || !access.hostIp || access.vncPort <= 0) {
      throw vm.status === "running" || vm.status === "pause"
        ? failures.conflict(
            `The host of VM ${vm.name} opens no port for VNC clients.`,
            `Come in by way of the manager: sinter vm screen ${vm.name}`,
          )
        : failures.conflict(
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
