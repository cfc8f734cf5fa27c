import { readFile } from "node:fs/promises";
import { AppError } from "@sinter/kit";
import { AGENT_PORT } from "@sinter/southbound";
import { type Static, Type } from "typebox";
import { Compile } from "typebox/compile";

const AgentConfig = Type.Object(
  {
    /** Identity, list of datastores, first-boot media. Readable by root only. */
    stateDir: Type.String({ pattern: "^/" }),
    /** Where the manager's calls arrive; default the address that was given at joining. */
    listenAddress: Type.Optional(Type.String({ minLength: 1 })),
    port: Type.Integer({ minimum: 0, maximum: 65_535 }),
    /** Where VNC clients may be let in for a while; default the address that was given at joining. */
    vncAddress: Type.Optional(Type.String({ minLength: 1 })),
    /** Ports for them, one per VM while it is open. */
    vncPortFirst: Type.Integer({ minimum: 1, maximum: 65_535 }),
    vncPortLast: Type.Integer({ minimum: 1, maximum: 65_535 }),
    /** libvirtd's socket; default that of the QEMU system driver. */
    libvirtSocket: Type.Optional(Type.String({ pattern: "^/" })),
    /** What libvirtd calls /var/lib/libvirt, where the sockets of screens are: another path if it runs in a container. */
    libvirtDirectory: Type.String({ pattern: "^/" }),
    /** Where libvirtd's settings are, of which its lock manager is looked up. */
    libvirtConfigDir: Type.String({ pattern: "^/" }),
    /** Sockets over which QEMU reads media of people's browsers; default a folder in /run of this agent's own. */
    mediaDir: Type.Optional(Type.String({ pattern: "^/", maxLength: 60 })),
    /** Seconds after which a libvirtd that does not answer a question is away; the manager waits for 10. */
    libvirtTimeoutS: Type.Integer({ minimum: 1, maximum: 60 }),
    /** Open vSwitch's database as ovs-vsctl takes it (`unix:/path`); default its usual socket. */
    ovsDatabase: Type.Optional(Type.String({ minLength: 1 })),
    /** pino's levels. */
    logLevel: Type.Union(
      ["trace", "debug", "info", "warn", "error", "fatal"].map((level) => Type.Literal(level)),
    ),
    /** Seconds between two looks into the guests. */
    guestIntervalS: Type.Integer({ minimum: 1, maximum: 3_600 }),
    /** Seconds that a running guest may take to let go of a device; the manager waits for 60. */
    deviceReleaseS: Type.Integer({ minimum: 1, maximum: 45 }),
  },
  { additionalProperties: false },
);
export type AgentConfig = Static<typeof AgentConfig>;

export const CONFIG_PATH = "/etc/sinter/agent.json";

/** Environment variables, each over the field of the file. */
const VARIABLES: Readonly<Record<string, keyof AgentConfig>> = {
  SINTER_AGENT_STATE_DIR: "stateDir",
  SINTER_AGENT_LISTEN_ADDRESS: "listenAddress",
  SINTER_AGENT_PORT: "port",
  SINTER_AGENT_VNC_ADDRESS: "vncAddress",
  SINTER_AGENT_LIBVIRT_SOCKET: "libvirtSocket",
  SINTER_AGENT_LIBVIRT_DIRECTORY: "libvirtDirectory",
  SINTER_AGENT_LIBVIRT_CONFIG_DIR: "libvirtConfigDir",
  SINTER_AGENT_MEDIA_DIR: "mediaDir",
  SINTER_AGENT_LIBVIRT_TIMEOUT_S: "libvirtTimeoutS",
  SINTER_AGENT_OVS_DATABASE: "ovsDatabase",
  SINTER_AGENT_LOG_LEVEL: "logLevel",
  SINTER_AGENT_GUEST_INTERVAL_S: "guestIntervalS",
  SINTER_AGENT_DEVICE_RELEASE_S: "deviceReleaseS",
};
const NUMBERS = new Set<keyof AgentConfig>(["port", "guestIntervalS", "deviceReleaseS", "libvirtTimeoutS"]);

const DEFAULTS = {
  stateDir: "/var/lib/sinter/agent",
  port: AGENT_PORT,
  vncPortFirst: 5_900,
  vncPortLast: 6_899,
  libvirtDirectory: "/var/lib/libvirt",
  libvirtConfigDir: "/etc/libvirt",
  logLevel: "info",
  libvirtTimeoutS: 8,
  guestIntervalS: 12,
  deviceReleaseS: 20,
};
const validator = Compile(AgentConfig);

/**
 * Defaults, then the file (none is fine, unless it was named), then the environment, then the command line.
 * Throws `invalid` CONFIG_INVALID naming the field.
 */
export async function readConfig(options: {
  readonly file?: string | undefined;
  readonly environment?: NodeJS.ProcessEnv;
  readonly overrides?: Partial<AgentConfig>;
}): Promise<AgentConfig> {
  const fromFile = await readFileConfig(options.file);
  const fromEnvironment = Object.fromEntries(
    Object.entries(VARIABLES).flatMap(([variable, field]) => {
      const value = options.environment?.[variable];
      if (value === undefined) return [];
      return [[field, NUMBERS.has(field) ? Number(value) : value]];
    }),
  );
  return checkedConfig({ ...DEFAULTS, ...fromFile, ...fromEnvironment, ...options.overrides });
}

/** The same without files and environment, for those who run the agent inside their own process. */
export function checkedConfig(config: Record<string, unknown>): AgentConfig {
  const whole = { ...DEFAULTS, ...config };
  if (validator.Check(whole)) return whole;
  const [error] = validator.Errors(whole);
  throw new AppError(
    "invalid",
    "CONFIG_INVALID",
    `The agent's configuration is wrong: ${error?.instancePath.slice(1) || "it"} ${error?.message ?? "does not fit"}.`,
  );
}

async function readFileConfig(named: string | undefined): Promise<Record<string, unknown>> {
  const path = named ?? CONFIG_PATH;
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    if (named === undefined && (cause as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw new AppError("invalid", "CONFIG_INVALID", `The configuration ${path} cannot be read.`, { cause });
  }
  try {
    return JSON.parse(text) as Record<string, unknown>; // checked as a whole afterwards
  } catch (cause) {
    throw new AppError("invalid", "CONFIG_INVALID", `The configuration ${path} is not JSON.`, { cause });
  }
}
