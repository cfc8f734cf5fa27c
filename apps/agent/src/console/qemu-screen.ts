import { once } from "node:events";
import { createConnection, type Socket } from "node:net";
import { joinServer } from "@sinter/rfb";
import type { DomainOutline } from "../vm/vm-observation.ts";

/** QEMU answers at once or not at all: its event loop may hang on a storage that is gone. */
const ANSWER_MS_MAX = 10_000;
/** Where libvirt keeps what belongs to running domains. */
export const LIBVIRT_DIRECTORY = "/var/lib/libvirt";

/** The socket of a running VM's VNC server, as libvirt names it; undefined: it has none of ours. */
export function screenSocketOf(domain: DomainOutline): string | undefined {
  const vnc = domain.devices?.graphics?.find(({ type }) => type === "vnc");
  return vnc?.listens?.find(({ type }) => type === "socket")?.socket ?? vnc?.socket;
}

/** QEMU's own RFB server, past its handshake. Its socket has no password: only root and QEMU's user get to it. */
export async function openQemuScreen(path: string): Promise<Socket> {
  const signal = AbortSignal.timeout(ANSWER_MS_MAX);
  const socket = createConnection({ path });
  try {
    await once(socket, "connect", { signal });
  } catch (error) {
    socket.destroy();
    throw error;
  }
  return await joinServer(socket, { signal });
}
