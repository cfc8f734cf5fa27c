import { createHash, randomBytes } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { extname, join } from "node:path";
import type { Log } from "@sinter/kit";
import { hostOf } from "../http/caller.ts";
import { contentSecurityPolicy } from "./security-headers.ts";

/*
 * The portal's built files. Only what a walk through the folder found is served, by comparing whole paths: there is no
 * path of a request that is joined to a folder, so none can lead out of it. A new build is found when its index.html
 * differs.
 */

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".webmanifest": "application/manifest+json; charset=utf-8",
  ".map": "application/json; charset=utf-8",
  ".txt": "text/plain; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".jpg": "image/jpeg",
  ".webp": "image/webp",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".woff": "font/woff",
  ".wasm": "application/wasm",
};
/** Newest and smallest first. */
const ENCODINGS = [
  { name: "br", suffix: ".br" },
  { name: "gzip", suffix: ".gz" },
] as const;
type Encoding = (typeof ENCODINGS)[number]["name"];

interface StaticFile {
  readonly type: string;
  readonly etag: string;
  readonly cacheControl: string;
  /** By encoding; "" is the file itself. */
  readonly bodies: ReadonlyMap<Encoding | "", { readonly path: string; readonly sizeBytes: number }>;
}

interface Build {
  readonly files: ReadonlyMap<string, StaticFile>;
  /** With `__NONCE__` where the nonce of each answer goes; undefined when nothing was built. */
  readonly page: string | undefined;
  readonly stamp: string;
}

/** Vite puts a hash of the content into these names, so what is behind one never changes. */
const HASHED = /^\/assets\/.+-[\w-]{8}\.\w+$/;
const YEAR_S = 31_536_000;
/** How often a new build is looked for. */
const LOOK_EVERY_MS = 1_000;

export type StaticFiles = ReturnType<typeof createStaticFiles>;

export function createStaticFiles({ directory, log }: { directory: string; log: Log }) {
  let build: Promise<Build> | undefined;
  let lookedAt = 0;

  /** The build that lies there now; looks at its index.html at most once a second. */
  async function current(): Promise<Build> {
    if (build !== undefined && performance.now() - lookedAt < LOOK_EVERY_MS) return await build;
    lookedAt = performance.now();
    const stamp = await stampOf(directory);
    const known = await build?.catch(() => undefined);
    if (known === undefined || known.stamp !== stamp) {
      build = readBuild(directory, stamp);
      if (known !== undefined) log.info({ directory }, "the portal was built anew");
    }
    return await (build ?? readBuild(directory, stamp));
  }

  return {
    /**
     * Answers a GET or HEAD for a file, or for a page of the portal, which is the same index.html for each of its
     * addresses. Gives false, having done nothing, when the request is for somebody else.
     */
    async answer(request: IncomingMessage, response: ServerResponse, path: string): Promise<boolean> {
      const { files, page } = await current();
      const file = files.get(path);
      if (file !== undefined) {
        await sendFile(request, response, file);
        return true;
      }
      if (!wantsPage(request, path)) return false;
      sendPage(request, response, page);
      return true;
    },
    /** Whether there is something to serve. */
    isBuilt: async (): Promise<boolean> => (await current()).page !== undefined,
  };
}

/** Addresses of the portal's pages are those that a person asks for and the API does not have. */
function wantsPage(request: IncomingMessage, path: string): boolean {
  if (/^\/(?:service|sinter)(?:\/|$)/.test(path)) return false;
  return (request.headers.accept ?? "").includes("text/html");
}

function sendPage(request: IncomingMessage, response: ServerResponse, page: string | undefined): void {
  response.setHeader("cache-control", "no-store");
  if (page === undefined) {
    const text = "The portal's files are not built.\n";
    response.writeHead(503, { "content-type": "text/plain; charset=utf-8", "content-length": text.length });
    response.end(text);
    return;
  }
  const nonce = randomBytes(16).toString("base64");
  const body = Buffer.from(page.replaceAll("__NONCE__", nonce));
  response.writeHead(200, {
    "content-type": "text/html; charset=utf-8",
    "content-length": body.length,
    "content-security-policy": contentSecurityPolicy(nonce, hostOf(request)),
  });
  response.end(request.method === "HEAD" ? undefined : body);
}

