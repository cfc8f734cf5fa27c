import { once } from "node:events";
import { rm } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";

export interface FlakyProxy extends AsyncDisposable {
  /** Connection string of the database behind the proxy. */
  readonly url: string;
  /** Connections cut so far. */
  readonly cuts: number;
}

/**
 * Stands between a client and PostgreSQL and now and then cuts a connection when the server answers, so that the
 * client does not learn whether what it asked for was done.
 */
export async function openFlakyProxy(
  url: string,
  folder: string,
  shallCut: () => boolean,
): Promise<FlakyProxy> {
  const target = new URL(url.replace("@/", "@unix/"));
  const serverSocket = join(target.searchParams.get("host") ?? "", ".s.PGSQL.5432");
  const own = join(folder, ".s.PGSQL.5432");
  const open = new Set<Socket>();
  let cuts = 0;
  const proxy = createServer((client) => {
    const server = connect(serverSocket);
    const end = (): void => {
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) {
      open.add(socket);
      socket.on("close", () => open.delete(socket)).on("error", end);
    }
    client.on("data", (data) => server.write(data)).on("close", end);
    server.on("close", end).on("data", (data) => {
      if (shallCut()) {
        cuts++;
        end();
      } else {
        client.write(data);
      }
    });
  });
  proxy.listen(own);
  await once(proxy, "listening");
  target.searchParams.set("host", folder);
  return {
    url: target.toString().replace("@unix/", "@/"),
    get cuts() {
      return cuts;
    },
    [Symbol.asyncDispose]: async () => {
      proxy.close();
      for (const socket of open) socket.destroy();
      await rm(own, { force: true });
    },
  };
}
