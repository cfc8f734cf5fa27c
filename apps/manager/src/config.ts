import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { AppError } from "@sinter/kit";
import { readBody } from "@sinter/northbound";
import { Type, type Static } from "typebox";

/** Settings of a manager, from a JSON file and the environment; the environment wins. */
export const ManagerConfig = Type.Object({
  /** PostgreSQL, for example `postgresql://sinter@db.example/sinter` or a unix socket by `?host=/run/postgresql`. */
  databaseUrl: Type.String({ minLength: 1 }),
  /** Certificates and keys; readable by the manager only. */
  stateDir: Type.String({ minLength: 1 }),
  /** Address of the northbound API; default all. */
  listenHost: Type.Optional(Type.String()),
  /** Folder of the built portal (apps/portal/dist); without it the portal's port stays closed. */
  portalDir: Type.Optional(Type.String()),
  /** Default 8443; 0: any free one. */
  portalPort: Type.Optional(Type.Integer({ minimum: 0, maximum: 65_535 })),
  /** Default 7443 (API-01, VRM-10). */
  listenPort: Type.Optional(Type.Integer({ minimum: 0, maximum: 65_535 })),
  /** Where consoles are served by ticket besides the other ports; default 6083 (CON-02); 0: any free one. */
  consolePort: Type.Optional(Type.Integer({ minimum: 0, maximum: 65_535 })),
  /** The port in the URLs of consoles; default 6084 (CON-02); 0: any free one. */
  consolePublicPort: Type.Optional(Type.Integer({ minimum: 0, maximum: 65_535 })),
  /** False: another proxy listens there and passes on to consolePort; default true. */
  servesConsolePublicPort: Type.Optional(Type.Boolean()),
  /** False: hosts never open ports for VNC clients, and `vncAcessInfo` shows none; default true. */
  directVnc: Type.Optional(Type.Boolean()),
  /** Names and addresses that clients and agents use, for the server certificate; the host's own names are added. */
  serverNames: Type.Optional(Type.Array(Type.String())),
  /** Address shown as the site's. */
  advertisedAddress: Type.Optional(Type.String()),
  siteName: Type.Optional(Type.String()),
  /**
   * Longest a healthy write to a shared datastore takes, seconds; default 10. A host that cannot write for 8 times as
   * long loses its VMs there; another may start them 60 s later.
   */
  leaseIoTimeoutS: Type.Optional(Type.Integer({ minimum: 1, maximum: 60 })),
  logLevel: Type.Optional(Type.String()),
  /** Where to write the first administrator's generated password; without it, it is printed once on standard output. */
  adminPasswordFile: Type.Optional(Type.String()),
});
export type ManagerConfig = Static<typeof ManagerConfig>;

export const DEFAULT_PORT = 7443;

const FROM_ENVIRONMENT = {
  SINTER_DATABASE_URL: "databaseUrl",
  SINTER_STATE_DIR: "stateDir",
  SINTER_LISTEN_HOST: "listenHost",
  SINTER_LISTEN_PORT: "listenPort",
  SINTER_PORTAL_DIR: "portalDir",
  SINTER_PORTAL_PORT: "portalPort",
  SINTER_CONSOLE_PORT: "consolePort",
  SINTER_CONSOLE_PUBLIC_PORT: "consolePublicPort",
  SINTER_ADVERTISED_ADDRESS: "advertisedAddress",
  SINTER_SITE_NAME: "siteName",
  SINTER_LEASE_IO_TIMEOUT_S: "leaseIoTimeoutS",
  SINTER_LOG_LEVEL: "logLevel",
  SINTER_ADMIN_PASSWORD_FILE: "adminPasswordFile",
} as const;

/** Reads the file named by `--config` or SINTER_CONFIG, if any, and the environment. */
export async function readConfig(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
): Promise<ManagerConfig> {
  const flag = args.indexOf("--config");
  const path = flag >= 0 ? args[flag + 1] : environment.SINTER_CONFIG;
  const fromFile = path === undefined ? {} : await readJson(path);
  const fromEnvironment: Record<string, unknown> = {};
  for (const [variable, key] of Object.entries(FROM_ENVIRONMENT)) {
    if (environment[variable]) fromEnvironment[key] = environment[variable];
  }
  try {
    return readBody(ManagerConfig, { ...fromFile, ...fromEnvironment });
  } catch (error) {
    const message = `The manager's configuration is wrong: ${error instanceof Error ? error.message : String(error)}`;
    throw new AppError("invalid", "CONFIG_INVALID", message, { cause: error });
  }
}

async function readJson(path: string): Promise<object> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as object;
  } catch (error) {
    throw new AppError("invalid", "CONFIG_UNREADABLE", `The configuration file ${path} cannot be read.`, {
      cause: error,
    });
  }
}

/** Names under which this machine is reached, for the certificate. */
export function defaultServerNames(config: ManagerConfig): string[] {
  const own = ["localhost", "127.0.0.1", "::1", hostname()];
  return [
    ...new Set([
      ...own,
      ...(config.serverNames ?? []),
      ...(config.advertisedAddress ? [config.advertisedAddress] : []),
    ]),
  ];
}
