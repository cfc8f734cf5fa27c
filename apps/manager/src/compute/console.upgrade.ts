import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Log } from "@sinter/kit";
import type { FastifyInstance } from "fastify";
import { WebSocketServer } from "ws";
import { allows } from "../http/server.ts";
import { normalizeUrl } from "../http/server.ts";
import type { WireErrors } from "../http/wire-errors.ts";
import type { Actor } from "../identity/user.ts";
import { vmIdFrom } from "./vm-filter.ts";
import type { VmService } from "./vm.service.ts";

/** A VM's serial line as a WebSocket: binary messages are its bytes, both ways. Opened with the token in X-Auth-Token. */
const PATH = /^\/sinter\/v1\/vms\/(i-[0-9A-F]{8})\/console$/;
/** More than anybody types or pastes at once. */
const MESSAGE_BYTES_MAX = 64 * 1024;

export function serveConsoles(
  app: FastifyInstance,
  parts: {
    vms: VmService;
    authenticate: (token: string) => Promise<Actor | undefined>;
    errors: WireErrors;
    log: Log;
  },
): void {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MESSAGE_BYTES_MAX });

  const open = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    const [path] = normalizeUrl(request.url ?? "/").split("?");
    const vmId = vmIdFrom(PATH.exec(path ?? "")?.[1] ?? "");
    if (vmId === undefined)
      return refuse(socket, 404, { errorCode: "10000008", errorDes: "There is no such console." });
    const token = request.headers["x-auth-token"];
    const actor = typeof token === "string" ? await parts.authenticate(token) : undefined;
    if (!actor) return refuse(socket, 401, { errorCode: "10000002", errorDes: "You are not logged in." });
    if (!allows(actor.access, "operate")) {
      return refuse(socket, 403, {
        errorCode: "10000003",
        errorDes: "A console needs the right to operate VMs.",
      });
    }
    const line = await parts.vms.openConsole(vmId);
    parts.log.info({ vmId, user: actor.userName }, "serial console opened");
    sockets.handleUpgrade(request, socket, head, (client) => {
      line.on("data", (chunk: Buffer) => {
        client.send(chunk);
        // A reader that is slower than the guest writes holds the guest's output back rather than fill our memory.
        if (client.bufferedAmount > 1024 * 1024) {
          line.pause();
          const wait = setInterval(() => {
            if (client.bufferedAmount < 64 * 1024 || client.readyState !== client.OPEN) {
              clearInterval(wait);
              line.resume();
            }
          }, 20);
        }
      });
      line.on("end", () => client.close(1000, "the VM closed the line"));
      line.on("error", () => client.close(1011, "the line was lost"));
      client.on("message", (data: Buffer) => line.write(data));
      client.on("close", () => line.destroy());
      client.on("error", () => line.destroy());
    });
  };

  app.server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on("error", () => socket.destroy());
    open(request, socket, head).catch((error: unknown) => {
      const failure = parts.errors.describe(error);
      if (failure.isOurFault) parts.log.error({ err: error }, "opening a console failed");
      refuse(socket, failure.http, { errorCode: failure.errorCode, errorDes: failure.errorDes });
    });
  });
  app.addHook("preClose", async () => {
    for (const client of sockets.clients) client.close(1001, "the manager stops");
  });
}

function refuse(socket: Duplex, status: number, body: { errorCode: string; errorDes: string }): void {
  const text = JSON.stringify(body);
  socket.end(
    `HTTP/1.1 ${status} Refused\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`,
  );
}
