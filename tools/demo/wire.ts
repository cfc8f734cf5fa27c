import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { connect, type TLSSocket } from "node:tls";

/** Where a manager is and who we are there. */
export interface Access {
  /** `https://127.0.0.1:7443` */
  readonly url: string;
  readonly userName: string;
  readonly password: string;
  /** Certificate of the authority that signed the server's; without it any certificate is taken, as those clients do. */
  readonly ca?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly text: string;
  // The demo looks into answers as a client without types does.
  // biome-ignore lint/suspicious/noExplicitAny: see above
  readonly json: any;
}

/**
 * One keep-alive connection on which requests are written as text. An answer without Content-Length is a failure, as
 * it is for the clients that this stands in for: one of them waits for the connection to close.
 */
export class Wire {
  readonly #access: Access;
  #socket: TLSSocket | undefined;
  #buffer = Buffer.alloc(0);
  #wake: (() => void) | undefined;

  constructor(access: Access) {
    this.#access = access;
  }

  async send(method: string, path: string, headers: readonly string[], body?: string): Promise<Answer> {
    const socket = await this.#open();
    const host = new URL(this.#access.url).host;
    const lines = [`${method} ${path} HTTP/1.1`, `Host: ${host}`, ...headers];
    if (body !== undefined) lines.push(`Content-Length: ${Buffer.byteLength(body)}`);
    socket.write(`${lines.join("\r\n")}\r\n\r\n${body ?? ""}`);
    return await this.#read();
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  async #open(): Promise<TLSSocket> {
    if (this.#socket && !this.#socket.destroyed) return this.#socket;
    const { hostname, port } = new URL(this.#access.url);
    const { ca } = this.#access;
    const socket = connect({
      host: hostname,
      port: Number(port),
      ...(ca === undefined ? { rejectUnauthorized: false } : { ca }),
      ...(/^[\d.]+$|:/.test(hostname) ? {} : { servername: hostname }),
    });
    await new Promise<void>((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
    this.#buffer = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      this.#buffer = Buffer.concat([this.#buffer, chunk]);
      this.#wake?.();
    });
    socket.on("close", () => this.#wake?.());
    socket.on("error", () => {});
    this.#socket = socket;
    return socket;
  }

  async #read(): Promise<Answer> {
    const until = async (isThere: () => boolean): Promise<void> => {
      const deadline = Date.now() + 20_000;
      while (!isThere()) {
        assert.ok(
          !this.#socket?.destroyed,
          `the server closed the connection after ${JSON.stringify(this.#buffer.toString())}`,
        );
        assert.ok(Date.now() < deadline, "no whole answer within 20 s, the limit of the strictest client");
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, 1000);
          this.#wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
    };
    await until(() => this.#buffer.includes("\r\n\r\n"));
    const end = this.#buffer.indexOf("\r\n\r\n");
    const [first = "", ...rest] = this.#buffer.subarray(0, end).toString("latin1").split("\r\n");
    const headers = new Map(
      rest.map((line): [string, string] => {
        const at = line.indexOf(":");
        return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()];
      }),
    );
    const length = headers.get("content-length");
    assert.ok(length !== undefined, `an answer without Content-Length: ${first}`);
    await until(() => this.#buffer.length >= end + 4 + Number(length));
    const text = this.#buffer.subarray(end + 4, end + 4 + Number(length)).toString("utf8");
    this.#buffer = this.#buffer.subarray(end + 4 + Number(length));
    assert.ok(!text.includes("\n"), "an answer of more than one line");
    assert.ok(!/":\s/.test(text.replaceAll(/"(?:[^"\\]|\\.)*"(?!:)/g, '""')), "a blank behind a colon");
    return {
      status: Number(first.split(" ")[1]),
      headers,
      text,
      json: text === "" ? undefined : JSON.parse(text),
    };
  }
}

export function sha256(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex");
}
