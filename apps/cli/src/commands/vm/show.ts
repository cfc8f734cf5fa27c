import { command } from "../../command.ts";
import { memoryText } from "../../input/sizes.ts";
import { findVm, idOf } from "../../lookup.ts";
import { section } from "../../output/printer.ts";
import { cdText } from "./cd.ts";
import { addressOf } from "./list.ts";
import { vmPositional } from "./vm-argument.ts";

export const vmShow = command({
  command: "show <vm>",
  describe: "Show one VM with its disks and NICs",
  builder: vmPositional,
  async run(args, cli) {
    const client = await cli.client();
    const vm = await client.vms.get(await findVm(client, args.vm));
    const { cpu, memory, properties, disks = [], nics = [] } = vm.vmConfig ?? {};
    cli.printer.sheet(
      vm,
      [
        ["Name", vm.name],
        ["Id", idOf(vm)],
        ["UUID", vm.uuid],
        ["Status", [vm.status, vm.statusReason].filter(Boolean).join(": ")],
        ["Template", vm.isTemplate ? "yes" : "no"],
        ["Host", vm.hostName],
        ["Cluster", vm.clusterName],
        ["CPU", cpu && `${cpu.quantity} (${cpu.coresPerSocket} per socket)`],
        ["Memory", memoryText(memory?.quantityMB)],
        ["Address", addressOf(vm)],
        [
          "System",
          vm.osOptions && [vm.osOptions.osType, vm.osOptions.guestOSName].filter(Boolean).join(", "),
        ],
        ["Boots from", properties?.bootOption === undefined ? "" : String(properties.bootOption)],
        ["CD", cdText(vm.cdRom)],
        ["Guest tools", vm.pvDriverStatus],
        ["Created", vm.createTime === undefined ? "" : `${vm.createTime} UTC`],
        ["Description", vm.description],
      ],
      [
        section(cli.printer, "Disks", disks, [
          { head: "SLOT", value: (disk) => disk.sequenceNum, isNumber: true },
          { head: "BUS", value: (disk) => disk.pciType },
          { head: "SIZE", value: (disk) => `${disk.quantityGB} GiB`, isNumber: true },
          { head: "KIND", value: (disk) => (disk.isThin ? "thin" : disk.volType === 1 ? "lazy" : "thick") },
          { head: "DATASTORE", value: (disk) => disk.datastoreName },
          { head: "VOLUME", value: (disk) => disk.volumeUrn.split(":").at(-1) },
          { head: "NAME", value: (disk) => disk.diskName },
        ]),
        section(cli.printer, "NICs", nics, [
          { head: "NO", value: (nic) => nic.sequenceNum, isNumber: true },
          { head: "NAME", value: (nic) => nic.name },
          { head: "PORT GROUP", value: (nic) => nic.portGroupName },
          { head: "MAC", value: (nic) => nic.mac },
          { head: "ADDRESSES", value: (nic) => [nic.ipList, ...nic.ips6].filter(Boolean).join(" ") },
        ]),
      ],
    );
  },
});
