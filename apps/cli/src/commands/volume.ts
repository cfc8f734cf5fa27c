import { collect } from "@sinter/client";
import type { WireVolume } from "@sinter/northbound";
import type { Argv } from "yargs";
import { command, group } from "../command.ts";
import { failures } from "../failures.ts";
import { finishTask } from "../follow-task.ts";
import { confirmed } from "../input/confirmed.ts";
import {
  choiceOption,
  flagOption,
  optionalArgument,
  requiredArgument,
  requiredText,
  textOption,
  triStateOption,
  waitOption,
  yesOption,
} from "../input/options.ts";
import { readDiskSize } from "../input/sizes.ts";
import { provisioningOnWire } from "../input/vm-devices.ts";
import { findDatastore, findVm, findVolume, idOf } from "../lookup.ts";
import { stateStyle } from "../output/paint.ts";
import type { Column } from "../output/table.ts";

const columns: readonly Column<WireVolume>[] = [
  { head: "NAME", value: (volume) => volume.name },
  { head: "ID", value: idOf },
  { head: "STATUS", value: (volume) => volume.status, style: stateStyle },
  { head: "SIZE", value: (volume) => `${volume.quantityGB} GiB`, isNumber: true },
  { head: "KIND", value: (volume) => (volume.isThin ? "thin" : volume.volType === 1 ? "lazy" : "thick") },
  { head: "TYPE", value: (volume) => volume.type },
  { head: "DATASTORE", value: (volume) => volume.datastoreName },
  { head: "ATTACHED", value: (volume) => (volume.bindToVm === ATTACHED ? "yes" : "no") },
];

/** `bindToVm` of the wire. */
const ATTACHED = 3;

function volumePositional(yargs: Argv) {
  return yargs.positional("volume", requiredArgument("Name, id or URN"));
}

const list = command({
  command: "ls",
  describe: "List volumes",
  builder: (yargs) =>
    yargs
      .option("name", textOption("Only names that contain this"))
      .option("datastore", textOption("Only volumes on this datastore"))
      .option("attached", triStateOption("Only attached ones; --no-attached: only those that no VM has")),
  async run(args, cli) {
    const client = await cli.client();
    const place = args.datastore === undefined ? undefined : await findDatastore(client, args.datastore);
    const volumes = await collect(
      client.volumes.iterate({
        ...(args.name === undefined ? {} : { name: args.name }),
        ...(place === undefined ? {} : { scope: place.urn }),
        ...(args.attached === undefined ? {} : { attachstatus: args.attached ? 3 : 2 }),
      }),
    );
    cli.printer.list(volumes, columns);
  },
});

const create = command({
  command: "create <name>",
  describe: "Create a volume",
  builder: (yargs) =>
    yargs
      .positional("name", requiredArgument("Name of the volume"))
      .option("size", requiredText("GiB, or with a unit: 20G, 1T"))
      .option("datastore", requiredText("Name, id or URN of the datastore"))
      .option("kind", choiceOption("How room is taken", ["thin", "thick", "lazy"]))
      .option("image", textOption("Image in the datastore's library to start from"))
      .option("share", flagOption("Several VMs may have it at once"))
      .options(waitOption),
  async run(args, cli) {
    const quantityGB = readDiskSize(args.size);
    const client = await cli.client();
    const datastore = await findDatastore(client, args.datastore);
    const answer = await client.volumes.create({
      name: args.name,
      quantityGB,
      datastoreUrn: datastore.urn,
      type: args.share ? "share" : "normal",
      ...provisioningOnWire(args.kind),
      ...(args.image === undefined ? {} : { sourceImage: args.image }),
    });
    await finishTask(cli, client, answer, {
      wait: args.wait,
      sentence: `Volume ${args.name} (${idOf({ urn: answer.urn ?? "" })}) was created on ${datastore.name}.`,
    });
  },
});

const remove = command({
  command: "rm <volume>",
  describe: "Delete a volume",
  builder: (yargs) =>
    volumePositional(yargs)
      .option("wipe", flagOption("Overwrite its content with zeroes before"))
      .options(yesOption)
      .options(waitOption),
  async run(args, cli) {
    const client = await cli.client();
    const volume = await findVolume(client, args.volume);
    const what = `volume ${volume.name} (${idOf(volume)}, ${volume.quantityGB} GiB)`;
    await confirmed(cli, args.yes, `Delete ${what} and all that is on it?`);
    const answer = await client.volumes.remove(volume, { isWiped: args.wipe ?? false });
    await finishTask(cli, client, answer, {
      wait: args.wait,
      sentence: `Volume ${volume.name} was deleted.`,
    });
  },
});

const grow = command({
  command: "grow <volume> <size>",
  describe: "Make a volume larger, also while its VM runs",
  builder: (yargs) =>
    volumePositional(yargs)
      .positional("size", requiredArgument("Its new size: GiB, or with a unit: 20G, 1T"))
      .options(waitOption),
  async run(args, cli) {
    const sizeGiB = readDiskSize(args.size);
    const client = await cli.client();
    const volume = await findVolume(client, args.volume);
    const answer = await client.volumes.grow(volume, sizeGiB * MIB_PER_GIB);
    await finishTask(cli, client, answer, {
      wait: args.wait,
      sentence: `Volume ${volume.name} has ${sizeGiB} GiB now.`,
    });
  },
});

