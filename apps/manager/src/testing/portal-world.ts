import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from "node:http";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Clock, silentLog, systemClock } from "@sinter/kit";
import { testDatabase } from "@sinter/testing";
import { composeManager, type Manager } from "../compose.ts";
import type { IdentityOptions } from "../identity/index.ts";
import { TEST_PASSWORD_COST } from "./test-app.ts";

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Throws when it is none. */
  json(): Record<string, unknown>;
}

export interface Ask {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: object | string;
}

export interface PortalWorld extends AsyncDisposable {
  readonly manager: Manager;
  readonly databaseUrl: string;
  /** Folder of the portal's files. */
  readonly portalDir: string;
  /** Addresses of the doors, as `https://host:port`. */
  readonly api: string;
  readonly portal: string;
  /** The file that clients trust. */
  readonly ca: string;
  readonly password: string;
  ask(door: "api" | "portal", path: string, ask?: Ask): Promise<Answer>;
  /** The answer as soon as its headers are there; the caller reads and destroys it. */
  open(door: "api" | "portal", path: string, headers?: OutgoingHttpHeaders): Promise<IncomingMessage>;
  /** Logs the administrator in as a browser does. */
  login(userName?: string, password?: string): Promise<{ cookie: string; csrf: string; answer: Answer }>;
}

/** A page and what it loads, as a build of the portal lays them down. */
const FILES: Readonly<Record<string, string>> = {
  "index.html": '<!doctype html><meta name="csp-nonce" content="__NONCE__"><p id="root">page</p>',
  "icon.svg": "<svg/>",
  "assets/index-C2gSpqnv.js": "export {};",
  "assets/index-C2gSpqnv.js.br": "BR",
  "assets/index-C2gSpqnv.js.gz": "GZIP",
  ".vite/manifest.json": "{}",
};

/** Real time that can be moved forward. */
export class MovedClock implements Clock {
  #movedMs = 0;
  readonly sleep = systemClock.sleep;

  now(): number {
    return systemClock.now() + this.#movedMs;
  }

  move(ms: number): void {
    this.#movedMs += ms;
  }
}

/** A whole manager with the portal's door over real TLS, on any free ports. */
export async function portalWorld(
  options: {
    files?: Readonly<Record<string, string>>;
    clock?: Clock;
    identity?: Partial<IdentityOptions>;
    /** Of the stream of changes. */
    pingEveryMs?: number;
  } = {},
): Promise<PortalWorld> {
  const folder = await mkdtemp(join(tmpdir(), "sinter-portal-"));
  const portalDir = join(folder, "dist");
  for (const [name, text] of Object.entries(options.files ?? FILES)) {
    await mkdir(dirname(join(portalDir, name)), { recursive: true });
    await writeFile(join(portalDir, name), text);
  }
  // Beside the folder, for those who try to get out of it.
  await writeFile(join(folder, "secret.txt"), "secret");
  const database = await testDatabase();
  const adminPasswordFile = join(folder, "password");
  const manager = await composeManager({
    config: {
      databaseUrl: database.url,
      stateDir: join(folder, "state"),
      adminPasswordFile,
      listenHost: "127.0.0.1",
      listenPort: 0,
      portalPort: 0,
      consolePort: 0,
      consolePublicPort: 0,
      portalDir,
    },
    log: silentLog,
    ...(options.clock === undefined ? {} : { clock: options.clock }),
    ...(options.pingEveryMs === undefined ? {} : { pingEveryMs: options.pingEveryMs }),
    identity: { passwordCost: TEST_PASSWORD_COST, throttle: { free: 1_000_000 }, ...options.identity },
  });
  const { api, portal } = await manager.start();
  if (portal === undefined) throw new Error("Broken assumption: a portal is configured.");
  const ca = await readFile(join(folder, "state", "pki", "ca.crt"), "utf8");
  const password = (await readFile(adminPasswordFile, "utf8")).trim();

  const send = (door: "api" | "portal", path: string, ask: Ask): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(door === "api" ? api : portal);
      const text =
        ask.body === undefined || typeof ask.body === "string" ? ask.body : JSON.stringify(ask.body);
      const call = request({
        hostname,
        port,
        // As it is: `new URL` would tidy up what a test means to send.
        path,
        ca,
        // Whatever the header Host says.
        servername: "localhost",
        agent: false,
        method: ask.method ?? "GET",
        headers: {
          ...(text === undefined ? {} : { "content-length": Buffer.byteLength(text) }),
          ...ask.headers,
        },
      });
      call.on("response", resolve);
      call.on("error", reject);
      call.end(text);
    });

  const world: PortalWorld = {
    manager,
    portalDir,
    databaseUrl: database.url,
    api,
    portal,
    ca,
    password,
    open: (door, path, headers = {}) => send(door, path, { headers }),
    ask: async (door, path, ask = {}) => {
      const response = await send(door, path, ask);
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer); // no encoding is set
      const body = Buffer.concat(chunks).toString();
      return {
        status: response.statusCode ?? 0,
        headers: response.headers,
        body,
        json: () => JSON.parse(body) as Record<string, unknown>,
      };
    },
    login: async (userName = "admin", secret = password) => {
      const answer = await world.ask("portal", "/sinter/v1/session", {
        method: "POST",
        headers: { origin: portal },
        body: { userName, password: secret },
      });
      const cookie = (answer.headers["set-cookie"]?.[0] ?? "").split(";")[0] ?? "";
      const { csrf } = answer.json();
      return { cookie, csrf: typeof csrf === "string" ? csrf : "", answer };
    },
    [Symbol.asyncDispose]: async () => {
      await manager.stop();
      await database[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return world;
}
