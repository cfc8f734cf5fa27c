import type { Client } from "@sinter/client";
import type { ArgumentsCamelCase, Argv, CommandModule } from "yargs";
import type { Printer } from "./output/printer.ts";
import type { Terminal } from "./terminal.ts";

/** Options that every command has. */
export interface GlobalOptions {
  readonly json: boolean;
  readonly context: string | undefined;
}

/** What a command works with. */
export interface Cli {
  readonly terminal: Terminal;
  readonly printer: Printer;
  readonly options: GlobalOptions;
  /** The client of the chosen context; the same at each call. Throws `unauthenticated` without a session. */
  client(): Promise<Client>;
}

export interface CommandDefinition<Args> {
  /** As yargs writes it: `show <vm>`. */
  readonly command: string;
  readonly describe: string;
  readonly builder?: (yargs: Argv) => Argv<Args>;
  readonly run: (args: ArgumentsCamelCase<Args>, cli: Cli) => Promise<void>;
}

/** Makes the yargs module of a command. `start` runs it, later, with a `Cli` made from the global options. */
export type Command = (
  start: (work: (cli: Cli) => Promise<void>, args: ArgumentsCamelCase) => void,
) => CommandModule;

export function command<Args>(definition: CommandDefinition<Args>): Command {
  return (start) => ({
    command: definition.command,
    describe: definition.describe,
    builder: (yargs) => definition.builder?.(yargs) ?? yargs,
    handler: (args) => start((cli) => definition.run(args as ArgumentsCamelCase<Args>, cli), args),
  });
}

/** Commands below a noun: `sinter vm …`. */
export function group(name: string, describe: string, commands: readonly Command[]): Command {
  return (start) => ({
    command: name,
    describe,
    builder: (yargs) => {
      for (const each of commands) yargs.command(each(start));
      return yargs.demandCommand(1, `Say what to do: sinter ${name} --help lists it.`);
    },
    handler: () => {},
  });
}