async function sendFile(request: IncomingMessage, response: ServerResponse, file: StaticFile): Promise<void> {
  response.setHeader("cache-control", file.cacheControl);
  response.setHeader("etag", file.etag);
  response.setHeader("vary", "Accept-Encoding");
  const asked = (request.headers["if-none-match"] ?? "")
    .split(",")
    .map((tag) => tag.trim().replace(/^W\//, ""));
  if (asked.includes(file.etag)) {
    response.writeHead(304).end();
    return;
  }
  const accepted = acceptedEncodings(request.headers["accept-encoding"]);
  const encoding = ENCODINGS.find(({ name }) => accepted.has(name) && file.bodies.has(name))?.name ?? "";
  const body = file.bodies.get(encoding);
  if (!body) throw new Error("Broken assumption: a file has a body of its own.");
  if (encoding !== "") response.setHeader("content-encoding", encoding);
  // Read before anything is said: one that is gone is a failure, not half an answer. The largest has some 500 kB.
  const content = request.method === "HEAD" ? undefined : await readFile(body.path);
  response.writeHead(200, { "content-type": file.type, "content-length": body.sizeBytes });
  response.end(content);
}

/** Those named and not refused by `q=0`. */
export function acceptedEncodings(header: string | string[] | undefined): Set<string> {
  const accepted = new Set<string>();
  for (const part of String(header ?? "").split(",")) {
    const [name = "", ...params] = part.split(";").map((text) => text.trim().toLowerCase());
    if (name !== "" && !params.some((param) => /^q=0(?:\.0*)?$/.test(param))) accepted.add(name);
  }
  return accepted;
}

async function stampOf(directory: string): Promise<string> {
  const page = await stat(join(directory, "index.html")).catch(() => undefined);
  return page === undefined ? "" : `${page.mtimeMs} ${page.size} ${page.ino}`;
}

async function readBuild(directory: string, stamp: string): Promise<Build> {
  const paths = stamp === "" ? [] : await walk(directory, "");
  const there = new Set(paths);
  const files = new Map<string, StaticFile>();
  for (const path of paths) {
    const isCompressed = ENCODINGS.some(
      ({ suffix }) => path.endsWith(suffix) && there.has(path.slice(0, -suffix.length)),
    );
    if (isCompressed || path === "/index.html") continue;
    files.set(path, await readEntry(directory, path, there));
  }
  const page = there.has("/index.html") ? await readFile(join(directory, "index.html"), "utf8") : undefined;
  return { files, page, stamp };
}

async function readEntry(directory: string, path: string, there: ReadonlySet<string>): Promise<StaticFile> {
  const content = await readFile(join(directory, path));
  const bodies = new Map<Encoding | "", { path: string; sizeBytes: number }>();
  bodies.set("", { path: join(directory, path), sizeBytes: content.length });
  for (const { name, suffix } of ENCODINGS) {
    if (!there.has(path + suffix)) continue;
    const compressed = join(directory, path + suffix);
    bodies.set(name, { path: compressed, sizeBytes: (await stat(compressed)).size });
  }
  return {
    type: TYPES[extname(path)] ?? "application/octet-stream",
    etag: `"${createHash("sha256").update(content).digest("base64url").slice(0, 22)}"`,
    cacheControl: HASHED.test(path) ? `public, max-age=${YEAR_S}, immutable` : "no-cache",
    bodies,
  };
}

/** Plain files below the folder, as paths of URLs. Links are not followed, and what begins with a dot is nobody's. */
async function walk(directory: string, below: string): Promise<string[]> {
  const entries = await readdir(join(directory, below), { withFileTypes: true });
  const found: string[] = [];
  for (const entry of entries.filter(({ name }) => !name.startsWith("."))) {
    const path = `${below}/${entry.name}`;
    if (entry.isDirectory()) found.push(...(await walk(directory, path)));
    else if (entry.isFile()) found.push(path);
  }
  return found;
}
