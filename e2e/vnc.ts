import { connect } from "node:net";
import type { ConnectionOptions } from "node:tls";
import { Viewer } from "@sinter/rfb";
import { type ClientOptions, createWebSocketStream, WebSocket } from "ws";

/** Screens of emulated guests on a busy machine; nothing here should take a tenth of it. */
const SCREEN_MS_MAX = 60_000;

/** Connects to a host as VNC clients do; throws for a wrong password. */
export async function openScreen(
  host: string,
  port: number,
  password: string,
): Promise<{ width: number; height: number }> {
  using viewer = await Viewer.open(connect({ host, port }), {
    password,
    signal: AbortSignal.timeout(SCREEN_MS_MAX),
  });
  return viewer.size;
}

export interface BrowserScreen extends Disposable {
  readonly viewer: Viewer;
  /** Sub-protocol that was agreed upon. */
  readonly protocol: string;
  /** Close code, once it is closed. */
  readonly closed: Promise<number>;
}

/** Redeems a ticket as a browser does. Throws with the status of a refusal. */
export async function openTicket(
  url: string,
  options: { readonly password: string; readonly ca: string },
): Promise<BrowserScreen> {
  // ws hands what it does not know to tls.connect.
  const tls: ClientOptions & ConnectionOptions = { ca: options.ca };
  const client = new WebSocket(url, ["binary"], tls);
  // Listens before the server speaks, and stays for what fails later.
  const stream = createWebSocketStream(client);
  const closed = new Promise<number>((resolve) => client.once("close", resolve));
  const viewer = await Viewer.open(stream, {
    password: options.password,
    signal: AbortSignal.timeout(SCREEN_MS_MAX),
  });
  return { viewer, protocol: client.protocol, closed, [Symbol.dispose]: () => client.terminate() };
}
