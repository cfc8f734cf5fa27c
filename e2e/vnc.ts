import { createCipheriv } from "node:crypto";
import { connect } from "node:net";

/** Speaks RFB 3.8 with VNC authentication as a viewer does; gives the size of the screen, or throws. */
export async function openScreen(
  host: string,
  port: number,
  password: string,
): Promise<{ width: number; height: number }> {
  const socket = connect({ host, port });
  const chunks: Buffer[] = [];
  let wake: () => void = () => {};
  socket.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    wake();
  });
  socket.on("error", () => wake());
  socket.on("close", () => wake());
  const read = async (length: number): Promise<Buffer> => {
    const deadline = Date.now() + 10_000;
    for (;;) {
      const all = Buffer.concat(chunks);
      if (all.length >= length) {
        chunks.splice(0, chunks.length, all.subarray(length));
        return all.subarray(0, length);
      }
      if (socket.destroyed || Date.now() > deadline) throw new Error("the screen closed the connection");
      await new Promise<void>((resolve) => {
        wake = resolve;
        setTimeout(resolve, 500);
      });
    }
  };
  try {
    const version = await read(12);
    if (!version.toString().startsWith("RFB 003.008")) throw new Error(`not a screen: ${version.toString()}`);
    socket.write(version);
    const [count] = await read(1);
    const kinds = await read(count ?? 0);
    if (!kinds.includes(2)) throw new Error(`no password asked: ${[...kinds].join(" ")}`);
    socket.write(Buffer.from([2]));
    const challenge = await read(16);
    socket.write(respond(challenge, password));
    const result = await read(4);
    if (result.readUInt32BE(0) !== 0) throw new Error("wrong password");
    socket.write(Buffer.from([1]));
    const init = await read(24);
    return { width: init.readUInt16BE(0), height: init.readUInt16BE(2) };
  } finally {
    socket.destroy();
  }
}

/** VNC's DES takes each byte of the key with its bits reversed. Two-key triple DES with equal keys is DES. */
function respond(challenge: Buffer, password: string): Buffer {
  const key = Buffer.alloc(8);
  Buffer.from(password.slice(0, 8), "latin1").copy(key);
  const reversed = Buffer.from(
    key.map((byte) => Number.parseInt(byte.toString(2).padStart(8, "0").split("").toReversed().join(""), 2)),
  );
  const cipher = createCipheriv("des-ede3-ecb", Buffer.concat([reversed, reversed, reversed]), null);
  cipher.setAutoPadding(false);
  return Buffer.concat([cipher.update(challenge), cipher.final()]);
}
