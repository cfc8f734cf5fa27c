import type { Duplex } from "node:stream";
import { AppError } from "@sinter/kit/errors";
import { createPortableClient, type PortableClientOptions } from "./client.ts";
import { openConsole } from "./console.ts";
import { createNodeFetch } from "./node-fetch.ts";
import { pathOf, type Reference } from "./references.ts";
import type { Trust } from "./trust.ts";
import { clientErrors } from "./wire-error.ts";

export interface ClientOptions extends Omit<PortableClientOptions, "fetch">, Trust {
  /** Instead of our own on undici; trust is then its affair. */
  readonly fetch?: PortableClientOptions["fetch"];
}

/**
 * A client of one manager. Nothing is sent before the first call, which logs in when there is a password and no token.
 *
 *     await using client = createClient({ url, ca, userName, password });
 *     for await (const vm of client.vms.iterate()) console.log(vm.name);
 */
export function createClient(options: ClientOptions) {
  const url = readUrl(options.url);
  const node = createNodeFetch(url, options);
  const client = createPortableClient({ ...options, url: url.origin, fetch: options.fetch ?? node.fetch });
  return {
    ...client,
    url: url.origin,
    /** The serial console of a running VM. */
    async openConsole(vm: Reference): Promise<Duplex> {
      // Any call renews an expired token; a WebSocket cannot.
      await client.session.current();
      const { token } = client.session;
      if (token === undefined) throw clientErrors.notLoggedIn();
      const path = `/sinter/v1/vms/${encodeURIComponent(pathOf(vm).split("/").at(-1) ?? "")}/console`;
      return openConsole({ url, path, token, tls: await node.tls() });
    },
    /** The screen of a running VM: bytes of an RFB server that asks for the password, by VNC authentication. */
    async openScreen(vm: Reference): Promise<{ stream: Duplex; password: string }> {
      const { path, password } = await client.vms.openConsole(vm, "vnc");
      return { stream: await openConsole({ url, path, tls: await node.tls() }), password };
    },
    /** Lets go of connections. The session lives on; end it with `session.logout()`. */
    close: () => node.close(),
    [Symbol.asyncDispose]: () => node.close(),
  };
}

export type Client = ReturnType<typeof createClient>;

/** Origin of a manager from what a person writes: `vrm.example`, `vrm.example:7443`, `https://…`. */
export function readUrl(text: string): URL {
  const withScheme = /^[a-z]+:\/\//i.test(text) ? text : `https://${text}`;
  let url: URL;
  try {
    url = new URL(withScheme);
  } catch (error) {
    throw new AppError("invalid", "URL_INVALID", `"${text}" is not the address of a manager.`, {
      cause: error,
    });
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    throw new AppError("invalid", "URL_INVALID", `A manager is reached by https, not ${url.protocol}//.`);
  }
  // The contract's port, unless one is written.
  if (url.port === "" && !/^[a-z]+:\/\/[^/]*:\d+(?:\/|$)/i.test(withScheme)) url.port = "7443";
  return new URL(url.origin);
}
