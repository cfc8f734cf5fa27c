import { createHash, randomUUID, X509Certificate } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { createAuthority, createKeyAndCsr, issueCertificate } from "@sinter/agent-link";
import { type WebSocket, WebSocketServer } from "ws";

/*
 * A real HTTPS server that answers as the northbound contract says, for tests of clients: login, 401, error bodies,
 * Content-Length on everything. A test adds the answers it wants; what was asked is kept.
 */

export interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
  /** As it came; `""` for none. */
  readonly text: string;
  /** The same as JSON; undefined for none. */
  readonly body: unknown;
  /** What the `*`s of the route's path matched. */
  readonly matched: readonly string[];
}

/** An object becomes a 200; `refuse()` makes the others. */
export type Answer = object | Reply;
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly text: string;
}

export interface ContractServer extends AsyncDisposable {
  readonly url: string;
  /** PEM of the authority, which the server also shows behind its own certificate. */
  readonly ca: string;
  readonly caFingerprint: string;
  readonly leafFingerprint: string;
  readonly userName: string;
  readonly password: string;
  readonly siteUri: string;
  /** In order of arrival, logins included. */
  readonly requests: readonly RecordedRequest[];
  /** Later answers for the same path win. `*` in a path stands for one segment. */
  answer(route: string, answer: Answer | ((request: RecordedRequest) => Answer | Promise<Answer>)): void;
  /** Comes before login and the check of the token; undefined lets the request go its usual way. */
  intercept(route: string, answer: (request: RecordedRequest) => Answer | undefined): void;
  /** Every token is unknown from now on. */
  expireSessions(): void;
  /** What happens on a console that was opened with a good token; default: it is refused with 10300470. */
  onConsole(talk: (socket: WebSocket, vmId: string) => void): void;
  /** Closes the listener and every connection, as a crash would; `start` listens on the same port again. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

export const SITE_ID = "43BC08E8";

export function refuse(status: number, errorCode: string, errorDes: string): Reply {
  return { status, text: JSON.stringify({ errorCode, errorDes }) };
}

export interface ContractServerOptions {
  /** Names in its certificate; default localhost and 127.0.0.1. */
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
  /** Name of its authority; default a new one. */
  readonly authorityName?: string;
  /** PEM shown behind its certificate; default that of its authority. */
  readonly shownAuthority?: string;
}

