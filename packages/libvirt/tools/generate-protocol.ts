/**
 * Writes src/protocol/generated/protocol.ts from libvirt's own protocol description.
 *
 *   node tools/generate-protocol.ts <directory of the unpacked libvirt source>
 *
 * Only the procedures in selected-procedures.ts are written. libvirt never renumbers nor changes a layout, so
 * a table from one version is right for every later one.
 */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseErrorCodes, parseProtocol, renderProtocol } from "./protocol-description.ts";
import { SELECTED_QEMU, SELECTED_REMOTE, SELECTED_REMOTE_EVENTS } from "./selected-procedures.ts";

const source = process.argv[2];
if (!source) {
  console.error("usage: node tools/generate-protocol.ts <libvirt source directory>");
  process.exit(2);
}

const read = (path: string) => readFileSync(join(source, path), "utf8");
const version = /^\s*version: '([\d.]+)'/m.exec(read("meson.build"))?.[1];
if (!version) throw new Error("meson.build does not tell libvirt's version");

const remote = parseProtocol(read("src/remote/remote_protocol.x"), "remote");
const qemu = parseProtocol(read("src/remote/qemu_protocol.x"), "qemu");
const body = renderProtocol({
  remote,
  qemu,
  procedures: SELECTED_REMOTE,
  events: SELECTED_REMOTE_EVENTS,
  qemuProcedures: SELECTED_QEMU,
  errorCodes: parseErrorCodes(read("include/libvirt/virterror.h")),
});
const sha256 = createHash("sha256").update(body).digest("hex");
writeFileSync(
  new URL("../src/protocol/generated/protocol.ts", import.meta.url),
  `// Generated from libvirt ${version} (remote_protocol.x, qemu_protocol.x, virterror.h) by tools/generate-protocol.ts.\n` +
    `// Do not edit: sha256 of what follows is ${sha256}\n${body}`,
);
