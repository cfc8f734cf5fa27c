import { basename } from "node:path";
import { command, group } from "../command.ts";
import { confirmed } from "../input/confirmed.ts";
import { requiredArgument, requiredText, textOption, yesOption } from "../input/options.ts";
import { bytesText } from "../input/sizes.ts";
import { uploadIso } from "../iso-upload.ts";
import { findDatastore, findIso } from "../lookup.ts";
import { stateStyle } from "../output/paint.ts";

const list = command({
  command: "ls",
  describe: "List the ISO files of the library",
  builder: (yargs) => yargs.option("datastore", textOption("Only files on this datastore")),
  async run(args, cli) {
    const client = await cli.client();
    const place = args.datastore === undefined ? undefined : await findDatastore(client, args.datastore);
    const isos = await client.isos.list(place === undefined ? {} : { datastore: place.urn });
    cli.printer.list(isos, [
      { head: "NAME", value: (iso) => iso.name },
      { head: "ID", value: (iso) => iso.id },
      { head: "STATUS", value: (iso) => iso.status, style: stateStyle },
      { head: "SIZE", value: (iso) => bytesText(iso.sizeBytes), isNumber: true },
      { head: "RECEIVED", value: (iso) => percent(iso), isNumber: true },
      { head: "PATH", value: (iso) => iso.devicePath },
      { head: "VMS", value: (iso) => iso.attachedVms.length, isNumber: true },
      { head: "SHA-256", value: (iso) => iso.sha256 },
    ]);
  },
});

const upload = command({
  command: "upload <file>",
  describe: "Upload an ISO file; one that broke off goes on where it stopped",
  builder: (yargs) =>
    yargs
      .positional("file", requiredArgument("File on this machine"))
      .option("datastore", requiredText("Name, id or URN of the datastore"))
      .option("name", textOption("Its name in the library; default that of the file")),
  async run(args, cli) {
    const client = await cli.client();
    const datastore = await findDatastore(client, args.datastore);
    const iso = await uploadIso(cli, client, {
      path: args.file,
      name: args.name ?? basename(args.file),
      datastoreUrn: datastore.urn,
    });
    cli.printer.done(`${iso.name} is on ${datastore.name}, SHA-256 ${iso.sha256}.`, iso);
  },
});

const remove = command({
  command: "rm <iso>",
  describe: "Remove an ISO file that no VM has, or give an upload up",
  builder: (yargs) =>
    yargs.positional("iso", requiredArgument("Name, id or DATASTORE-ID@NAME")).options(yesOption),
  async run(args, cli) {
    const client = await cli.client();
    const iso = await findIso(client, args.iso);
    await confirmed(cli, args.yes, `Remove ${iso.name} (${bytesText(iso.sizeBytes)})?`);
    await client.isos.remove(iso.id);
    cli.printer.done(`${iso.name} was removed.`, iso);
  },
});

export const iso = group("iso", "ISO files for CD drives", [list, upload, remove]);

function percent({ receivedBytes, sizeBytes }: { receivedBytes: number; sizeBytes: number }): string {
  return `${Math.floor((100 * receivedBytes) / sizeBytes)} %`;
}