export async function startContractServer(options: ContractServerOptions = {}): Promise<ContractServer> {
  const authority = await createAuthority({
    commonName: options.authorityName ?? `Contract test ${randomUUID()}`,
    years: 1,
  });
  const { privateKeyPem, csrPem } = await createKeyAndCsr("contract server");
  const certificate = await issueCertificate(authority, {
    csrPem,
    dnsNames: options.dnsNames ?? ["localhost"],
    ipAddresses: options.ipAddresses ?? ["127.0.0.1"],
    usage: "server",
    days: 1,
  });
  const tls = {
    key: privateKeyPem,
    cert: `${certificate}\n${options.shownAuthority ?? authority.certificatePem}`,
  };

  // Made anew for each server: no test knows a password by heart.
  const password = `Ä${randomUUID()}`;
  const userName = "admin";
  const tokens = new Set<string>();
  const requests: RecordedRequest[] = [];
  const routes: { method: string; pattern: RegExp; answer: Parameters<ContractServer["answer"]>[1] }[] = [];
  let talk: Parameters<ContractServer["onConsole"]>[0] | undefined;

  const answer: ContractServer["answer"] = (route, given) => {
    const [method = "", path = ""] = route.split(" ");
    const pattern = new RegExp(`^${path.replaceAll(".", "\\.").replaceAll("*", "([^/]+)")}$`);
    routes.unshift({ method, pattern, answer: given });
  };
  const isLoggedIn = (headers: IncomingMessage["headers"]) => tokens.has(String(headers["x-auth-token"]));

  const interceptors = new Map<string, Parameters<ContractServer["intercept"]>[1]>();
  const respond = async (request: RecordedRequest): Promise<Answer> => {
    const early = interceptors.get(`${request.method} ${request.path}`)?.(request);
    if (early !== undefined) return early;
    if (request.path === "/service/versions") {
      return { versions: [{ version: "v8.0", loginUri: "/service/session" }] };
    }
    if (request.path === "/service/session" && request.method === "POST") {
      const key = createHash("sha256").update(password).digest("hex");
      if (request.headers["x-auth-user"] !== userName || request.headers["x-auth-key"] !== key) {
        return refuse(400, "10100103", "The user name or the password is wrong.");
      }
      const token = `${randomUUID().toUpperCase()}0`;
      tokens.add(token);
      const session = { validity: 86_400_000, userId: "u-1", userName, roleList: ["administrator"] };
      const text = JSON.stringify({ ...session, privilegeIds: [], rightType: 1 });
      return { status: 200, headers: { "X-Auth-Token": token }, text };
    }
    const route = routes.find(
      (candidate) => candidate.method === request.method && candidate.pattern.test(request.path),
    );
    const isOpen = request.path === "/service/users/password/modify";
    if (!isOpen && !isLoggedIn(request.headers)) return refuse(401, "10000002", "You are not logged in.");
    if (request.path === "/service/session" && request.method === "DELETE") {
      tokens.delete(String(request.headers["x-auth-token"]));
      return {};
    }
    if (route === undefined) return refuse(404, "10000008", "There is no such operation.");
    const matched = (route.pattern.exec(request.path) ?? []).slice(1);
    return typeof route.answer === "function"
      ? ((await route.answer({ ...request, matched })) as Answer)
      : route.answer;
  };

  const handle = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const request = record(incoming, Buffer.concat(chunks).toString("utf8"));
    requests.push(request);
    const given = await respond(request);
    const reply: Reply = isReply(given) ? given : { status: 200, text: JSON.stringify(given) };
    outgoing.writeHead(reply.status, {
      "Content-Type": "application/json;charset=UTF-8",
      "Content-Length": Buffer.byteLength(reply.text),
      ...reply.headers,
    });
    outgoing.end(reply.text);
  };

  const sockets = new WebSocketServer({ noServer: true });
  let server: Server;
  const listen = async (port: number): Promise<void> => {
    server = createServer(tls, (incoming, outgoing) => {
      handle(incoming, outgoing).catch((error: unknown) => outgoing.destroy(error as Error));
    });
    server.on("upgrade", (request: IncomingMessage, socket, head: Buffer) => {
      requests.push(record(request, ""));
      const vmId = /^\/sinter\/v1\/vms\/([^/]+)\/console$/.exec(request.url ?? "")?.[1];
      const refusal = !isLoggedIn(request.headers)
        ? refuse(401, "10000002", "You are not logged in.")
        : vmId === undefined || talk === undefined
          ? refuse(400, "10300470", "The VM has no console while it does not run.")
          : undefined;
      if (refusal !== undefined) {
        socket.end(
          `HTTP/1.1 ${refusal.status} Refused\r\nContent-Length: ${Buffer.byteLength(refusal.text)}\r\n\r\n${refusal.text}`,
        );
        return;
      }
      sockets.handleUpgrade(request, socket, head, (webSocket) => talk?.(webSocket, vmId ?? ""));
    });
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
  };
  await listen(0);
  const { port } = server!.address() as AddressInfo;

  const stop = async (): Promise<void> => {
    for (const client of sockets.clients) client.terminate();
    if (!server.listening) return;
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  };

  const siteUri = `/service/sites/${SITE_ID}`;
  const site = { urn: `urn:sites:${SITE_ID}`, uri: siteUri, name: "site", ip: "127.0.0.1" };
  answer("GET /service/sites", { sites: [{ ...site, isDC: true, isSelf: true, status: "normal" }] });
  answer("GET /sinter/v1/session", {
    userId: "u-1",
    userName,
    roles: ["administrator"],
    access: "administer",
    privilegeIds: [],
  });

  return {
    url: `https://127.0.0.1:${port}`,
    ca: authority.certificatePem,
    caFingerprint: new X509Certificate(authority.certificatePem).fingerprint256,
    leafFingerprint: new X509Certificate(certificate).fingerprint256,
    userName,
    password,
    siteUri,
    requests,
    answer,
    intercept: (route, given) => void interceptors.set(route, given),
    expireSessions: () => tokens.clear(),
    onConsole: (given) => {
      talk = given;
    },
    stop,
    start: () => listen(port),
    [Symbol.asyncDispose]: stop,
  };
}

function record(incoming: IncomingMessage, text: string): RecordedRequest {
  const url = new URL(incoming.url ?? "/", "https://contract.test");
  return {
    method: incoming.method ?? "",
    path: decodeURIComponent(url.pathname),
    query: url.searchParams,
    headers: incoming.headers,
    text,
    body: text === "" ? undefined : JSON.parse(text),
    matched: [],
  };
}

function isReply(answer: Answer): answer is Reply {
  return "text" in answer && "status" in answer;
}
