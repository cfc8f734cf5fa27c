import { after, before, describe } from "node:test";
import { AgentBench, type AgentUnderTest } from "./conformance/agent-bench.ts";
import { describeConcurrency } from "./conformance/concurrency.ts";
import { describeConsoles } from "./conformance/consoles.ts";
import { describeDatastores } from "./conformance/datastores.ts";
import { describeDefinition } from "./conformance/definition.ts";
import { describeDevices } from "./conformance/devices.ts";
import { describeDisks } from "./conformance/disks.ts";
import { describeEvents } from "./conformance/events.ts";
import { describeHost } from "./conformance/host.ts";
import { describeLeases } from "./conformance/leases.ts";
import { describeMedia } from "./conformance/media.ts";
import { describePower } from "./conformance/power.ts";
import { describeSnapshots } from "./conformance/snapshots.ts";
import { describeSwitches } from "./conformance/switches.ts";
import { describeVolumes } from "./conformance/volumes.ts";

export type { AgentUnderTest } from "./conformance/agent-bench.ts";

/**
 * The contract between manager and agent as tests. The real agent and the simulated one pass the same ones, in
 * process and over TLS; an agent is done when it does. Each test works on objects of its own and removes them, so
 * that an agent which already runs other VMs may be tested too.
 *
 *     describeAgent("simulated agent", async () => ({ port, dispose, ... }));
 */
export function describeAgent(name: string, makeAgent: () => Promise<AgentUnderTest>): void {
  describe(`${name} keeps the contract`, () => {
    // Filled before the first test; the groups below only read it inside tests.
    const bench = new AgentBench();
    before(async () => {
      bench.use(await makeAgent());
      await bench.prepare();
    });
    after(async () => {
      await bench.dispose();
    });

    describe("host", () => describeHost(bench));
    describe("definition", () => describeDefinition(bench));
    describe("power", () => describePower(bench));
    describe("consoles", () => describeConsoles(bench));
    describe("devices", () => describeDevices(bench));
    describe("datastores", () => describeDatastores(bench));
    describe("volumes", () => describeVolumes(bench));
    describe("leases", () => describeLeases(bench));
    describe("changes of disks", () => describeDisks(bench));
    describe("snapshots", () => describeSnapshots(bench));
    describe("media", () => describeMedia(bench));
    describe("switches", () => describeSwitches(bench));
    describe("events", () => describeEvents(bench));
    describe("many callers at once", () => describeConcurrency(bench));
  });
}
