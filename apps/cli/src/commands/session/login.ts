import { ApiError, type Client, fingerprintOf, readPeerChain, readUrl } from "@sinter/client";
import { AppError } from "@sinter/kit/errors";
import type { SessionAnswer } from "@sinter/northbound";
import { type Cli, command } from "../../command.ts";
import { openContext } from "../../context/connect.ts";
import {
  type Context,
  type Contexts,
  readContexts,
  readLocalContext,
  updateContexts,
} from "../../context/contexts.ts";
import { failures } from "../../failures.ts";
import { flagOption, optionalArgument, passwordOptions, textOption } from "../../input/options.ts";
import { ask, confirm } from "../../input/prompt.ts";
import { readNewSecret, readSecret, readTextFile } from "../../input/secret.ts";

/** Name of the context of this checkout's manager. */
const LOCAL = "lab";

/** The password has to be changed before anything else: changed by an administrator, or too old. */
const MUST_CHANGE = new Set(["10100108", "10100109"]);

export const login = command({
  command: "login [url]",
  describe: "Begin a session with a manager and remember it",
  builder: (yargs) =>
    yargs
      .positional("url", optionalArgument("For instance vrm.example or https://10.0.0.1:7443"))
      .option("user", textOption("User name"))
      .options(passwordOptions)
      .option("new-password-file", textOption("New password, for when the present one has to be changed"))
      .option("ca", textOption("File with the certificate of the manager's authority (PEM)"))
      .option("fingerprint", textOption("SHA-256 of that certificate, or of the manager's own"))
      .option("insecure", flagOption("Believe whoever answers (and allow plain HTTP)")),
  async run(args, cli) {
    const all = await readContexts(cli.terminal.env);
    const before = await findPlace(cli, all, args.url);
    const ca = args.ca === undefined ? undefined : await readTextFile(args.ca);
    const wanted = withTrust(before.context, { ca, fingerprint: args.fingerprint, insecure: args.insecure });
    if (wanted.insecure)
      cli.printer.warn("Nothing proves that this is the manager. Use it on networks of your own.");
    const place = await agreeOnTrust(cli, wanted);

    const userName = args.user ?? (await askUserName(cli, place));
    const password = await readSecret(cli.terminal, args, `Password of ${userName}: `);
    const { client, session } = await logIn(cli, place, {
      userName,
      password,
      newPasswordFile: args.newPasswordFile,
    });
    const token = client.session.token ?? "";
    await client.close();

    const name = cli.options.context ?? before.name ?? nameFor(place.url, all);
    await updateContexts(cli.terminal.env, (now) => ({
      current: name,
      contexts: { ...now.contexts, [name]: { ...place, userName, token } },
    }));
    const roles = session.roleList.join(", ");
    cli.printer.done(`Logged in to ${place.url} as ${userName} (${roles}). The context is "${name}".`, {
      context: name,
      url: place.url,
      ...session,
    });
  },
});

/**
 * Which manager is meant: the one written, that of the context, or the one that `npm start` runs in this checkout, whose
 * authority is known here whether or not anybody has logged in before.
 */
async function findPlace(
  cli: Cli,
  all: Contexts,
  written: string | undefined,
): Promise<{ name?: string; context: Context }> {
  const { env } = cli.terminal;
  const local = await readLocalContext(env);
  const wantedName = cli.options.context ?? (env.SINTER_CONTEXT || undefined);
  if (written === undefined) {
    const name = wantedName ?? all.current;
    const known = name === undefined ? undefined : all.contexts[name];
    if (name !== undefined && known !== undefined) return { name, context: withLocalTrust(known, local) };
    if (local === undefined)
      throw failures.usage("Which manager?", "Give its address: sinter login vrm.example");
    return { ...(wantedName === undefined ? { name: LOCAL } : { name: wantedName }), context: local };
  }
  const url = readUrl(written).origin;
  const known = Object.entries(all.contexts).find(([, context]) => context.url === url);
  const context = withLocalTrust({ url, ...known?.[1] }, local);
  return { ...(known === undefined || wantedName !== undefined ? {} : { name: known[0] }), context };
}

