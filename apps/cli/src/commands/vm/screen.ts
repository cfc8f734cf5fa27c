import type { ConsoleCheck } from "@sinter/northbound";
import { command } from "../../command.ts";
import { failures } from "../../failures.ts";
import { countOption, flagOption } from "../../input/options.ts";
import { openLocalScreen } from "../../local-screen.ts";
import { findVm, idOf } from "../../lookup.ts";
import type { Column } from "../../output/table.ts";
import { vmPositional } from "./vm-argument.ts";

const linkColumns: readonly Column<ConsoleCheck["links"][number]>[] = [
  { head: "LINK", value: ({ link }) => link },
  { head: "HOLDS", value: ({ isOk }) => (isOk ? "yes" : "no") },
  { head: "WHY", value: ({ message }) => message },
];

export const vmScreen = command({
  command: "screen <vm>",
  describe: "Let a VNC viewer on this machine see a VM's screen, through the manager; Ctrl-C ends it",
  builder: (yargs) =>
    vmPositional(yargs)
      .option(
        "port",
        countOption("Port of this machine for the viewer (default any)", { min: 1, max: 65_535 }),
      )
      .option("once", flagOption("End when the first viewer has left"))
      .option("check", flagOption("Only try the way to the screen, and say which link of it fails"))
      .conflicts("check", "port"),
  async run(args, cli) {
    const client = await cli.client();
    const vm = await findVm(client, args.vm);
    if (args.check) {
      const check = await client.api.get<ConsoleCheck>("/sinter/v1/consoles/check", { vm: idOf(vm) });
      cli.printer.list(check.links, linkColumns);
      const broken = check.links.find(({ isOk }) => !isOk);
      if (!check.isWorking)
        throw failures.conflict(`The screen of ${vm.name} cannot be seen.`, broken?.message);
      return;
    }
    // Said before anything is opened: a VM that does not run has no screen.
    (await client.openScreen(vm)).stream.destroy();
    const { printer } = cli;
    await using door = await openLocalScreen({
      port: args.port ?? 0,
      open: () => client.openScreen(vm),
      onFailure: (message) => printer.note(message),
    });
    printer.sheet({ host: door.host, port: door.port, password: door.password }, [
      ["Address", `${door.host}:${door.port}`],
      ["Password", door.password],
    ]);
    if (!args.once) printer.note("Open it with a VNC viewer. Ctrl-C ends it.");
    await (args.once ? door.whenLeft : new Promise(() => {}));
  },
});
