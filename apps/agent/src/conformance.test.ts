import { mkdir } from "node:fs/promises";
import { connectAgent } from "@sinter/agent-link";
import { describeAgent } from "@sinter/agent-link/testing";
import { silentLog } from "@sinter/kit";
import { runProgram } from "./programs.ts";
import { startAgent } from "./run.ts";
import { startTestHost, testLog } from "./testing/test-host.ts";

// Real libvirt, QEMU, Open vSwitch and files, over real TLS; guests are empty disks before which the firmware waits.
describeAgent("the node agent over TLS", async () => {
  await using parts = new AsyncDisposableStack();
  const host = parts.use(await startTestHost());
  const stop = new AbortController();
  const running = parts.use(
    await startAgent({ config: host.config(), identity: host.identity, signal: stop.signal, log: testLog }),
  );
  const port = connectAgent({
    hostUuid: host.identity.hostUuid,
    address: "127.0.0.1",
    port: running.port,
    tls: host.pki.manager,
    log: silentLog,
  });
  parts.defer(() => port.close());
  const datastorePaths = [await host.newDirectory(), await host.newDirectory()] as const;
  const owned = parts.move();
  return {
    port,
    datastorePaths,
    traits: { guestAgent: false, gates: true },
    async createImage({ datastorePath, name, virtualSizeBytes }) {
      const folder = `${datastorePath}/images`;
      await mkdir(folder, { recursive: true });
      await runProgram("qemu-img", [
        "create",
        "-q",
        "-f",
        "qcow2",
        `${folder}/${name}`,
        String(virtualSizeBytes),
      ]);
    },
    dispose: () => owned.disposeAsync(),
  };
});
