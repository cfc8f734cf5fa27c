import { rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import type { Log } from "@sinter/kit";
import { ByteReader } from "./byte-reader.ts";
import {
  blockSizeInfo,
  COMMAND,
  exportInfo,
  exportNameReply,
  greeting,
  HANDSHAKE_FLAGS,
  listEntry,
  NBD_ERROR,
  OPTION,
  OPTION_BYTES_MAX,
  OPTION_MAGIC,
  OPTION_REPLY,
  optionReply,
  READ_BYTES_MAX,
  readGoName,
  readRequest,
  REQUEST_BYTES,
  type NbdRequest,
  replyHead,
} from "./nbd-protocol.ts";

/** Bytes that somebody may read. */
export interface BlockSource {
  readonly sizeBytes: number;
  /** Exactly these bytes, which lie within the size. A failure of any kind becomes an input/output error. */
  read(offset: number, length: number): Promise<Buffer>;
}

export interface ServeNbdOptions {
  /** Where to listen; a file that a former server left there is removed. */
  readonly socketPath: string;
  readonly source: BlockSource;
  readonly log: Log;
}

export interface NbdServer extends AsyncDisposable {
  /** Ends connections and removes the socket. */
  close(): Promise<void>;
}

/** QEMU opens one connection, tools a few. */
const CONNECTIONS_MAX = 16;
/** Reads of one connection that are worked on at once; further ones wait in the socket. */
const READS_MAX = 64;

/**
 * Serves one export, the default one (""), read only, to whoever can open the socket.
 *
 * | at the same time          | what makes it safe                                                       |
 * | ------------------------- | ------------------------------------------------------------------------ |
 * | many reads                | each is answered when it is there, under its own handle                    |
 * | a client that reads not   | no further request is taken while its answers wait to be sent              |
 * | close, reads under way    | their connections are gone; what comes late is dropped                     |
 */
export async function serveNbd({ socketPath, source, log }: ServeNbdOptions): Promise<NbdServer> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    if (sockets.size >= CONNECTIONS_MAX) {
      socket.destroy();
      return;
    }
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    serve(socket, source)
      .catch((error: unknown) => log.debug({ err: error, socketPath }, "an NBD connection ended"))
      .finally(() => socket.destroy());
  });
  await rm(socketPath, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(socketPath, resolve);
  });
  server.on("error", (error) => log.warn({ err: error, socketPath }, "an NBD server failed"));

  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    // Closing removes the socket's file as well.
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return { close, [Symbol.asyncDispose]: close };
}

async function serve(socket: Socket, source: BlockSource): Promise<void> {
  const reader = new ByteReader(socket);
  if (await negotiate(socket, reader, source)) await transmit(socket, reader, source);
}

/** True when an export was chosen. */
async function negotiate(socket: Socket, reader: ByteReader, source: BlockSource): Promise<boolean> {
  socket.write(greeting());
  const flags = (await reader.take(4))?.readUInt32BE(0);
  if (flags === undefined || (flags & HANDSHAKE_FLAGS.fixedNewstyle) === 0) return false;
  for (;;) {
    const head = await reader.take(16);
    if (head === undefined || head.readBigUInt64BE(0) !== OPTION_MAGIC) return false;
    const [option, length] = [head.readUInt32BE(8), head.readUInt32BE(12)];
    if (length > OPTION_BYTES_MAX) return false;
    const data = await reader.take(length);
    if (data === undefined) return false;
    switch (option) {
      case OPTION.exportName:
        // The protocol has no way to refuse here but to leave.
        if (data.length > 0) return false;
        socket.write(exportNameReply(source.sizeBytes, (flags & HANDSHAKE_FLAGS.noZeroes) === 0));
        return true;
      case OPTION.info:
      case OPTION.go: {
        const name = readGoName(data);
        if (name === "") {
          socket.write(optionReply(option, OPTION_REPLY.info, exportInfo(source.sizeBytes)));
          socket.write(optionReply(option, OPTION_REPLY.info, blockSizeInfo()));
          socket.write(optionReply(option, OPTION_REPLY.ack));
          if (option === OPTION.go) return true;
        } else {
          const why = name === undefined ? OPTION_REPLY.invalid : OPTION_REPLY.unknown;
          socket.write(optionReply(option, why));
        }
        break;
      }
      case OPTION.list:
        socket.write(optionReply(option, OPTION_REPLY.server, listEntry("")));
        socket.write(optionReply(option, OPTION_REPLY.ack));
        break;
      case OPTION.abort:
        socket.end(optionReply(option, OPTION_REPLY.ack));
        return false;
      default:
        // Structured replies, TLS, meta contexts: clients go on without them.
        socket.write(optionReply(option, OPTION_REPLY.unsupported));
    }
  }
}

async function transmit(socket: Socket, reader: ByteReader, source: BlockSource): Promise<void> {
  const reads = new Set<Promise<void>>();
  for (;;) {
    const bytes = await reader.take(REQUEST_BYTES);
    const request = bytes && readRequest(bytes);
    if (request === undefined || request.type === COMMAND.disconnect) break;
    if (request.type === COMMAND.read) {
      const read = answerRead(socket, source, request).finally(() => reads.delete(read));
      reads.add(read);
      if (reads.size >= READS_MAX) await Promise.race(reads);
      if (socket.writableNeedDrain) await drained(socket);
      continue;
    }
    // The payload of a write follows at once and has to be read over.
    if (request.type === COMMAND.write) {
      if (request.length > READ_BYTES_MAX || (await reader.take(request.length)) === undefined) break;
    }
    const changes: readonly number[] = [COMMAND.write, COMMAND.trim, COMMAND.writeZeroes];
    const error =
      request.type === COMMAND.flush ? 0 : changes.includes(request.type) ? NBD_ERROR.perm : NBD_ERROR.inval;
    socket.write(replyHead(request.handle, error));
  }
  await Promise.all(reads);
}

async function answerRead(socket: Socket, source: BlockSource, request: NbdRequest): Promise<void> {
  const { handle, offset, length } = request;
  const answer = (error: number): void => void (socket.destroyed || socket.write(replyHead(handle, error)));
  if (length > READ_BYTES_MAX || offset + BigInt(length) > BigInt(source.sizeBytes)) {
    answer(NBD_ERROR.inval);
    return;
  }
  try {
    const data = await source.read(Number(offset), length);
    if (socket.destroyed) return;
    socket.cork();
    socket.write(replyHead(handle));
    socket.write(data);
    socket.uncork();
  } catch {
    // The reader is told all there is to say; why is the source's to log.
    answer(NBD_ERROR.io);
  }
}

async function drained(socket: Socket): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      socket.off("drain", done);
      socket.off("close", done);
      resolve();
    };
    socket.once("drain", done);
    socket.once("close", done);
  });
}