/** A checkout that was begun anew has a new authority at the old address. */
function withLocalTrust(context: Context, local: Context | undefined): Context {
  if (local?.ca === undefined || readUrl(local.url).origin !== context.url) return context;
  return {
    url: context.url,
    ca: local.ca,
    ...(context.userName === undefined ? {} : { userName: context.userName }),
  };
}

/** What is said on the command line replaces what was remembered. */
function withTrust(
  context: Context,
  said: { ca: string | undefined; fingerprint: string | undefined; insecure: boolean | undefined },
): Context {
  const { ca, fingerprint, insecure } = said;
  const { url } = context;
  if (ca !== undefined) return { url, ca };
  if (fingerprint !== undefined) return { url, fingerprint };
  if (insecure) return { url, insecure };
  const { ca: oldCa, fingerprint: oldFingerprint, insecure: oldInsecure, userName } = context;
  return {
    url,
    ...(oldCa === undefined ? {} : { ca: oldCa }),
    ...(oldFingerprint === undefined ? {} : { fingerprint: oldFingerprint }),
    ...(oldInsecure === undefined ? {} : { insecure: oldInsecure }),
    ...(userName === undefined ? {} : { userName }),
  };
}

/**
 * Makes sure that the manager is trusted before a password goes there. At a first meeting the person compares the
 * fingerprint, as with SSH, and the authority is remembered from then on.
 */
async function agreeOnTrust(cli: Cli, context: Context): Promise<Context> {
  await using client = openContext(context);
  try {
    await client.versions();
    return context;
  } catch (error) {
    const isStranger = error instanceof AppError && error.code === "MANAGER_UNTRUSTED";
    const isFirstMeeting = context.ca === undefined && context.fingerprint === undefined;
    if (!isStranger || !isFirstMeeting || !context.url.startsWith("https:")) throw error;
  }
  const chain = await readPeerChain(new URL(context.url));
  // The last is the authority: it stays when the manager's own certificate is renewed.
  const authority = chain.at(-1);
  if (authority === undefined) throw failures.other(`${context.url} shows no certificate.`);
  const fingerprint = fingerprintOf(authority);
  cli.printer.note(`${context.url} is not known here. SHA-256 of its authority:\n  ${fingerprint}`);
  const hint = `Compare it at the manager's own host, then: sinter login ${context.url} --fingerprint ${fingerprint}`;
  if (!(await confirm(cli.terminal, "Is that the one the manager shows?", hint))) throw failures.refused();
  return { ...context, ca: authority.toString() };
}

async function askUserName(cli: Cli, context: Context): Promise<string> {
  const usual = context.userName ?? "admin";
  const answer = await ask(cli.terminal, `User [${usual}]: `, "Give the user with --user NAME.");
  return answer.trim() || usual;
}

/** Logs in, changing the password first where the manager insists on that. */
async function logIn(
  cli: Cli,
  context: Context,
  credentials: { userName: string; password: string; newPasswordFile: string | undefined },
): Promise<{ client: Client; session: SessionAnswer }> {
  const { userName, password, newPasswordFile } = credentials;
  const attempt = async (secret: string) => {
    const client = openContext(context, { userName, password: secret });
    try {
      return { client, session: await client.session.login() };
    } catch (error) {
      await client.close();
      throw error;
    }
  };
  try {
    return await attempt(password);
  } catch (error) {
    const mustChange = error instanceof ApiError && MUST_CHANGE.has(error.errorCode);
    const canAsk = newPasswordFile !== undefined || cli.terminal.stdin.isTTY === true;
    if (!mustChange || !canAsk) throw error;
    cli.printer.note("The password has to be changed.");
  }
  const fresh = await readNewSecret(cli.terminal, { passwordFile: newPasswordFile }, "New password: ");
  await using client = openContext(context);
  await client.changePassword({ userName, oldPassword: password, password: fresh });
  return attempt(fresh);
}

/** The host's name; with its port when another manager is called so already. */
function nameFor(url: string, all: Contexts): string {
  const { hostname, host } = new URL(url);
  return all.contexts[hostname] === undefined ? hostname : host;
}
