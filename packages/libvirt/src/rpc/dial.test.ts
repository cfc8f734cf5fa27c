import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { connect } from "../connection.ts";
import { AuthenticationError, NotConnectedError } from "../errors.ts";
import { type PrivateLibvirtd, startPrivateLibvirtd, tinyGuestXml } from "../testing/index.ts";
import type { TlsIdentity } from "./dial.ts";

const run = promisify(execFile);

/** An authority with a certificate for the daemon and one for a client, made by openssl. */
class Authority {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async create(): Promise<void> {
    const subject = ["-subj", "/CN=an authority", "-days", "2"];
    await this.#openssl("req", "-x509", ...newKey, "-keyout", "ca.key", "-out", "ca.pem", ...subject);
  }

  async issue(name: string, extensions: string): Promise<void> {
    await writeFile(this.path(`${name}.ext`), extensions);
    await this.#openssl(
      "req",
      ...newKey,
      "-keyout",
      `${name}.key`,
      "-out",
      `${name}.csr`,
      "-subj",
      `/CN=${name}`,
    );
    const authority = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2"];
    await this.#openssl(
      "x509",
      "-req",
      "-in",
      `${name}.csr`,
      ...authority,
      "-extfile",
      `${name}.ext`,
      "-out",
      `${name}.pem`,
    );
  }

  async identity(name: string): Promise<TlsIdentity> {
    const [ca, cert, key] = await Promise.all(
      ["ca.pem", `${name}.pem`, `${name}.key`].map((file) => readFile(this.path(file))),
    );
    return { ca: ca ?? "", cert: cert ?? "", key: key ?? "" };
  }

  path(file: string): string {
    return join(this.#directory, file);
  }

  async #openssl(...args: string[]): Promise<void> {
    await run("openssl", args, { cwd: this.#directory });
  }
}

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

async function freePort(): Promise<number> {
  const server = createServer();
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  const address = server.address();
  server.close();
  return typeof address === "object" && address ? address.port : 0;
}

describe("TLS to a real libvirtd", () => {
  let directory: string;
  let ours: Authority;
  let theirs: Authority;
  let libvirtd: PrivateLibvirtd;
  let port: number;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "libvirt-tls-"));
    ours = new Authority(directory);
    await ours.create();
    await ours.issue("server", "subjectAltName=IP:127.0.0.1,DNS:node-1\nextendedKeyUsage=serverAuth");
    await ours.issue("client", "extendedKeyUsage=clientAuth");
    theirs = new Authority(await mkdtemp(join(directory, "theirs-")));
    await theirs.create();
    await theirs.issue("client", "extendedKeyUsage=clientAuth");
    port = await freePort();
    libvirtd = await startPrivateLibvirtd({
      network: "host",
      listen: true,
      config: [
        "listen_tls = 1",
        'listen_addr = "127.0.0.1"',
        `tls_port = "${port}"`,
        `ca_file = "${ours.path("ca.pem")}"`,
        `cert_file = "${ours.path("server.pem")}"`,
        `key_file = "${ours.path("server.key")}"`,
        'tls_allowed_dn_list = ["CN=client"]',
      ],
    });
  });
  after(async () => {
    await libvirtd?.[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  const open = (tls: TlsIdentity) => connect({ endpoint: { host: "127.0.0.1", port, tls } });

  it("a certificate of the same authority is let in, and calls work", async () => {
    await using connection = await open(await ours.identity("client"));
    assert.equal(await connection.uri(), "qemu:///system");
  });

  it("many calls at once are all answered, without a ping to wake the daemon", async () => {
    const connection = await connect({
      endpoint: { host: "127.0.0.1", port, tls: await ours.identity("client") },
      keepalive: { intervalMs: 0 },
      callTimeoutMs: 5000,
    });
    const names = Array.from({ length: 100 }, (_, index) => `vm-${index}`);
    const found = await Promise.allSettled(names.map((name) => connection.domainByName(name)));
    for (const [index, result] of found.entries()) {
      assert.ok(
        result.status === "rejected" && String(result.reason).includes(`'vm-${index}'`),
        JSON.stringify(result),
      );
    }
    await connection.close();
  });

  it("packets larger than a TLS record arrive whole, both ways", async () => {
    await using connection = await open(await ours.identity("client"));
    const description = "x".repeat(1_000_000);
    const domain = await connection.defineDomain(tinyGuestXml("over-tls", { description }));
    assert.ok((await domain.xml()).includes(description));
    await domain.undefine();
  });

  it("the name to be shown may be another than the host", async () => {
    await using connection = await open({ ...(await ours.identity("client")), serverName: "node-1" });
    assert.ok(await connection.version());
    await assert.rejects(
      open({ ...(await ours.identity("client")), serverName: "node-2" }),
      AuthenticationError,
    );
  });

  const refused: [name: string, identity: () => Promise<TlsIdentity>][] = [
    ["a daemon whose authority we do not know", async () => theirs.identity("client")],
    ["no certificate", async () => ({ ca: (await ours.identity("client")).ca })],
    [
      "a certificate of another authority",
      async () => ({ ...(await theirs.identity("client")), ca: (await ours.identity("client")).ca }),
    ],
    ["a certificate that is not on the daemon's list", async () => ours.identity("server")],
  ];
  for (const [name, identity] of refused) {
    it(`refused: ${name}`, async () => {
      await assert.rejects(open(await identity()), AuthenticationError);
    });
  }

  it("a port that does not speak TLS is no libvirt", async () => {
    const plain = createServer((socket) => socket.end("hello\n")).listen(0, "127.0.0.1");
    await new Promise((resolve) => plain.once("listening", resolve));
    const { port: plainPort } = plain.address() as { port: number };
    const tls = await ours.identity("client");
    await assert.rejects(connect({ endpoint: { host: "127.0.0.1", port: plainPort, tls } }), (error) => {
      return error instanceof AuthenticationError || error instanceof NotConnectedError;
    });
    plain.close();
  });
});

describe("what a real libvirtd may ask of a client", () => {
  it("TCP without authentication works", async () => {
    const port = await freePort();
    await using libvirtd = await startPrivateLibvirtd({
      network: "host",
      listen: true,
      config: [
        "listen_tls = 0",
        "listen_tcp = 1",
        'auth_tcp = "none"',
        'listen_addr = "127.0.0.1"',
        `tcp_port = "${port}"`,
      ],
    });
    assert.ok(libvirtd.socketPath);
    await using connection = await connect(`test+tcp://127.0.0.1:${port}/default`);
    assert.equal((await connection.domains())[0]?.name, "test");
  });

  it("SASL is refused with the way out", async () => {
    const port = await freePort();
    await using libvirtd = await startPrivateLibvirtd({
      network: "host",
      listen: true,
      config: [
        "listen_tls = 0",
        "listen_tcp = 1",
        'auth_tcp = "sasl"',
        'listen_addr = "127.0.0.1"',
        `tcp_port = "${port}"`,
      ],
    });
    assert.ok(libvirtd.socketPath);
    await assert.rejects(connect(`qemu+tcp://127.0.0.1:${port}/system`), (error) => {
      return (
        error instanceof AuthenticationError && /asks for SASL.*TLS with certificates/.test(error.message)
      );
    });
  });

  it("polkit lets root in, and tells another user why not", async () => {
    await using libvirtd = await startPrivateLibvirtd({
      config: ['auth_unix_rw = "polkit"', 'unix_sock_rw_perms = "0777"'],
    });
    await using connection = await libvirtd.connect();
    assert.ok(await connection.version());
    await run("chmod", ["-R", "a+rX", libvirtd.directory]);
    const script = `
      import { connect } from ${JSON.stringify(new URL("../connection.ts", import.meta.url).href)};
      await connect({ endpoint: { socketPath: process.argv[1] } }).then(() => "in", (error) => error.name + ": " + error.message).then(console.log);
    `;
    const nobody = 65534;
    const child = spawn(process.execPath, ["--input-type=module", "--eval", script, libvirtd.socketPath], {
      uid: nobody,
      gid: nobody,
    });
    const [stdout, stderr] = await Promise.all([
      Array.fromAsync(child.stdout),
      Array.fromAsync(child.stderr),
    ]);
    assert.match(
      Buffer.concat(stdout as Buffer[]).toString(),
      /^AuthenticationError: .* asks polkit, which did not allow this user/,
      String(stderr),
    );
  });
});
