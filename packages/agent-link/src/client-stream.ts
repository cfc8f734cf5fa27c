import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { ConnectionOptions } from "node:tls";
import { reviveError } from "@sinter/kit";
import { agentName } from "@sinter/southbound";
import { type ClientOptions, createWebSocketStream, WebSocket } from "ws";
import { clientContext, CONNECT_MS_MAX } from "./connector.ts";
import type { AgentAddress } from "./errors.ts";
import { readText } from "./reply-body.ts";
import type { TlsIdentity } from "./server.ts";

/** Opening a line may have to wait for libvirt. */
const OPEN_MS_MAX = CONNECT_MS_MAX + 10_000;
const REFUSAL_BYTES_MAX = 64 * 1024;

/** What is opened: a path of the contract and whose. */
export interface StreamRequest {
  readonly path: string;
  readonly vmUuid: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Resolves when the agent has opened the stream; rejects with the agent's own failure or that of the network. */
export function openStreamSocket(
  agent: AgentAddress,
  tls: TlsIdentity,
  { path, vmUuid, headers }: StreamRequest,
): Promise<Duplex> {
  const host = agent.address.includes(":") ? `[${agent.address}]` : agent.address;
  // ws hands what it does not know to tls.connect.
  const options: ClientOptions & ConnectionOptions = {
    servername: agentName(agent.hostUuid),
    secureContext: clientContext(tls),
    handshakeTimeout: OPEN_MS_MAX,
    perMessageDeflate: false,
    ...(headers === undefined ? {} : { headers: { ...headers } }),
  };
  const target = path.replace(":vmUuid", encodeURIComponent(vmUuid));
  const webSocket = new WebSocket(`wss://${host}:${agent.port}${target}`, options);
  // When the far end closes, this end does: there is no half of a serial line.
  const line = createWebSocketStream(webSocket, { allowHalfOpen: false });
  return new Promise((resolve, reject) => {
    webSocket.once("unexpected-response", (_request: unknown, response: IncomingMessage) => {
      readText(response, REFUSAL_BYTES_MAX)
        .then((text) => reject(reviveError(JSON.parse(text))))
        .catch(reject)
        .finally(() => webSocket.terminate());
    });
    // Stays for the life of the line: a lost connection also shows as its end, and must not be an uncaught exception.
    line.on("error", reject);
    webSocket.once("open", () => resolve(line));
  });
}
