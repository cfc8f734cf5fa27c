import { connectAgent } from "@sinter/agent-link";
import { type AgentUnderTest, createTestPki, describeAgent } from "@sinter/agent-link/testing";
import { GiB, silentLog } from "@sinter/kit";
import { serveSims, SimHost, simPort, SimStore } from "./index.ts";

const PATHS = ["/srv/one", "/srv/two"] as const;

function makeSim(hasGuest: boolean): SimHost {
  return new SimHost({
    // Slow enough for a copy to be cancelled in its middle.
    writeBytesPerSec: GiB,
    mounts: { [PATHS[0]]: new SimStore({ seed: "one" }), [PATHS[1]]: new SimStore({ seed: "two" }) },
    guest: hasGuest ? { bootMs: 50, stopMs: 20 } : { obeysStop: false, hasAgent: false, keepsDevices: true },
  });
}

function underTest(sim: SimHost, hasGuest: boolean): Omit<AgentUnderTest, "port" | "dispose"> {
  return {
    datastorePaths: PATHS,
    traits: { guestAgent: hasGuest, gates: false },
    createImage: async ({ datastorePath, name, virtualSizeBytes }) => {
      sim.mounts.get(datastorePath)?.addImage(name, virtualSizeBytes);
    },
  };
}

for (const hasGuest of [true, false]) {
  const guest = hasGuest ? "with guests" : "without guests";

  describeAgent(`simulated agent in process, ${guest},`, async () => {
    const sim = makeSim(hasGuest);
    const port = simPort(sim, { heartbeatMs: 100 });
    const dispose = async (): Promise<void> => {
      await port.close();
      sim.dispose();
    };
    return { ...underTest(sim, hasGuest), port, dispose };
  });

  describeAgent(`simulated agent over TLS, ${guest},`, async () => {
    const pki = await createTestPki();
    const sim = makeSim(hasGuest);
    const server = await serveSims([sim], { ca: pki.ca, heartbeatMs: 100 });
    const port = connectAgent({
      hostUuid: sim.hostUuid,
      address: "127.0.0.1",
      port: server.port,
      tls: pki.manager,
      log: silentLog,
    });
    const dispose = async (): Promise<void> => {
      await port.close();
      await server.close(0);
      sim.dispose();
    };
    return { ...underTest(sim, hasGuest), port, dispose };
  });
}
