import type { IncomingMessage } from "node:http";
import { pipeline, type Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import type { Log } from "@sinter/kit";
import { CONSOLE_PATH, MEDIA_PATH, SCREEN_PASSWORD_HEADER, SCREEN_PATH } from "@sinter/southbound";
import { createWebSocketStream, WebSocketServer } from "ws";
import { errorReply } from "./agent-routes.ts";
import { linkErrors } from "./errors.ts";
import { mediaChannel } from "./media-channel.ts";
import type { ServedAgent } from "./served-agent.ts";

/** A terminal sends keystrokes and pastes, a screen's viewer little more; more in one message is neither. */
const MESSAGE_BYTES_MAX = 1024 * 1024;

/** Serves serial lines and screens as WebSockets on the agent's own TLS server. */
export function createStreamUpgrade(options: {
  agentOf: (socket: TLSSocket) => ServedAgent | undefined;
  mayCall: (socket: TLSSocket) => boolean;
  log: Log;
}): { handle(request: IncomingMessage, socket: Duplex, head: Buffer): void; close(): void } {
  const wss = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MESSAGE_BYTES_MAX,
  });

  async function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const tlsSocket = request.socket as TLSSocket; // the server speaks TLS only
    if (!options.mayCall(tlsSocket)) throw linkErrors.notTheManager();
    const agent = options.agentOf(tlsSocket);
    if (agent === undefined) {
      socket.destroy();
      return;
    }
    const medium = MEDIA.exec(request.url ?? "");
    if (medium !== null && agent.openMedia) {
      const [, mediaId = "", sizeBytes] = medium;
      wss.handleUpgrade(request, socket, head, (webSocket) => {
        const channel = mediaChannel(webSocket);
        Promise.resolve(agent.openMedia?.(mediaId, Number(sizeBytes), channel)).catch((error: unknown) => {
          options.log.warn({ mediaId, err: error }, "a browser's medium could not be opened");
          channel.close(1011, "the medium could not be opened");
        });
      });
      return;
    }
    const line = await openStream(agent, request);
    wss.handleUpgrade(request, socket, head, (webSocket) => {
      const messages = createWebSocketStream(webSocket, { allowHalfOpen: false });
      pipeline(messages, line, messages, (error) => {
        if (error) options.log.debug({ path: request.url, err: error }, "a console ended");
        webSocket.close();
        line.destroy();
      });
    });
    // The client left while the line was being opened: nobody will read it.
    if (socket.destroyed) line.destroy();
  }

  return {
    handle(request, socket, head) {
      socket.on("error", () => socket.destroy());
      upgrade(request, socket, head).catch((error: unknown) => {
        const { status, body } = errorReply(error);
        socket.end(
          `HTTP/1.1 ${status} Refused\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
        );
      });
    },
    close() {
      for (const client of wss.clients) client.terminate();
      wss.close();
    },
  };
}

const UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}";
const patternOf = (path: string): RegExp => new RegExp(`^${path.replace(":vmUuid", `(${UUID})`)}$`);
const CONSOLE = patternOf(CONSOLE_PATH);
const SCREEN = patternOf(SCREEN_PATH);
const MEDIA = new RegExp(
  `^${MEDIA_PATH.replace(":mediaId", `(${UUID})`).replace(":sizeBytes", "([1-9][0-9]{0,14})")}$`,
);

async function openStream(agent: ServedAgent, request: IncomingMessage): Promise<Duplex> {
  const path = request.url ?? "";
  const ofConsole = CONSOLE.exec(path)?.[1];
  if (ofConsole !== undefined && agent.openConsole) return await agent.openConsole(ofConsole);
  const ofScreen = SCREEN.exec(path)?.[1];
  if (ofScreen !== undefined && agent.openScreen) {
    return await agent.openScreen(ofScreen, readPassword(request));
  }
  throw linkErrors.unknownCall("UPGRADE", path);
}

function readPassword(request: IncomingMessage): string {
  const password = request.headers[SCREEN_PASSWORD_HEADER];
  if (typeof password === "string" && /^[\x21-\x7e]{1,8}$/.test(password)) return password;
  throw linkErrors.badRequest("openScreen", SCREEN_PASSWORD_HEADER, "must be 1 to 8 visible characters");
}
