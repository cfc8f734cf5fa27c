import { command, group } from "../../command.ts";
import { readContexts, updateContexts } from "../../context/contexts.ts";
import { failures } from "../../failures.ts";
import { requiredArgument } from "../../input/options.ts";

const list = command({
  command: "ls",
  describe: "List the managers that are known here",
  async run(_args, cli) {
    const { current, contexts } = await readContexts(cli.terminal.env);
    const rows = Object.entries(contexts).map(([name, context]) => ({
      name,
      isCurrent: name === current,
      url: context.url,
      userName: context.userName ?? "",
      isLoggedIn: context.token !== undefined,
      trust: context.ca
        ? "authority"
        : context.fingerprint
          ? "fingerprint"
          : context.insecure
            ? "none"
            : "system",
    }));
    cli.printer.list(rows, [
      { head: "", value: (row) => (row.isCurrent ? "*" : " ") },
      { head: "NAME", value: (row) => row.name },
      { head: "URL", value: (row) => row.url },
      { head: "USER", value: (row) => row.userName },
      { head: "SESSION", value: (row) => (row.isLoggedIn ? "yes" : "no") },
      { head: "TRUST", value: (row) => row.trust },
    ]);
  },
});

const use = command({
  command: "use <name>",
  describe: "Talk to this manager from now on",
  builder: (yargs) => yargs.positional("name", requiredArgument("Name as sinter context ls shows it")),
  async run({ name }, cli) {
    await updateContexts(cli.terminal.env, (now) => {
      if (now.contexts[name] === undefined) throw unknown(name);
      return { ...now, current: name };
    });
    cli.printer.done(`The context is "${name}".`, { context: name });
  },
});

const remove = command({
  command: "rm <name>",
  describe: "Forget a manager",
  builder: (yargs) => yargs.positional("name", requiredArgument("Name as sinter context ls shows it")),
  async run({ name }, cli) {
    await updateContexts(cli.terminal.env, (now) => {
      const { [name]: gone, ...contexts } = now.contexts;
      if (gone === undefined) throw unknown(name);
      return {
        ...(now.current === undefined || now.current === name ? {} : { current: now.current }),
        contexts,
      };
    });
    cli.printer.done(`Forgot "${name}".`, {});
  },
});

function unknown(name: string) {
  return failures.nameUnknown("context", name, "See them: sinter context ls");
}

export const context = group("context", "Managers that are known here", [list, use, remove]);
