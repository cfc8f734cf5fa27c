import { type Client, collect } from "@sinter/client";
import type { CreateVmRequest, WireDatastore } from "@sinter/northbound";
import { command } from "../../command.ts";
import { failures } from "../../failures.ts";
import { finishTask } from "../../follow-task.ts";
import {
  choiceOption,
  countOption,
  flagOption,
  listOption,
  optionalArgument,
  textOption,
  textWithDefault,
  waitOption,
} from "../../input/options.ts";
import { readMemory } from "../../input/sizes.ts";
import { type DiskFlag, provisioningOnWire, readDiskFlag, readNicFlag } from "../../input/vm-devices.ts";
import { findDatastore, findPortGroup, idOf } from "../../lookup.ts";
import { clean } from "../../output/text.ts";
import { choosePlace, placementOptions } from "./placement-options.ts";

/** Ids of "another 64-bit system" of each family (contract 2.12). */
const OS_VERSION = { Linux: 302, Windows: 202, Other: 402 } as const;

export const vmCreate = command({
  command: "create [name]",
  describe: "Create a VM and start it",
  builder: (yargs) =>
    placementOptions(
      yargs
        .positional("name", optionalArgument("Name of the VM; --name says the same"))
        .option("cpu", countOption("vCPUs", { min: 1, max: 4096 }))
        .option("memory", textWithDefault("MiB, or with a unit: 2G", "1G"))
        .option("disk", listOption("SIZE[:thin|thick|lazy][:DATASTORE], for instance 20G:thin; repeatable"))
        .option("image", textOption("Image in the datastore's library for the first disk to start from"))
        .option("nic", listOption("PORTGROUP[:MAC]; repeatable"))
        .option("description", textOption("What it is for"))
        .option(
          "os-type",
          choiceOption("Family of the guest's system; default Linux", ["Linux", "Windows", "Other"]),
        )
        .option(
          "os-version",
          countOption("Id of the guest's system (API: vms/osversions)", { min: 1, max: 100_000 }),
        )
        .option("start", flagOption("Start it; --no-start leaves it stopped", true))
        .options(waitOption),
    ),
  async run(args, cli) {
    if (args.name === undefined || args.name === "")
      throw failures.usage("What should the VM be called?", "Give a name: sinter vm create web --disk 20G");
    const disks = (args.disk ?? []).map((text) => readDiskFlag(text));
    const nics = (args.nic ?? []).map((text) => readNicFlag(text));
    if (args.image !== undefined && disks.length === 0) {
      throw failures.usage("An image needs a disk to go to.", "Add one: --disk 20G");
    }
    const memoryMiB = readMemory(args.memory);
    const client = await cli.client();
    const location = await choosePlace(client, args);
    const osType = args.osType ?? "Linux";
    const request: CreateVmRequest = {
      name: args.name,
      ...(args.description === undefined ? {} : { description: args.description }),
      location,
      vmConfig: {
        cpu: { quantity: args.cpu ?? 1 },
        memory: { quantityMB: memoryMiB },
        disks: await disksOnWire(client, disks, args.image, location),
        nics: await Promise.all(
          nics.map(async ({ portGroup, mac }) => ({
            portGroupUrn: (await findPortGroup(client, portGroup)).urn,
            ...(mac === undefined ? {} : { mac }),
          })),
        ),
      },
      osOptions: { osType, osVersion: args.osVersion ?? OS_VERSION[osType] },
      autoBoot: args.start,
    };
    const answer = await client.vms.create(request);
    await finishTask(cli, client, answer, {
      wait: args.wait,
      sentence: async () => {
        const vm = await client.vms.get(answer.uri ?? "");
        const where = vm.hostName ? ` on ${vm.hostName}` : "";
        return `VM ${vm.name} (${idOf(vm)}) was created and is ${vm.status}${where}.`;
      },
    });
  },
});

type WireDiskRequest = NonNullable<CreateVmRequest["vmConfig"]["disks"]>[number];

async function disksOnWire(
  client: Client,
  disks: readonly DiskFlag[],
  image: string | undefined,
  location: string,
): Promise<WireDiskRequest[]> {
  /** Several disks without a datastore ask the same question. */
  let usual: Promise<WireDatastore> | undefined;
  const datastoreFor = (disk: DiskFlag) => {
    if (disk.datastore !== undefined) return findDatastore(client, disk.datastore);
    usual ??= onlyDatastore(client, location);
    return usual;
  };
  return Promise.all(
    disks.map(async (disk, index) => ({
      sequenceNum: index + 1,
      quantityGB: disk.quantityGB,
      datastoreUrn: (await datastoreFor(disk)).urn,
      ...provisioningOnWire(disk.kind),
      ...(index === 0 && image !== undefined ? { sourceImage: image } : {}),
    })),
  );
}

/** Which datastore is meant when none is named: the only usable one at the place. */
async function onlyDatastore(client: Client, location: string): Promise<WireDatastore> {
  const all = await collect(client.datastores.iterate({ scope: location }));
  const usable = all.filter((datastore) => datastore.status === "NORMAL" || datastore.status === "CONNECTED");
  const [only] = usable;
  if (only !== undefined && usable.length === 1) return only;
  const names = usable.map((datastore) => clean(datastore.name)).join(", ");
  throw failures.usage(
    "On which datastore should the disk be?",
    only === undefined
      ? "No datastore at the place is usable: sinter datastore ls"
      : `Name it: --disk 20G:DATASTORE (${names})`,
  );
}
