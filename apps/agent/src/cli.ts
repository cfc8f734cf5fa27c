import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { parseArgs } from "node:util";
import { certificateInfo } from "@sinter/agent-link/agent-side";
import { AppError, createLog, MiB, toAppError } from "@sinter/kit";
import { keepHeapSmall } from "@sinter/kit/heap-keeper";
import { composeNode } from "./compose.ts";
import { type AgentConfig, readConfig } from "./config.ts";
import { enrol } from "./identity/enrolment.ts";
import { readIdentity } from "./identity/identity-store.ts";
import type { ManagerAddress } from "./identity/pinned-https.ts";
import { missingPrograms, PROGRAMS } from "./programs.ts";
import { runAgent } from "./run.ts";

const USAGE = `sinter-agent: the node agent of Sinter

  sinter-agent join MANAGER[:PORT] --token-file FILE   join this host to a manager; FILE may be - for standard input
  sinter-agent join MANAGER[:PORT] TOKEN               the same; the token is then visible to others on this host
  sinter-agent run                                     serve until SIGTERM
  sinter-agent status [--json]                         who this host is, and what it lacks

  --address IP      where the manager finds this host; default the address it has towards the manager
  --port PORT       port of the agent; default 7447
  --state-dir DIR   default /var/lib/sinter/agent
  --config FILE     default /etc/sinter/agent.json; environment variables SINTER_AGENT_* go before it
`;

/** The manager's public port. */
const MANAGER_PORT = 7443;
const JOIN_LIBVIRT_MS_MAX = 30_000;
/** Beyond this the process does not wait for what does not end. */
const EXIT_MS_MAX = 2_000;

const options = {
  address: { type: "string" },
  port: { type: "string" },
  "state-dir": { type: "string" },
  config: { type: "string" },
  "token-file": { type: "string" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

try {
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const [command, ...rest] = positionals;
  if (values.help || command === undefined) process.stdout.write(USAGE);
  else await execute(command, rest, values);
} catch (error) {
  const { message, code } = toAppError(error);
  process.stderr.write(`sinter-agent: ${message}${code === "INTERNAL" ? "" : ` (${code})`}\n`);
  process.exitCode = 1;
}

type Values = ReturnType<typeof parseArgs<{ options: typeof options }>>["values"];

async function execute(command: string, rest: readonly string[], values: Values): Promise<void> {
  const config = await readConfig({
    file: values.config,
    environment: process.env,
    overrides: {
      ...(values["state-dir"] === undefined ? {} : { stateDir: values["state-dir"] }),
      ...(values.port === undefined ? {} : { port: Number(values.port) }),
    },
  });
  switch (command) {
    case "join":
      return await join(config, rest, values);
    case "run":
      return await run(config);
    case "status":
      return await status(config, values.json ?? false);
    default:
      throw new AppError("invalid", "USAGE", `There is no command ${command}.\n\n${USAGE}`);
  }
}

async function join(config: AgentConfig, [target, given]: readonly string[], values: Values): Promise<void> {
  if (target === undefined) throw new AppError("invalid", "USAGE", `Name the manager.\n\n${USAGE}`);
  const token = given ?? (await readToken(values["token-file"]));
  const missing = await missingPrograms(["qemu-img", "ovs-vsctl", "ip", "setpriv", "sanlock"]);
  if (missing.length > 0) throw missingError(missing);
  const log = createLog({ name: "sinter-agent", level: "error" });
  await using node = await composeNode({ config, keptAddresses: () => [], log });
  await node.libvirt.ready(JOIN_LIBVIRT_MS_MAX);
  const report = await node.host.report();
  const identity = await enrol({
    manager: parseManager(target),
    token,
    stateDir: config.stateDir,
    report,
    address: values.address ?? config.listenAddress,
    port: config.port,
  });
  process.stdout.write(
    `Host ${report.hostname} (${identity.hostUuid}) has joined. The manager finds it at ${identity.address}:${identity.port}.\n`,
  );
}

async function run(config: AgentConfig): Promise<void> {
  const log = createLog({ name: "sinter-agent", level: config.logLevel });
  keepHeapSmall({ garbageBytes: 6 * MiB, isThorough: true });
  const stop = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.once(signal, () => {
      log.info({ signal }, "the agent ends; VMs are left running");
      stop.abort(new AppError("cancelled", "STOPPING", "The agent is asked to end."));
      setTimeout(() => process.exit(0), EXIT_MS_MAX).unref();
    });
  }
  // One listener's mistake must not end an agent that others depend on.
  process.on("uncaughtException", (error) => log.error({ err: error }, "an error that nobody caught"));
  process.on("unhandledRejection", (error) => log.error({ err: error }, "a failure that nobody waited for"));
  await runAgent(config, log, stop.signal).catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
}

async function status(config: AgentConfig, asJson: boolean): Promise<void> {
  const log = createLog({ name: "sinter-agent", level: "fatal" });
  const identity = await readIdentity(config.stateDir);
  const missing = await missingPrograms(["qemu-img", "ovs-vsctl", "ip", "setpriv", "sanlock"]);
  await using node = await composeNode({ config, keptAddresses: () => [], log });
  const libvirt = await attempt(async () => {
    await node.libvirt.ready(3_000);
    return await node.libvirt.version();
  });
  const openVSwitch = await attempt(async () => (await node.switches.facts()).version);
  const state = {
    joined: identity !== undefined,
    hostUuid: identity?.hostUuid ?? null,
    address: identity === undefined ? null : `${identity.address}:${identity.port}`,
    certificateEnds:
      identity === undefined ? null : new Date(certificateInfo(identity.certificate).notAfter).toISOString(),
    accelerator: node.accelerator.accelerator,
    acceleratorReason: node.accelerator.reason,
    libvirt,
    openVSwitch,
    missingPrograms: missing,
  };
  if (asJson) process.stdout.write(`${JSON.stringify(state, null, 2)}\n`);
  else
    for (const [name, value] of Object.entries(state))
      process.stdout.write(`${name.padEnd(18)} ${String(value)}\n`);
}

async function attempt(work: () => Promise<string>): Promise<string> {
  try {
    return await work();
  } catch (error) {
    return `not available: ${toAppError(error).message}`;
  }
}

async function readToken(file: string | undefined): Promise<string> {
  if (file === undefined) {
    throw new AppError(
      "invalid",
      "USAGE",
      "Give the join token with --token-file FILE, or - for standard input.",
    );
  }
  if (file !== "-") return await readFile(file, "utf8");
  // Not /dev/stdin: that cannot be opened when it is a socket, as it is under a supervisor.
  return await text(process.stdin);
}

function parseManager(target: string): ManagerAddress {
  const { hostname, port } = URL.parse(`sinter://${target}`) ?? {};
  if (hostname === undefined || hostname === "") {
    throw new AppError("invalid", "USAGE", `${target} is not a host with an optional port.`);
  }
  return {
    host: hostname.replace(/^\[|\]$/g, ""),
    port: port === undefined || port === "" ? MANAGER_PORT : Number(port),
  };
}

function missingError(missing: readonly (keyof typeof PROGRAMS)[]): AppError {
  const packages = [...new Set(missing.map((name) => PROGRAMS[name].debianPackage))];
  return new AppError(
    "unavailable",
    "PROGRAM_MISSING",
    `This host lacks ${missing.join(", ")}. On Debian: apt-get install ${packages.join(" ")}.`,
  );
}
