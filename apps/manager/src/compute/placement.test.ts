import assert from "node:assert/strict";
import { test } from "node:test";
import { type Candidate, type Demand, place } from "./placement.ts";

const demand = (over: Partial<Demand> = {}): Demand => ({
  vcpus: 2,
  memoryMiB: 1024,
  cpuReservationMhz: 0,
  datastoreIds: [1],
  switchIds: [7],
  ...over,
});
const host = (hostId: number, over: Partial<Candidate> = {}): Candidate => ({
  hostId,
  isNormal: true,
  isMaintaining: false,
  threads: 8,
  mhz: 2000,
  memoryMiB: 16_384,
  usedVcpus: 0,
  usedMemoryMiB: 0,
  reservedMhz: 0,
  datastoreIds: new Set([1]),
  switchIds: new Set([7]),
  cpuLoad: undefined,
  ...over,
});
const chosen = (d: Demand, hosts: Candidate[]): number | string => {
  const result = place(d, hosts);
  return "hostId" in result ? result.hostId : result.refusal.code;
};

const cases: [string, Demand, Candidate[], number | string][] = [
  ["no host at all", demand(), [], "NO_HOST_AT_LOCATION"],
  ["only faulty hosts", demand(), [host(1, { isNormal: false })], "ALL_HOSTS_ABNORMAL"],
  ["only hosts in maintenance", demand(), [host(1, { isMaintaining: true })], "ALL_HOSTS_IN_MAINTENANCE"],
  ["datastore on no host", demand({ datastoreIds: [1, 2] }), [host(1)], "NO_STORAGE_AT_LOCATION"],
  [
    "datastores on different hosts",
    demand({ datastoreIds: [1, 2] }),
    [host(1), host(2, { datastoreIds: new Set([2]) })],
    "NO_STORAGE_AT_LOCATION",
  ],
  ["switch on no host", demand({ switchIds: [8] }), [host(1)], "NO_NETWORK_AT_LOCATION"],
  ["CMP-07: more vCPUs than the host has threads", demand({ vcpus: 9 }), [host(1)], "NOT_ENOUGH_CPU"],
  ["as many vCPUs as threads", demand({ vcpus: 8 }), [host(1)], 1],
  [
    "reservation beyond what is left",
    demand({ cpuReservationMhz: 2000 }),
    [host(1, { reservedMhz: 14_000 })],
    "NOT_ENOUGH_CPU",
  ],
  [
    "memory beyond what is left",
    demand({ memoryMiB: 8192 }),
    [host(1, { usedMemoryMiB: 8192 })],
    "NOT_ENOUGH_MEMORY",
  ],
  [
    "GEN-18: the host's own share is not given away",
    demand({ memoryMiB: 16_384 }),
    [host(1)],
    "NOT_ENOUGH_MEMORY",
  ],
  ["the emptier host", demand(), [host(1, { usedMemoryMiB: 4096 }), host(2)], 2],
  ["the host that measures less load", demand(), [host(1, { cpuLoad: 0.9 }), host(2, { cpuLoad: 0.1 })], 2],
  ["equal hosts: the lower id", demand(), [host(2), host(1)], 1],
  ["CMP-08: vCPUs beyond the threads of the host", demand({ vcpus: 4 }), [host(1, { usedVcpus: 8 })], 1],
  [
    "CMP-09: not beyond 4:1 while another fits",
    demand(),
    [host(1, { usedVcpus: 31 }), host(2, { usedVcpus: 20, usedMemoryMiB: 12_000 })],
    2,
  ],
  ["CMP-09: beyond 4:1 when nothing else is left", demand(), [host(1, { usedVcpus: 40 })], 1],
];
for (const [name, d, hosts, want] of cases) {
  test(`placement: ${name}`, () => assert.equal(chosen(d, hosts), want));
}

test("placement spreads many equal VMs evenly", () => {
  const used = new Map([1, 2, 3, 4].map((id) => [id, 0]));
  for (let i = 0; i < 40; i++) {
    const hosts = [...used].map(([id, n]) => host(id, { usedVcpus: n * 2, usedMemoryMiB: n * 1024 }));
    const id = chosen(demand(), hosts) as number;
    used.set(id, (used.get(id) ?? 0) + 1);
  }
  assert.deepEqual([...used.values()], [10, 10, 10, 10]);
});
