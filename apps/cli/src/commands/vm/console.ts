import type { Duplex } from "node:stream";
import { toAppError } from "@sinter/kit/errors";
import { command } from "../../command.ts";
import { failures } from "../../failures.ts";
import { countOption } from "../../input/options.ts";
import { findVm } from "../../lookup.ts";
import type { Terminal } from "../../terminal.ts";
import { vmPositional } from "./vm-argument.ts";

/** Ctrl-], as in telnet and virsh. */
const ESCAPE = 0x1d;
const LINGER_S = 2;

export const vmConsole = command({
  command: "console <vm>",
  describe: "Talk to a VM's serial console; Ctrl-] leaves it",
  builder: (yargs) =>
    vmPositional(yargs).option(
      "linger",
      countOption(
        `When input comes from a file: leave after this many seconds without output (default ${LINGER_S})`,
        { min: 0, max: 86_400 },
      ),
    ),
  async run(args, cli) {
    const client = await cli.client();
    const vm = await findVm(client, args.vm);
    const stream = await client.openConsole(vm);
    const isTerminal = cli.terminal.stdin.isTTY === true;
    if (isTerminal) cli.printer.note(`Connected to the console of ${vm.name}. Leave with Ctrl-].`);
    const how = isTerminal
      ? await talk(cli.terminal, stream)
      : await feed(cli.terminal, stream, (args.linger ?? LINGER_S) * 1000);
    if (isTerminal) cli.printer.note(how === "left" ? "\nLeft the console." : "\nThe console has ended.");
  },
});

/** Keys go to the guest as they are typed, Ctrl-C included, until Ctrl-]. */
async function talk(terminal: Terminal, stream: Duplex): Promise<"left" | "ended"> {
  const { stdin, stdout } = terminal;
  let outcome: "left" | "ended" = "ended";
  const onKeys = (keys: Buffer) => {
    const end = keys.indexOf(ESCAPE);
    if (end < 0) {
      stream.write(keys);
      return;
    }
    outcome = "left";
    if (end > 0) stream.write(keys.subarray(0, end));
    stream.end();
  };
  stream.on("data", (bytes: Buffer) => stdout.write(bytes));
  stdin.setRawMode?.(true);
  stdin.on("data", onKeys);
  try {
    await settled(stream);
    return outcome;
  } finally {
    stdin.off("data", onKeys);
    stdin.setRawMode?.(false);
    stdin.pause();
  }
}

/** Sends all of the input, then listens until the console has been quiet for `lingerMs`. */
async function feed(terminal: Terminal, stream: Duplex, lingerMs: number): Promise<"left" | "ended"> {
  const { stdin, stdout } = terminal;
  let outcome: "left" | "ended" = "ended";
  let quiet: NodeJS.Timeout | undefined;
  const leave = () => {
    outcome = "left";
    stream.end();
  };
  stream.on("data", (bytes: Buffer) => {
    stdout.write(bytes);
    quiet?.refresh();
  });
  stdin.on("data", (bytes: Buffer) => {
    // A console is slow: a file must not pile up in memory before it.
    if (!stream.write(bytes)) {
      stdin.pause();
      stream.once("drain", () => stdin.resume());
    }
  });
  stdin.once("end", () => {
    quiet = setTimeout(leave, lingerMs);
  });
  try {
    await settled(stream);
    return outcome;
  } finally {
    clearTimeout(quiet);
    stdin.pause();
  }
}

/** Until either side has closed; a console whose VM stops closes at once, whatever input is left. */
async function settled(stream: Duplex): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  stream.once("end", resolve).once("close", resolve).once("error", reject);
  try {
    await promise;
  } catch (error) {
    const problem = toAppError(error);
    throw failures.other(problem.message, "Open it again; the VM is not affected.");
  }
}
