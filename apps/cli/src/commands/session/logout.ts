import { AppError } from "@sinter/kit/errors";
import { command } from "../../command.ts";
import { chooseContext, openContext } from "../../context/connect.ts";
import { readContexts, updateContexts } from "../../context/contexts.ts";

export const logout = command({
  command: "logout",
  describe: "End the session",
  async run(_args, cli) {
    const { env } = cli.terminal;
    const chosen = chooseContext(await readContexts(env), cli.options.context, env);
    if (chosen?.context.token === undefined) {
      cli.printer.done("You were not logged in.", {});
      return;
    }
    const { name, context } = chosen;
    // Forgotten here even if the manager is away: then it ends by itself.
    const { token: _token, ...rest } = context;
    await updateContexts(env, (now) => ({ ...now, contexts: { ...now.contexts, [name]: rest } }));
    await using client = openContext(context);
    try {
      await client.session.logout();
    } catch (error) {
      if (!(error instanceof AppError && error.retryable)) throw error;
      cli.printer.warn(`${error.message} The session ends there when its time is up.`);
    }
    cli.printer.done(`Logged out of ${context.url}.`, {});
  },
});
