import type { ConnectionOptions } from "node:tls";
import type { Agent, buildConnector } from "undici";
import type { Fetch } from "./http.ts";
import { type Trust, tlsOptions } from "./trust.ts";

export interface NodeFetch {
  readonly fetch: Fetch;
  /** The same trust for a WebSocket. */
  tls(): Promise<ConnectionOptions>;
  /** Lets go of kept connections, so that the process may end. */
  close(): Promise<void>;
}

/** How many connections one client keeps; a CLI needs one, a portal's backend or a test some. */
const CONNECTIONS_MAX = 16;
const CONNECT_MS_MAX = 10_000;

/** `fetch` of undici with our own trust. What it needs is loaded at the first request: half of a CLI call has none. */
export function createNodeFetch(url: URL, trust: Trust): NodeFetch {
  let opening: Promise<{ agent: Agent; fetch: Fetch; tls: ConnectionOptions }> | undefined;
  const open = async () => {
    const [undici, tls] = await Promise.all([import("undici"), tlsOptions(url, trust)]);
    const agent = new undici.Agent({
      // Node's TLS options, which undici takes; its type only lacks the `undefined`s of Node's.
      connect: { ...tls, timeout: CONNECT_MS_MAX } as buildConnector.BuildOptions,
      connections: CONNECTIONS_MAX,
      keepAliveTimeout: 30_000,
    });
    const fetch: Fetch = (target, init) => undici.fetch(target, { ...init, dispatcher: agent });
    return { agent, fetch, tls };
  };
  const opened = () => {
    // A failure is not kept: the manager may be up, or show the right certificate, at the next call.
    opening ??= open().catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    return opening;
  };
  return {
    fetch: async (target, init) => (await opened()).fetch(target, init),
    tls: async () => (await opened()).tls,
    async close() {
      const closing = opening;
      opening = undefined;
      if (closing !== undefined) await (await closing).agent.destroy();
    },
  };
}
