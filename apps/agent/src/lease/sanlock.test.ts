import assert from "node:assert/strict";
import { test } from "node:test";
import { sanlockPlace } from "./lease-paths.ts";
import { parseHeartbeatAges, parseLockspaces, parseRecords } from "./sanlock.ts";

test("VIM-06: reads who keeps a place alive from sanlock's own words", () => {
  const lockspaces = parseLockspaces(`s ab05c343-c058:1:/srv/a\\:b/.sinter-lockspace:0 
h 1 gen 1 timestamp 16807 LIVE
h 2 gen 3 timestamp 16787 UNKNOWN
h 7 gen 1 timestamp 0 FREE
h 8 gen 1 timestamp 10 FAIL
h 9 gen 1 timestamp 10 DEAD
s another:2:/srv/c/.sinter-lockspace:0 ADD
`);
  assert.deepEqual(lockspaces.get("ab05c343-c058"), {
    name: "ab05c343-c058",
    hostId: 1,
    change: null,
    hosts: [
      { hostId: 1, state: "live" },
      { hostId: 2, state: "unknown" },
      { hostId: 8, state: "failing" },
      { hostId: 9, state: "dead" },
    ],
  });
  assert.equal(lockspaces.get("another")?.change, "joining");
  assert.equal(parseLockspaces("").size, 0);
});

test("VIM-06: the age of a heartbeat is that of the last one that got through", () => {
  const ages = parseHeartbeatAges(`daemon 65d0d443
    use_watchdog=0
    monotime=15941
p 197 a VM
    monotime=1
s one:1:/srv/ls:0
    io_timeout=2
    renewal_last_attempt=15939
    renewal_last_success=15929
s new:1:/srv/ls2:0
    renewal_last_success=0
`);
  assert.deepEqual([...ages], [["one", 12]]);
});

test("reads the owner of a lease, and the names of hosts in a lockspace", () => {
  const head = "  offset                  lockspace                    resource  timestamp  own  gen lver";
  assert.deepEqual(parseRecords(`${head}\n00000000 0f0e-1 11111111-2222 0000015920 0001 0001 1\n\n`), [
    { name: "11111111-2222", timestampS: 15920, hostId: 1 },
  ]);
  assert.deepEqual(parseRecords(`${head}\n00000512 0f0e-1 ca9ecaba-987f 0000015898 0002 0001\n`), [
    { name: "ca9ecaba-987f", timestampS: 15898, hostId: 2 },
  ]);
  assert.deepEqual(parseRecords(head), []);
});

test("a colon in a path does not end it", () => {
  assert.equal(sanlockPlace("ls", "vm", "/srv/a:b\\c"), "ls:vm:/srv/a\\:b\\\\c:0");
});
