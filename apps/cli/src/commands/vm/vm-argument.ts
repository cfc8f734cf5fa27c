import type { Argv } from "yargs";
import { requiredArgument } from "../../input/options.ts";

/** The VM that a command is about. */
export function vmPositional(yargs: Argv) {
  return yargs.positional("vm", requiredArgument("Name, id or URN"));
}
