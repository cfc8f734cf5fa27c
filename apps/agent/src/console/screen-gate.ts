import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { type Clock } from "@sinter/kit";
import { type GuardOutcome, guardScreen } from "@sinter/rfb";
import type { VncEndpoint } from "@sinter/southbound";
import type { Duplex } from "node:stream";
import { Brake } from "./brake.ts";

export interface GateOptions {
  readonly host: string;
  readonly port: number;
  readonly clock: Clock;
  /** Opens the VM's screen for somebody who knows the password. */
  readonly open: () => Promise<Duplex>;
  readonly onDecided: (outcome: GuardOutcome, peer: string) => void;
  /** Its time is over. */
  readonly onClosed: () => void;
}

/** Viewers of one VM at once, those that have not said their password included; QEMU itself takes 32. */
const CONNECTIONS_MAX = 24;

/**
 * A port at which VNC clients find one VM's screen for a while. Asks for the password before anything of QEMU is
 * touched, so that an open port alone gives nobody anything.
 */
export class ScreenGate {
  readonly endpoint: VncEndpoint;
  readonly #server: Server;
  readonly #options: GateOptions;
  readonly #viewers = new Set<Socket>();
  #password = "";
  #timer: NodeJS.Timeout | undefined;

  private constructor(server: Server, options: GateOptions) {
    this.#server = server;
    this.#options = options;
    this.endpoint = { host: options.host, port: options.port };
    const brake = new Brake(options.clock);
    server.maxConnections = CONNECTIONS_MAX;
    server.on("connection", (viewer: Socket) => {
      this.#viewers.add(viewer);
      viewer.once("close", () => this.#viewers.delete(viewer));
      const peer = viewer.remoteAddress ?? "";
      void guardScreen(viewer, {
        password: () => this.#password,
        judge: (isRight) => brake.judge(peer, isRight),
        open: options.open,
      }).then((outcome) => options.onDecided(outcome, peer));
    });
  }

  /** Throws as `listen` does: EADDRINUSE, EADDRNOTAVAIL. Nobody gets in before `renew`. */
  static async open(options: GateOptions): Promise<ScreenGate> {
    const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 });
    server.listen({ host: options.host, port: options.port, exclusive: true });
    await once(server, "listening");
    return new ScreenGate(server, options);
  }

  /** Open for so many seconds from now, to those who know this password. */
  renew(password: string, seconds: number): void {
    this.#password = password;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      // Who is in stays: a session may last longer than the time to come in.
      this.#server.close();
      this.#options.onClosed();
    }, seconds * 1000);
    this.#timer.unref();
  }

  /** Closes the port and ends all its sessions. */
  close(): void {
    clearTimeout(this.#timer);
    this.#server.close();
    for (const viewer of this.#viewers) viewer.destroy();
  }
}