const MIB_PER_GIB = 1024;

const move = command({
  command: "move <volume> <datastore>",
  describe: "Move a volume to another datastore; its VM must be stopped",
  builder: (yargs) =>
    volumePositional(yargs)
      .positional("datastore", requiredArgument("Name, id or URN"))
      .option("kind", choiceOption("What it becomes; default: a lazy one thin", ["lazy", "thin", "thick"]))
      .option("speed", textOption("MB/s at most, 20 or more; default 1000"))
      .options(waitOption),
  async run(args, cli) {
    const speed = readLimit(args.speed) ?? DEFAULT_SPEED;
    const client = await cli.client();
    const volume = await findVolume(client, args.volume);
    const datastore = await findDatastore(client, args.datastore);
    const answer = await client.volumes.move(volume, {
      datastoreUrn: datastore.urn,
      speed,
      ...(args.kind === undefined ? {} : { migrateType: MIGRATE_TYPES[args.kind] }),
    });
    await finishTask(cli, client, answer, {
      wait: args.wait,
      sentence: `Volume ${volume.name} is on ${datastore.name} now.`,
    });
  },
});

/** MB/s. */
const DEFAULT_SPEED = 1000;
/** `migrateType` of the wire. */
const MIGRATE_TYPES = { lazy: 0, thin: 1, thick: 2 } as const;

const limit = command({
  command: "limit <volume>",
  describe: "Change a volume's I/O limits, at once; what is not named stays",
  builder: (yargs) =>
    volumePositional(yargs)
      .option("read-kib", textOption("KiB/s read; 0: unlimited"))
      .option("write-kib", textOption("KiB/s written; 0: unlimited"))
      .option("read-iops", textOption("Reads per second; 0: unlimited"))
      .option("write-iops", textOption("Writes per second; 0: unlimited"))
      .options(waitOption),
  async run(args, cli) {
    const client = await cli.client();
    const volume = await findVolume(client, args.volume);
    const answer = await client.volumes.limit(volume, {
      maxReadBytes: readLimit(args["read-kib"]) ?? volume.maxReadBytes,
      maxWriteBytes: readLimit(args["write-kib"]) ?? volume.maxWriteBytes,
      maxReadRequest: readLimit(args["read-iops"]) ?? volume.maxReadRequest,
      maxWriteRequest: readLimit(args["write-iops"]) ?? volume.maxWriteRequest,
    });
    await finishTask(cli, client, answer, {
      wait: args.wait,
      sentence: `Volume ${volume.name} has its new limits.`,
    });
  },
});

function readLimit(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,12}$/.test(text))
    throw failures.usage(`"${text}" is no limit; give a whole number, 0 for none.`);
  return Number(text);
}

const attach = command({
  command: "attach <volume> <vm>",
  describe: "Give a volume to a VM, running or not",
  builder: (yargs) =>
    volumePositional(yargs)
      .positional("vm", requiredArgument("Name, id or URN"))
      .option("bus", choiceOption("How the guest sees it; default virtio", ["virtio", "scsi", "ide"]))
      .options(waitOption),
  async run(args, cli) {
    const client = await cli.client();
    const volume = await findVolume(client, args.volume);
    const vm = await findVm(client, args.vm);
    const pciType = args.bus?.toUpperCase() as Uppercase<NonNullable<typeof args.bus>> | undefined;
    const answer = await client.vms.attachVolume(vm, volume.urn, pciType === undefined ? {} : { pciType });
    await finishTask(cli, client, answer, {
      wait: args.wait,
      sentence: `Volume ${volume.name} is attached to VM ${vm.name}.`,
    });
  },
});

const detach = command({
  command: "detach <volume> [vm]",
  describe: "Take a volume from its VM",
  builder: (yargs) =>
    volumePositional(yargs)
      .positional("vm", optionalArgument("Needed when several VMs share the volume"))
      .options(waitOption),
  async run(args, cli) {
    const client = await cli.client();
    const volume = await findVolume(client, args.volume);
    const vm = args.vm === undefined ? await onlyHolder(client, volume) : await findVm(client, args.vm);
    const answer = await client.vms.detachVolume(vm, volume.urn);
    await finishTask(cli, client, answer, {
      wait: args.wait,
      sentence: `Volume ${volume.name} is detached from VM ${vm.name}.`,
    });
  },
});

async function onlyHolder(client: Parameters<typeof findVm>[0], volume: WireVolume) {
  const holders = await collect(client.vms.iterate({ scope: volume.urn, detail: 0 }));
  const [only] = holders;
  if (only === undefined) throw failures.conflict(`Volume ${volume.name} is attached to no VM.`);
  if (holders.length === 1) return only;
  const candidates = holders.map((vm) => `${idOf(vm)}  ${vm.name}`);
  throw failures.usage(
    `Volume ${volume.name} is attached to several VMs:\n${candidates.map((line) => `  ${line}`).join("\n")}`,
    "Say which: sinter volume detach VOLUME VM",
  );
}

export const volume = group("volume", "Disks, attached or not", [
  list,
  create,
  remove,
  grow,
  move,
  limit,
  attach,
  detach,
]);
