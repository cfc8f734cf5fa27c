import type { Argv } from "yargs";

/** The VM that a command is about. */
export function vmPositional(yargs: Argv) {
  return yargs.positional("vm", { type: "string", demandOption: true, describe: "Name, id or URN" });
}
