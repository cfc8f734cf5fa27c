import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { it } from "node:test";
import { parseProtocol, renderProtocol } from "../../tools/protocol-description.ts";
import { SELECTED_QEMU, SELECTED_REMOTE, SELECTED_REMOTE_EVENTS } from "../../tools/selected-procedures.ts";
import { ERROR_CODES, QEMU_PROCEDURES, REMOTE_EVENTS, REMOTE_PROCEDURES } from "./generated/protocol.ts";

it("the generated tables were not edited by hand", () => {
  const text = readFileSync(new URL("generated/protocol.ts", import.meta.url), "utf8");
  const [, second = ""] = text.split("\n", 2);
  const body = text.split("\n").slice(2).join("\n");
  assert.match(
    second,
    new RegExp(`sha256 of what follows is ${createHash("sha256").update(body).digest("hex")}$`),
  );
});

it("the generated tables hold what is selected, neither more nor less", () => {
  assert.deepEqual(Object.keys(REMOTE_PROCEDURES), [...SELECTED_REMOTE]);
  assert.deepEqual(Object.keys(QEMU_PROCEDURES), [...SELECTED_QEMU]);
  assert.deepEqual(Object.keys(REMOTE_EVENTS), [...SELECTED_REMOTE_EVENTS]);
});

it("numbers everybody knows are right", () => {
  assert.equal(REMOTE_PROCEDURES.connectOpen.number, 1);
  assert.equal(REMOTE_PROCEDURES.domainLookupByName.number, 23);
  assert.equal(ERROR_CODES.NO_DOMAIN, 42);
  assert.equal(ERROR_CODES.OPERATION_INVALID, 55);
});

it("the generator reads the dialect of libvirt's protocol descriptions", () => {
  const description = `
    const REMOTE_PROGRAM = 0x20008086;
    const REMOTE_NAMES_MAX = 12;
    /* A thing. */
    struct remote_nonnull_thing {
        remote_nonnull_string name;
        remote_uuid uuid;
    };
    struct remote_thing_do_args {
        remote_nonnull_thing thing; /* insert@1 */
        remote_nonnull_string names<REMOTE_NAMES_MAX>;
        opaque blob<16>;
        char model[8];
        unsigned hyper big_size;
        remote_string maybe;
    };
    struct remote_thing_do_ret { int callbackID; };
    struct remote_thing_happened_msg { remote_nonnull_thing thing; };
    enum remote_procedure {
    /**
     * @generate: both
     * @priority: high
     * @acl: none
     */
    REMOTE_PROC_THING_DO = 5,

    /**
     * @generate: both
     * @readstream: 1
     */
    REMOTE_PROC_THING_READ = 6,

    /**
     * @generate: both
     */
    REMOTE_PROC_THING_HAPPENED = 7
    };`.replaceAll(/^ {4}/gm, "");
  const remote = parseProtocol(description, "remote");
  const qemu = parseProtocol("const QEMU_PROGRAM = 0x20008087;\n", "qemu");
  const text = renderProtocol({
    remote,
    qemu,
    procedures: ["thingDo", "thingRead"],
    events: ["thingHappened"],
    qemuProcedures: [],
    errorCodes: new Map([["NO_THING", 3]]),
  });
  assert.match(text, /export const thing = struct\(\{ name: string, uuid: uuid \}\);/);
  assert.match(
    text,
    /thingDo: \{ number: 5, highPriority: true, args: struct\(\{ thing: thing, names: array\(string, 12\), blob: bytes\(16\), model: charArray\(8\), bigSize: u64, maybe: optional\(string\) \}\), reply: struct\(\{ callbackId: i32 \}\) \},/,
  );
  assert.match(text, /thingRead: \{ number: 6, stream: true, args: nothing, reply: nothing \},/);
  assert.match(text, /thingHappened: \{ number: 7, message: struct\(\{ thing: thing \}\) \},/);
  assert.throws(
    () =>
      renderProtocol({
        remote,
        qemu,
        procedures: ["thingUndo"],
        events: [],
        qemuProcedures: [],
        errorCodes: new Map(),
      }),
    /no procedure thingUndo/,
  );
});
