import { collect } from "@sinter/client";
import type { WireVm } from "@sinter/northbound";
import { command } from "../../command.ts";
import { flagOption, textOption } from "../../input/options.ts";
import { memoryText } from "../../input/sizes.ts";
import { findCluster, findHost, idOf } from "../../lookup.ts";
import { stateStyle } from "../../output/paint.ts";
import type { Column } from "../../output/table.ts";

export const vmColumns: readonly Column<WireVm>[] = [
  { head: "NAME", value: (vm) => vm.name },
  { head: "ID", value: idOf },
  { head: "STATUS", value: (vm) => vm.status, style: stateStyle },
  { head: "CPU", value: (vm) => vm.vmConfig?.cpu?.quantity, isNumber: true },
  { head: "MEMORY", value: (vm) => memoryText(vm.vmConfig?.memory?.quantityMB), isNumber: true },
  { head: "IP", value: addressOf },
  { head: "HOST", value: (vm) => vm.hostName },
  { head: "CLUSTER", value: (vm) => vm.clusterName },
];

export const vmList = command({
  command: "ls",
  describe: "List VMs",
  builder: (yargs) =>
    yargs
      .option("name", textOption("Only names that contain this"))
      .option("status", textOption("Only this status, for instance running"))
      .option("host", textOption("Only VMs on this host"))
      .option("cluster", textOption("Only VMs of this cluster"))
      .option("templates", flagOption("Templates instead of VMs"))
      .conflicts("host", "cluster"),
  async run(args, cli) {
    const client = await cli.client();
    const place =
      args.host !== undefined
        ? await findHost(client, args.host)
        : args.cluster !== undefined
          ? await findCluster(client, args.cluster)
          : undefined;
    const vms = await collect(
      client.vms.iterate({
        detail: 2,
        isTemplate: args.templates,
        ...(args.name === undefined ? {} : { name: args.name }),
        ...(args.status === undefined ? {} : { status: args.status }),
        ...(place === undefined ? {} : { scope: place.urn }),
      }),
    );
    cli.printer.list(vms, vmColumns);
  },
});

/** The first address that the guest told; the wire says 0.0.0.0 for none. */
export function addressOf(vm: WireVm): string {
  const known = (vm.vmConfig?.nics ?? []).map((nic) => nic.ip);
  return known.find((ip) => ip !== "" && ip !== "0.0.0.0") ?? "";
}
