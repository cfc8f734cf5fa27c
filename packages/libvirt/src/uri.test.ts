import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parseUri, resolveTarget } from "./uri.ts";

describe("libvirt URIs", () => {
  const cases: [uri: string, endpoint: unknown, driver: string][] = [
    ["qemu+unix:///system?socket=/tmp/a.sock", { socketPath: "/tmp/a.sock" }, "qemu:///system"],
    ["test+unix:///default?socket=/tmp/a.sock", { socketPath: "/tmp/a.sock" }, "test:///default"],
    ["qemu+tcp://host/system", { host: "host" }, "qemu:///system"],
    ["qemu+tcp://user@host:1234/system", { host: "host", port: 1234 }, "qemu:///system"],
    ["qemu+tcp://[fe80::1]:16509/system", { host: "fe80::1", port: 16509 }, "qemu:///system"],
    ["qemu+tcp://host/?name=test:///default", { host: "host" }, "test:///default"],
    ["qemu+unix://?socket=/a%20b", { socketPath: "/a b" }, "qemu:///"],
  ];
  for (const [uri, endpoint, driver] of cases) {
    it(uri, async () => assert.deepEqual(await parseUri(uri), { endpoint, driver }));
  }

  for (const uri of ["", "qemu", "qemu:/system", "qemu+ssh://host/system", "qemu+tcp://host:port/system"]) {
    it(`refuses ${JSON.stringify(uri)}`, async () => {
      await assert.rejects(parseUri(uri), TypeError);
    });
  }

  it("reads the certificates of pkipath, with and without one of our own", async () => {
    const directory = await mkdtemp(join(tmpdir(), "libvirt-pki-"));
    try {
      await writeFile(join(directory, "cacert.pem"), "authority");
      const uri = `qemu://host/system?pkipath=${directory}`;
      assert.deepEqual((await parseUri(uri)).endpoint, {
        host: "host",
        tls: { ca: Buffer.from("authority") },
      });
      await writeFile(join(directory, "clientcert.pem"), "certificate");
      await writeFile(join(directory, "clientkey.pem"), "key");
      assert.deepEqual((await parseUri(uri)).endpoint, {
        host: "host",
        tls: { ca: Buffer.from("authority"), cert: Buffer.from("certificate"), key: Buffer.from("key") },
      });
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it("an endpoint needs no URI", async () => {
    const endpoint = { socketPath: "/a" };
    assert.deepEqual(await resolveTarget({ endpoint }), { endpoint, driver: "qemu:///system" });
    assert.deepEqual(await resolveTarget({ endpoint, driver: "test:///default" }), {
      endpoint,
      driver: "test:///default",
    });
  });
});
