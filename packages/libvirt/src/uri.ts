import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ConnectOptions } from "./connection.ts";
import type { Endpoint, TlsIdentity } from "./rpc/dial.ts";

/** Where to connect, and what to open there. */
export interface Target {
  readonly endpoint: Endpoint;
  readonly driver: string;
}

const SYSTEM_SOCKET_DIRECTORY = "/run/libvirt";

/** libvirt's usual places for certificates; `pkipath=` in the URI puts all three into one directory. */
const PKI_FILES = {
  ca: "/etc/pki/CA/cacert.pem",
  cert: "/etc/pki/libvirt/clientcert.pem",
  key: "/etc/pki/libvirt/private/clientkey.pem",
};

/** Reads the options, and for TLS by URI the certificates. Throws TypeError for what it cannot read. */
export async function resolveTarget(
  options: Pick<ConnectOptions, "uri" | "endpoint" | "driver">,
): Promise<Target> {
  if (options.endpoint) return { endpoint: options.endpoint, driver: options.driver ?? "qemu:///system" };
  return await parseUri(options.uri ?? "qemu:///system");
}

/**
 * libvirt's URIs: `driver[+transport]://[host[:port]]/path[?socket=…&name=…&pkipath=…]`. Transports are unix,
 * tcp and tls; without one, a host means tls and none means unix.
 */
export async function parseUri(text: string): Promise<Target> {
  const match =
    /^(?<driver>[a-z]+)(\+(?<transport>[a-z]+))?:\/\/(?<authority>[^/?]*)(?<path>\/[^?]*)?(\?(?<query>.*))?$/i.exec(
      text,
    )?.groups;
  if (!match?.["driver"]) throw new TypeError(`"${text}" is not a libvirt URI.`);
  const query = new URLSearchParams(match["query"] ?? "");
  const driver = query.get("name") ?? `${match["driver"]}://${match["path"] ?? "/"}`;
  const { host, port } = parseAuthority(match["authority"] ?? "", text);
  const transport = match["transport"] ?? (host ? "tls" : "unix");
  switch (transport) {
    case "unix":
      return { endpoint: { socketPath: query.get("socket") ?? (await defaultSocket(driver)) }, driver };
    case "tcp":
      return { endpoint: { host, ...(port === undefined ? {} : { port }) }, driver };
    case "tls":
      return {
        endpoint: { host, ...(port === undefined ? {} : { port }), tls: await readPki(query.get("pkipath")) },
        driver,
      };
    default:
      throw new TypeError(`"${text}": the transport ${transport} is not supported; use unix, tcp or tls.`);
  }
}

function parseAuthority(authority: string, uri: string): { host: string; port: number | undefined } {
  const match = /^(?:[^@]*@)?(\[[^\]]+\]|[^:]*)(?::(\d+))?$/.exec(authority);
  if (!match) throw new TypeError(`"${uri}" has no proper host.`);
  const host = (match[1] ?? "").replace(/^\[|\]$/g, "");
  return { host, port: match[2] === undefined ? undefined : Number(match[2]) };
}

/** One daemon for all drivers, or where that is not there, the one of this driver. */
async function defaultSocket(driver: string): Promise<string> {
  const kind = /^[a-z]+/i.exec(driver)?.[0] ?? "qemu";
  const session = driver.endsWith("/session");
  const directory = session
    ? join(process.env["XDG_RUNTIME_DIR"] ?? `/run/user/${process.getuid?.() ?? 0}`, "libvirt")
    : SYSTEM_SOCKET_DIRECTORY;
  const monolithic = join(directory, "libvirt-sock");
  const modular = join(directory, `virt${kind}d-sock`);
  return !(await exists(monolithic)) && (await exists(modular)) ? modular : monolithic;
}

async function readPki(directory: string | null): Promise<TlsIdentity> {
  const path = (file: string) =>
    directory === null ? file : join(directory, file.slice(file.lastIndexOf("/") + 1));
  const ca = await readFile(path(PKI_FILES.ca));
  // Daemons may do without client certificates, so having none is for them to judge.
  if (!(await exists(path(PKI_FILES.cert)))) return { ca };
  return { ca, cert: await readFile(path(PKI_FILES.cert)), key: await readFile(path(PKI_FILES.key)) };
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
