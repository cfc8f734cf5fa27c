import { randomInt } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { toAppError } from "@sinter/kit/errors";
import { guardScreen, joinServer } from "@sinter/rfb";

/** Where viewers of this machine, and of no other, come in. */
export interface LocalScreen extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly password: string;
  /** The first viewer that was let in has left. */
  readonly whenLeft: Promise<void>;
}

const HOST = "127.0.0.1";
const LETTERS = "abcdefghijkmnopqrstuvwxyz23456789";

/**
 * A port of this machine at which a VNC viewer finds a VM's screen. Each viewer gets a session of its own from `open`,
 * once it knows the password: other people's programs on this machine reach the port, too.
 */
export async function openLocalScreen(options: {
  /** 0: any free one. */
  readonly port: number;
  readonly open: () => Promise<{ readonly stream: Duplex; readonly password: string }>;
  readonly onFailure: (message: string) => void;
}): Promise<LocalScreen> {
  const password = Array.from({ length: 8 }, () => LETTERS[randomInt(LETTERS.length)]).join("");
  const left = Promise.withResolvers<void>();
  const viewers = new Set<Socket>();

  async function serve(viewer: Socket): Promise<void> {
    const outcome = await guardScreen(viewer, {
      password,
      open: async () => {
        try {
          const screen = await options.open();
          return await joinServer(screen.stream, { password: screen.password });
        } catch (error) {
          options.onFailure(toAppError(error).message);
          throw error;
        }
      },
    });
    if (outcome !== "joined") return;
    if (!viewer.destroyed) await once(viewer, "close");
    left.resolve();
  }

  const server = createServer({ noDelay: true }, (viewer) => {
    viewers.add(viewer);
    viewer.once("close", () => viewers.delete(viewer));
    void serve(viewer);
  });
  server.listen({ host: HOST, port: options.port });
  await once(server, "listening");
  return {
    host: HOST,
    port: (server.address() as AddressInfo).port, // a TCP server that listens has an address of this kind
    password,
    whenLeft: left.promise,
    [Symbol.asyncDispose]: async () => {
      server.close();
      for (const viewer of viewers) viewer.destroy();
    },
  };
}
