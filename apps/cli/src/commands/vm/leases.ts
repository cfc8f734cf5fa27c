import { command } from "../../command.ts";
import { findVm } from "../../lookup.ts";
import { stateStyle } from "../../output/paint.ts";
import { vmPositional } from "./vm-argument.ts";

export const vmLeases = command({
  command: "leases <vm>",
  describe: "Show which host may write each disk of a VM on shared datastores",
  builder: vmPositional,
  async run(args, cli) {
    const client = await cli.client();
    const { disks } = await client.vms.leases(await findVm(client, args.vm));
    cli.printer.list(disks, [
      { head: "DISK", value: (disk) => disk.volumeName },
      { head: "VOLUME", value: (disk) => disk.volumeUrn.split(":").at(-1) },
      { head: "OWNER", value: (disk) => disk.ownerHostName || (disk.reason === "" ? "nobody" : "") },
      { head: "HEARTBEAT", value: (disk) => disk.ownerStatus, style: stateStyle },
      { head: "REASON", value: (disk) => disk.reason },
    ]);
  },
});
