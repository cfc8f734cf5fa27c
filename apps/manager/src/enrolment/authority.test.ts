import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { chmod, mkdtemp, readFile, rm, stat } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { connect, createServer, type DetailedPeerCertificate } from "node:tls";
import { caFingerprint, certificateInfo, connectAgent } from "@sinter/agent-link";
import { serveSims, SimHost } from "@sinter/agent-sim";
import { type AppError, ManualClock, silentLog } from "@sinter/kit";
import { MANAGER_NAME } from "@sinter/southbound";
import { nextId } from "../database/ids.ts";
import { hostStore } from "../host/host.store.ts";
import { hostReport } from "../testing/host-report.ts";
import { type ManagerDatabase, managerDatabase } from "../testing/test-app.ts";
import { type AuthorityStoreOptions, createAuthorityStore, rotateCertificates } from "./index.ts";

const DAY_MS = 86_400_000;

interface World extends ManagerDatabase {
  readonly stateDir: string;
  readonly clock: ManualClock;
  open(more?: Partial<AuthorityStoreOptions>): ReturnType<typeof createAuthorityStore>;
}

async function authorityWorld(): Promise<World> {
  const stateDir = await mkdtemp(join(tmpdir(), "sinter-authority-"));
  const migrated = await managerDatabase();
  // Certificates are made by the time of the machine.
  const clock = new ManualClock(Date.now());
  return {
    ...migrated,
    stateDir,
    clock,
    open: (more = {}) =>
      createAuthorityStore({
        db: migrated.database.db,
        stateDir,
        serverNames: ["localhost", "127.0.0.1", "::1"],
        clock,
        log: silentLog,
        ...more,
      }),
    [Symbol.asyncDispose]: async () => {
      await migrated[Symbol.asyncDispose]();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}

describe("authority", () => {
  test("is made once, with keys that only the manager can read", async () => {
    await using world = await authorityWorld();
    const [first, second] = await Promise.all([world.open(), world.open()]);
    assert.equal(first.fingerprint, second.fingerprint, "two that start together agree");
    assert.equal((await world.open()).caPem, first.caPem);
    assert.equal(await readFile(first.caFile, "utf8"), first.caPem);
    for (const file of ["authority.pem", "server.pem", "manager.pem"]) {
      assert.equal((await stat(join(world.stateDir, "pki", file))).mode & 0o777, 0o600, file);
    }
    assert.equal((await stat(join(world.stateDir, "pki"))).mode & 0o777, 0o700);
    await chmod(join(world.stateDir, "pki", "authority.pem"), 0o644);
    await world.open();
    assert.equal(
      (await stat(join(world.stateDir, "pki", "authority.pem"))).mode & 0o777,
      0o600,
      "narrowed again",
    );
  });

  test("that is lost is not replaced in silence", async () => {
    await using world = await authorityWorld();
    const first = await world.open();
    await rm(join(world.stateDir, "pki"), { recursive: true });
    await assert.rejects(world.open(), (error: AppError) => error.code === "AUTHORITY_LOST");
    const next = await world.open({ acceptNewAuthority: true });
    assert.notEqual(next.fingerprint, first.fingerprint);
    assert.equal((await world.open()).fingerprint, next.fingerprint);
  });

  test("BAK-34: the server's certificate names hosts and addresses, and its chain ends in the authority", async () => {
    await using world = await authorityWorld();
    const authority = await world.open();
    const server = createServer({ ...authority.serverTls(), minVersion: "TLSv1.2" }, (socket) =>
      socket.end(),
    );
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      const { port } = server.address() as AddressInfo; // listening on TCP
      for (const host of ["127.0.0.1", "localhost"]) {
        const socket = connect({
          port,
          host,
          ca: authority.caPem,
          ...(host === "localhost" ? { servername: host } : {}),
        });
        await once(socket, "secureConnect");
        assert.equal(socket.authorized, true, host);
        const peer: DetailedPeerCertificate = socket.getPeerCertificate(true);
        const root = new X509Certificate(peer.issuerCertificate.raw).toString();
        assert.equal(
          caFingerprint(root),
          authority.fingerprint,
          "an agent finds the fingerprint of its token",
        );
        socket.destroy();
      }
    } finally {
      server.close();
    }
  });

  test("own certificates are renewed in the last third of their life, and when the names change", async () => {
    await using world = await authorityWorld();
    const authority = await world.open({ certificateDays: 90 });
    const [server, manager] = [authority.serverTls(), authority.managerTls()];
    assert.deepEqual(certificateInfo(manager.cert).dnsNames, [MANAGER_NAME]);
    const renewed: string[] = [];
    const stop = authority.onServerRenewed(({ cert }) => renewed.push(cert));
    world.clock.advance(59 * DAY_MS);
    await authority.renew();
    assert.deepEqual(renewed, []);
    assert.equal(authority.managerTls(), manager, "the same object while it is the same");
    world.clock.advance(2 * DAY_MS);
    await authority.renew();
    assert.equal(renewed.length, 1);
    assert.notEqual(authority.serverTls().cert, server.cert);
    assert.notEqual(authority.managerTls().key, manager.key, "with a new key");
    stop();
    const again = await world.open({ serverNames: ["manager.example", "10.0.0.5"], certificateDays: 90 });
    const info = certificateInfo(again.serverTls().cert);
    assert.deepEqual([info.dnsNames, info.ipAddresses], [["manager.example"], ["10.0.0.5"]]);
  });
});

describe("certificates of hosts", () => {
  test("are renewed over mutual TLS in the last third of their life, by hosts that are connected", async () => {
    await using world = await authorityWorld();
    const authority = await world.open({ certificateDays: 90 });
    const { db } = world.database;
    const sims = ["a", "b", "c"].map((seed) => new SimHost({ seed }));
    const served = await serveSims(sims, {});
    const clients = new Map<number, ReturnType<typeof connectAgent>>();
    try {
      for (const sim of sims) {
        const { csr } = await sim.api.beginRotation({}, { signal: new AbortController().signal });
        const { certificatePem, notAfter } = await authority.issueForHost(csr, sim.hostUuid);
        await sim.api.finishRotation(
          { certificate: certificatePem, ca: authority.caPem },
          { signal: new AbortController().signal },
        );
        const id = await nextId(db);
        const report = hostReport(sim.hostUuid);
        const address = { address: "127.0.0.1", port: served.port };
        await hostStore(db).insert({
          id,
          uuid: sim.hostUuid,
          name: "h",
          ...address,
          report,
          certificateNotAfter: notAfter,
        });
        clients.set(
          id,
          connectAgent({ hostUuid: sim.hostUuid, ...address, tls: authority.managerTls, log: silentLog }),
        );
      }
      const [one = 0, two = 0, away = 0] = clients.keys();
      const agent = (hostId: number) => {
        const client = clients.get(hostId);
        if (!client) throw new Error(`There is no host ${hostId}.`);
        return client;
      };
      const parts = { db, authority, agent, clock: world.clock, log: silentLog };
      const rotate = () => rotateCertificates({ ...parts, isConnected: (hostId) => hostId !== away });
      const serials = () => sims.map((sim) => certificateInfo(sim.identity?.cert ?? "").serial);
      const before = serials();
      assert.deepEqual(await rotate(), [], "none is due");
      const soon = new Date(world.clock.now() + 29 * DAY_MS);
      for (const hostId of clients.keys()) await hostStore(db).update(hostId, { certificateNotAfter: soon });
      sims[1]?.faults.fail("finishRotation", new Error("lost"), { times: 1 });
      assert.deepEqual(await rotate(), [one], "one fails, one is away");
      assert.deepEqual(await rotate(), [two], "the next round is the retry");
      assert.deepEqual(await rotate(), [], "and then there is nothing to do");
      const after = serials();
      assert.notEqual(after[0], before[0]);
      assert.notEqual(after[1], before[1]);
      assert.equal(after[2], before[2], "who was away keeps the old one");
      assert.equal(
        (await agent(one).getHost({})).hostUuid,
        sims[0]?.hostUuid,
        "and is served under the new one",
      );
    } finally {
      await Promise.all([...clients.values()].map((client) => client.close()));
      await served.close();
    }
  });
});
