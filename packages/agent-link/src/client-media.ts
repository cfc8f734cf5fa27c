import type { IncomingMessage } from "node:http";
import type { ConnectionOptions } from "node:tls";
import { reviveError } from "@sinter/kit";
import { agentName, MEDIA_PATH, type MediaChannel } from "@sinter/southbound";
import { type ClientOptions, WebSocket } from "ws";
import { clientContext, CONNECT_MS_MAX } from "./connector.ts";
import type { AgentAddress } from "./errors.ts";
import { mediaChannel } from "./media-channel.ts";
import { readText } from "./reply-body.ts";
import type { TlsIdentity } from "./server.ts";

const REFUSAL_BYTES_MAX = 64 * 1024;
/** What an agent asks is short. */
const MESSAGE_BYTES_MAX = 64 * 1024;

/** Resolves when the agent has taken the connection; rejects with the agent's own failure or that of the network. */
export function openMediaSocket(
  agent: AgentAddress,
  tls: TlsIdentity,
  medium: { readonly mediaId: string; readonly sizeBytes: number },
): Promise<MediaChannel> {
  const host = agent.address.includes(":") ? `[${agent.address}]` : agent.address;
  // ws hands what it does not know to tls.connect.
  const options: ClientOptions & ConnectionOptions = {
    servername: agentName(agent.hostUuid),
    secureContext: clientContext(tls),
    handshakeTimeout: CONNECT_MS_MAX,
    perMessageDeflate: false,
    maxPayload: MESSAGE_BYTES_MAX,
  };
  const path = MEDIA_PATH.replace(":mediaId", encodeURIComponent(medium.mediaId));
  const url = `wss://${host}:${agent.port}${path.replace(":sizeBytes", String(medium.sizeBytes))}`;
  const webSocket = new WebSocket(url, options);
  const channel = heldChannel(webSocket);
  return new Promise((resolve, reject) => {
    webSocket.once("unexpected-response", (_request: unknown, response: IncomingMessage) => {
      readText(response, REFUSAL_BYTES_MAX)
        .then((text) => reject(reviveError(JSON.parse(text))))
        .catch(reject)
        .finally(() => webSocket.terminate());
    });
    webSocket.once("error", reject);
    webSocket.once("open", () => resolve(channel));
  });
}

/** What the agent asks before anybody listens is kept: its first requests come with the handshake's answer. */
function heldChannel(webSocket: WebSocket): MediaChannel {
  const channel = mediaChannel(webSocket);
  const early: (string | Buffer)[] = [];
  let listener: ((message: string | Buffer) => void) | undefined;
  channel.onMessage((message) => {
    if (listener === undefined) early.push(message);
    else listener(message);
  });
  return {
    ...channel,
    onMessage: (fresh) => {
      listener = fresh;
      for (const message of early.splice(0)) fresh(message);
    },
  };
}
