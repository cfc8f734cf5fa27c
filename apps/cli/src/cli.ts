import { createRequire } from "node:module";
import type { Client } from "@sinter/client";
import { AppError, toAppError } from "@sinter/kit/errors";
import yargs, { type Argv } from "yargs";
import { completeLine } from "./completion.ts";
import type { Cli, Command } from "./command.ts";
import { commands } from "./commands/index.ts";
import { connect } from "./context/connect.ts";
import { EXIT, type ExitCode, exitCodeOf } from "./exit-codes.ts";
import { failureAsJson, failures, hintOf } from "./failures.ts";
import { createPaint, wantsColour } from "./output/paint.ts";
import { createPrinter } from "./output/printer.ts";
import { cleanLines } from "./output/text.ts";
import { processTerminal, type Terminal } from "./terminal.ts";

const { version: VERSION } = createRequire(import.meta.url)("../package.json") as { version: string };
/** yargs takes a pair for one and many, which its type does not say. */
const STRINGS = {
  "Not enough non-option arguments: got %s, need at least %s": {
    one: "An argument is missing: %s of %s was given.",
    other: "Arguments are missing: %s of %s were given.",
  },
} as unknown as Record<string, string>;

/** Help wider than this is hard to read. */
const HELP_COLUMNS_MAX = 100;

/** Runs one command line and gives the exit code. Everything it says goes to the terminal given. */
export async function runCli(
  words: readonly string[],
  terminal: Terminal = processTerminal,
): Promise<ExitCode> {
  let work: ((cli: Cli) => Promise<void>) | undefined;
  let options: Cli["options"] = { json: words.includes("--json"), context: undefined };
  const start: Parameters<Command>[0] = (chosen, args) => {
    work = chosen;
    options = { json: args.json === true, context: args.context as string | undefined };
  };
  try {
    if (words[0] === COMPLETION_OPTION) {
      await complete(words, terminal);
      return EXIT.ok;
    }
    const said = await parse(createParser(words, terminal, start), words);
    if (said !== "") terminal.stdout.write(`${said}\n`);
  } catch (error) {
    // Handlers only remember what to do, so that whatever is thrown here is about the command line.
    const problem =
      error instanceof AppError
        ? error
        : failures.usage(messageOf(error), usageHint(words, messageOf(error)));
    return fail(problem, terminal, options.json);
  }
  if (work === undefined) return EXIT.ok;
  return perform(work, options, terminal);
}

async function perform(
  work: (cli: Cli) => Promise<void>,
  options: Cli["options"],
  terminal: Terminal,
): Promise<ExitCode> {
  let opening: Promise<Client> | undefined;
  const client = () => {
    opening ??= connect(terminal.env, options.context);
    return opening;
  };
  try {
    await work({ terminal, options, client, printer: createPrinter(terminal, options.json) });
    return EXIT.ok;
  } catch (error) {
    return fail(error, terminal, options.json);
  } finally {
    // A failure to open was told already.
    await opening?.then((opened) => opened.close()).catch(() => {});
  }
}

function createParser(words: readonly string[], terminal: Terminal, start: Parameters<Command>[0]): Argv {
  const parser = yargs([...words])
    .scriptName("sinter")
    .usage("$0 <command>\n\nThe command line of Sinter. Objects go by name, id or URN.")
    .locale("en")
    .parserConfiguration({
      "greedy-arrays": false,
      "parse-numbers": false,
      "parse-positional-numbers": false,
      "dot-notation": false,
    })
    .option("json", {
      type: "boolean",
      default: false,
      describe: "Print the API's objects as one JSON document",
    })
    .option("context", {
      type: "string",
      requiresArg: true,
      describe: "Manager to talk to; see sinter context ls",
    })
    .exitProcess(false)
    .strict()
    .recommendCommands()
    .help()
    .alias("help", "h")
    .version(VERSION)
    .updateStrings(STRINGS)
    .wrap(Math.min(terminal.stdout.columns ?? HELP_COLUMNS_MAX, HELP_COLUMNS_MAX))
    .fail(false)
    .completion("completion", "Print a script that completes commands in bash or zsh")
    .demandCommand(1, "Say what to do.");
  for (const each of commands) parser.command(each(start));
  return parser;
}

/** The words that the completion script asks with: this option, the program's name, and the line so far. */
const COMPLETION_OPTION = "--get-yargs-completions";

async function complete(words: readonly string[], terminal: Terminal): Promise<void> {
  const [, , ...line] = words;
  const helpOf = async (command: readonly string[]) => {
    const parser = createParser(command, terminal, () => {}).wrap(null);
    return parser.getHelp();
  };
  const offers = await completeLine(line, helpOf, terminal.env);
  terminal.stdout.write(offers.map((word) => `${word}\n`).join(""));
}

/** Parses, and gives what yargs itself has to say: help, version, the completion script. */
async function parse(parser: Argv, words: readonly string[]): Promise<string> {
  const said: string[] = [];
  await parser.parseAsync([...words], {}, (_error: unknown, _args: unknown, output: string) => {
    if (output !== "") said.push(output);
  });
  return said.join("\n");
}

function fail(thrown: unknown, terminal: Terminal, isJson: boolean): ExitCode {
  const { stderr, env } = terminal;
  const error = toAppError(thrown);
  if (isJson) {
    stderr.write(`${JSON.stringify(failureAsJson(error))}\n`);
  } else {
    const paint = createPaint(wantsColour(stderr, env));
    const code = /^\d{8,9}$/.test(error.code) ? ` (${error.code})` : "";
    stderr.write(`${paint.red("Error:")} ${cleanLines(error.message)}${code}\n`);
    const hint = hintOf(error);
    if (hint !== undefined) stderr.write(`${cleanLines(hint)}\n`);
  }
  // Ours: a person can only send us this.
  if (!(thrown instanceof AppError) && env.SINTER_DEBUG) stderr.write(`${(thrown as Error).stack}\n`);
  return exitCodeOf(error);
}

/** Help of the command as far as it was understood: the word that the message complains about is not part of it. */
function usageHint(words: readonly string[], message: string): string {
  const plain = words.filter((word) => /^[a-z][a-z-]*$/.test(word)).slice(0, 2);
  const known = plain.filter((word) => !message.split(/[\s:,]+/).includes(word));
  const understood = message.startsWith("Did you mean") ? known.slice(0, 1) : known;
  return `See: ${["sinter", ...understood, "--help"].join(" ")}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
