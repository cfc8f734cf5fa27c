import { collect, createClient } from "@sinter/client";
import type { WireUser } from "@sinter/northbound";
import { type Cli, command, group } from "../command.ts";
import { chooseContext } from "../context/connect.ts";
import { type Context, readContexts } from "../context/contexts.ts";
import { failures } from "../failures.ts";
import { confirmed } from "../input/confirmed.ts";
import {
  flagOption,
  listOption,
  optionalArgument,
  passwordOptions,
  requiredArgument,
  textOption,
  yesOption,
} from "../input/options.ts";
import { readNewSecret, readSecret } from "../input/secret.ts";
import { findUser } from "../lookup.ts";
import type { Column } from "../output/table.ts";

const STATUS = ["normal", "locked", "locked by administrator", "inactive"] as const;

const columns: readonly Column<WireUser>[] = [
  { head: "NAME", value: (user) => user.userName },
  { head: "ID", value: (user) => user.userId },
  { head: "ROLES", value: (user) => user.roles.join(", ") },
  { head: "STATUS", value: (user) => STATUS[user.manageStatus] ?? user.manageStatus },
  { head: "DESCRIPTION", value: (user) => user.description },
];

const list = command({
  command: "ls",
  describe: "List users",
  async run(_args, cli) {
    const client = await cli.client();
    cli.printer.list(await collect(client.users.iterate()), columns);
  },
});

const create = command({
  command: "create <name>",
  describe: "Create a user",
  builder: (yargs) =>
    yargs
      .positional("name", requiredArgument("User name"))
      .option("role", { ...listOption("Role; repeatable"), demandOption: true })
      .option("description", textOption("Who it is"))
      .options(passwordOptions),
  async run(args, cli) {
    const client = await cli.client();
    const password = await readNewSecret(cli.terminal, args, `Password for ${args.name}: `);
    const created = await client.users.create({
      userName: args.name,
      password,
      roles: args.role,
      ...(args.description === undefined ? {} : { description: args.description }),
    });
    cli.printer.done(`User ${created.userName} was created.`, created);
  },
});

const remove = command({
  command: "rm <user>",
  describe: "Delete a user",
  builder: (yargs) => yargs.positional("user", requiredArgument("Name or id")).options(yesOption),
  async run(args, cli) {
    const client = await cli.client();
    const user = await findUser(client, args.user);
    await confirmed(cli, args.yes, `Delete user ${user.userName}?`);
    await client.users.remove(user.userId);
    cli.printer.done(`User ${user.userName} was deleted.`, {});
  },
});

const changePassword = command({
  command: "passwd [user]",
  describe: "Change your own password, or give another user a new one",
  builder: (yargs) =>
    yargs
      .positional("user", optionalArgument("Name or id; default yourself"))
      .options(passwordOptions)
      .option("old-password-file", textOption("File that holds your present password"))
      .option("reset", flagOption("Without the present password, as an administrator")),
  async run(args, cli) {
    const { context } = await knownContext(cli);
    const isOwn = args.user === undefined || args.user === context.userName;
    if (isOwn && !args.reset) {
      await changeOwn(cli, context, args);
      return;
    }
    const client = await cli.client();
    const user = await findUser(client, args.user ?? context.userName ?? "");
    const password = await readNewSecret(cli.terminal, args, `New password for ${user.userName}: `);
    await client.users.resetPassword(user.userId, password);
    cli.printer.done(`User ${user.userName} has a new password.`, {});
  },
});

interface OwnPasswordArguments {
  readonly oldPasswordFile?: string | undefined;
  readonly passwordFile?: string | undefined;
  readonly passwordStdin?: boolean | undefined;
}

/** Goes without a session: whoever must change a password is not let in before. */
async function changeOwn(cli: Cli, context: Context, args: OwnPasswordArguments): Promise<void> {
  const { userName, token: _token, ...place } = context;
  if (userName === undefined) throw failures.notLoggedIn();
  const oldPassword = await readSecret(
    cli.terminal,
    { passwordFile: args.oldPasswordFile },
    `Present password of ${userName}: `,
  );
  const password = await readNewSecret(cli.terminal, args, "New password: ");
  await using client = createClient(place);
  await client.changePassword({ userName, oldPassword, password });
  cli.printer.done("Your password was changed. Log in again: sinter login", {});
}

async function knownContext(cli: Cli) {
  const { env } = cli.terminal;
  const chosen = chooseContext(await readContexts(env), cli.options.context, env);
  if (chosen === undefined) throw failures.notLoggedIn("Log in first: sinter login URL");
  return chosen;
}

export const user = group("user", "Who may log in", [list, create, remove, changePassword]);
