import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import { describe, test } from "node:test";
import { ManualClock, waitFor } from "@sinter/kit";
import { SessionAnswer } from "@sinter/northbound";
import { Check } from "typebox/value";
import { TEST_PASSWORD, type TestApp, testApp, testAppOn } from "../testing/test-app.ts";
import { keyOfPassword } from "./password.ts";

const HASH = keyOfPassword(TEST_PASSWORD);
const TOKEN = /^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}[0-9]$/;

type Headers = Record<string, string>;
const credentials = (key: string): Headers => ({ "X-Auth-User": "admin", "X-Auth-Key": key });

/** Logins as clients send them (contract 1.3 to 1.5); the body too, where they send one. */
const CLIENTS: Record<string, { headers: Headers; payload?: string }> = {
  "kubeoperator-go, terraform, lawyzheng-go": { headers: { ...credentials(HASH), "X-Auth-Usertype": "2" } },
  "esdk-java, zabbix": {
    headers: {
      ...credentials(HASH),
      Accept: "application/json;version=6.0;charset=UTF-8;",
      "Accept-Language": "zh_CN",
      "User-Agent": "Restlet-Framework/2.2.1",
    },
  },
  "tanson-csharp": {
    headers: {
      ...credentials(HASH),
      Accept: "application/json;version=6.3;charset=UTF-8",
      "Accept-Language": "zh_CN",
      "Content-Type": "application/json;charset=UTF-8",
    },
    payload: "{}",
  },
  nova: {
    headers: {
      ...credentials(TEST_PASSWORD),
      "X-Auth-UserType": "2",
      "X-ENCRIPT-ALGORITHM": "1",
      Accept: "application/json;version=6.0;charset=UTF-8",
      "Accept-Language": "en_US",
      "Content-Type": "application/json",
    },
    payload: "{}",
  },
  cinder: {
    headers: {
      ...credentials(HASH),
      "X-Auth-UserType": "2",
      Accept: "application/json;charset=UTF-8",
      "Content-Type": "application/json;charset=UTF-8",
    },
    payload: "{}",
  },
  "lpar2rrd-perl": { headers: { ...credentials(HASH), Accept: "application/json;version=v8.0" } },
  "commvault-python": {
    headers: {
      ...credentials(HASH),
      "X-Auth-UserType": "0",
      "X-Auth-AuthType": "0",
      Accept: "application/json;charset=UTF-8",
      "Content-Type": "application/json; charset=UTF-8",
    },
    payload: "null",
  },
  "cloudpods-go": {
    headers: {
      ...credentials(TEST_PASSWORD),
      "X-Auth-UserType": "0",
      "X-ENCRIPT-ALGORITHM": "1",
      Accept: "application/json;version=6.0;charset=UTF-8",
    },
  },
  "hwy-python": {
    headers: {
      ...credentials(HASH),
      "X-ENCRIPT-ALGORITHM": "0",
      Accept: "application/json;version=v6.3;charset=UTF-8",
      "Content-Type": "application/json; charset=UTF-8",
    },
    payload: "",
  },
  "xqplus-java": {
    headers: {
      ...credentials(HASH),
      Accept: "application/json;version=v6.5;charset=UTF-8",
      "Accept-Language": "zh-CN",
    },
  },
  "tangula-go, with its misspelt content type": {
    headers: {
      ...credentials(TEST_PASSWORD),
      "X-ENCRIPT-ALGORITHM": "1",
      Accept: "application/json;charset=UTF-8;version=v8.0",
      "Content-Type": "appilcation/json;charset=UTF-8",
    },
    payload: "{}",
  },
  "a tool that spells the header right": {
    headers: { ...credentials(TEST_PASSWORD), "X-ENCRYPT-ALGORITHM": "1" },
  },
  "a tool that sends the hash in upper case": { headers: credentials(HASH.toUpperCase()) },
  "a tool with an unknown user type and another case of the name": {
    headers: { "X-Auth-User": "ADMIN", "X-Auth-Key": HASH, "X-Auth-UserType": "7" },
  },
};

const login = (world: TestApp, headers: Headers, payload?: string) =>
  world.app.inject({
    method: "POST",
    url: "/service/session",
    headers,
    ...(payload === undefined ? {} : { payload }),
  });

const codeOf = async (world: TestApp, headers: Headers): Promise<string> => {
  const answer = await login(world, headers);
  return answer.statusCode === 200 ? "ok" : answer.json<{ errorCode: string }>().errorCode;
};

const keyed = (user: string, password: string, more: Headers = {}): Headers => ({
  "X-Auth-User": user,
  "X-Auth-Key": keyOfPassword(password),
  ...more,
});

describe("login", () => {
  test("GET /service/versions needs no login; two numeric parts, the newest last", async () => {
    await using world = await testApp();
    const answer = await world.app.inject({ method: "GET", url: "/service/versions" });
    assert.equal(answer.statusCode, 200);
    const { versions } = answer.json<{ versions: { version: string; loginUri: string }[] }>();
    const numbers = versions.map(({ version }) => Number(/^v(\d+\.\d+)$/.exec(version)?.[1]));
    assert.deepEqual(
      numbers,
      numbers.toSorted((a, b) => a - b),
    );
    assert.ok(numbers.every((number) => number > 0));
    assert.ok(versions.every(({ loginUri }) => loginUri === "/service/session"));
  });

  test("PUB-06, API-02: every client's headers log in", async (t) => {
    await using world = await testApp();
    for (const [client, { headers, payload }] of Object.entries(CLIENTS)) {
      await t.test(client, async () => {
        const answer = await login(world, headers, payload);
        assert.equal(answer.statusCode, 200, answer.body);
        const token = String(answer.headers["x-auth-token"]);
        assert.match(token, TOKEN);
        const used = await world.app.inject({
          method: "GET",
          url: "/service/users",
          headers: { "x-auth-token": token },
        });
        assert.equal(used.statusCode, 200);
      });
    }
  });

  test("the answer has the contract's fields, and never the text errorCode", async () => {
    await using world = await testApp({ identity: { sessionValidityMs: 600_000 } });
    const answer = await login(world, credentials(HASH));
    const body = answer.json<SessionAnswer>();
    assert.ok(Check(SessionAnswer, body), answer.body);
    assert.equal(body.validity, 600_000);
    assert.equal(body.userName, "admin");
    assert.deepEqual([body.roleList, body.privilegeIds, body.rightType], [["administrator"], [], 1]);
    assert.doesNotMatch(answer.body, /errorCode/);
    assert.equal(answer.headers["content-length"], String(Buffer.byteLength(answer.body)));
    assert.doesNotMatch(answer.body, /\n|": /);
    await world.loginAs("readonly");
    const lesser = await login(world, keyed("test-readonly", TEST_PASSWORD));
    assert.ok(lesser.json<SessionAnswer>().privilegeIds.length > 0, "lists what the user may not");
  });

  test("wrong password and unknown user are one answer: 400, 10100103", async () => {
    await using world = await testApp({ identity: { lockout: { tries: 0 } } });
    const cases: Record<string, Headers> = {
      "wrong password": keyed("admin", "Wrong-Horse7"),
      "unknown user": keyed("nobody", TEST_PASSWORD),
      "no key": { "X-Auth-User": "admin" },
      "no user": { "X-Auth-Key": HASH },
      "no headers": {},
      "plain password without the algorithm": credentials(TEST_PASSWORD),
      "plain password with algorithm 0": { ...credentials(TEST_PASSWORD), "X-ENCRIPT-ALGORITHM": "0" },
      "hash with algorithm 1": { ...credentials(HASH), "X-ENCRIPT-ALGORITHM": "1" },
      "a local user as domain user": { ...credentials(HASH), "X-Auth-UserType": "1" },
      "SQL in the name": keyed("admin' or '1'='1", TEST_PASSWORD),
      "SQL in the key": { "X-Auth-User": "admin", "X-Auth-Key": "' or 1=1 --" },
      "a long name": keyed("a".repeat(5_000), TEST_PASSWORD),
      "a path": keyed("../../etc/passwd", TEST_PASSWORD),
    };
    const bodies = new Set<string>();
    for (const [name, headers] of Object.entries(cases)) {
      const answer = await login(world, headers);
      assert.equal(answer.statusCode, 400, name);
      assert.equal(answer.headers["x-auth-token"], undefined, name);
      bodies.add(answer.body);
    }
    assert.equal(bodies.size, 1, "all read the same");
    assert.equal(JSON.parse([...bodies][0] ?? "").errorCode, "10100103");
  });

  test("a user name in UTF-8 logs in, also as Latin-1 bytes", async () => {
    await using world = await testApp();
    const token = await world.login();
    for (const userName of ["李雷", "müller"]) {
      const made = await world.app.inject({
        method: "POST",
        url: "/service/users",
        headers: { "x-auth-token": token },
        payload: { userName, userType: "2", password: TEST_PASSWORD, roles: ["readonly"] },
      });
      assert.equal(made.statusCode, 200, made.body);
      // As it stands in the bytes on the line, which Node reads as Latin-1.
      const bytes = Buffer.from(userName, "utf8").toString("latin1");
      assert.equal(await codeOf(world, keyed(bytes, TEST_PASSWORD)), "ok");
    }
    assert.equal(await codeOf(world, keyed("müller", TEST_PASSWORD)), "ok", "Latin-1");
  });

  test("the time of an answer does not tell whether the user exists", async () => {
    await using world = await testApp({
      identity: { lockout: { tries: 0 }, passwordCost: { log2N: 13, r: 8, p: 1 } },
    });
    const token = await world.login();
    await world.app.inject({
      method: "POST",
      url: "/service/users",
      headers: { "x-auth-token": token },
      payload: { userName: "existing", userType: "2", password: TEST_PASSWORD, roles: ["readonly"] },
    });
    const times: Record<string, number[]> = { existing: [], missing: [] };
    for (let round = 0; round < 15; round++) {
      for (const [name, taken] of Object.entries(times)) {
        const startedAt = performance.now();
        assert.equal(await codeOf(world, keyed(name, `Wrong-Horse${round}`)), "10100103");
        taken.push(performance.now() - startedAt);
      }
    }
    const ratio = median(times.existing) / median(times.missing);
    // Without the derivation for missing users the ratio is above 5.
    assert.ok(ratio > 0.5 && ratio < 2, `ratio of the medians ${ratio.toFixed(2)}`);
  });

  test("fifty workers log in at once, each with a session of its own", async (t) => {
    await using world = await testApp({ identity: { passwordCost: { log2N: 15, r: 8, p: 1 } } });
    const startedAt = performance.now();
    const answers = await Promise.all(Array.from({ length: 50 }, () => login(world, credentials(HASH))));
    t.diagnostic(`50 logins of one user: ${Math.round(performance.now() - startedAt)} ms`);
    assert.deepEqual(new Set(answers.map(({ statusCode }) => statusCode)), new Set([200]));
    const tokens = answers.map((answer) => String(answer.headers["x-auth-token"]));
    assert.equal(new Set(tokens).size, 50);
    const users = await Promise.all(tokens.map((token) => world.identity.authenticate(token)));
    assert.ok(users.every((actor) => actor?.userName === "admin"));
  });

  test("Get with a body, POST without length: bytes on the line as esdk-java sends them", async () => {
    await using world = await testApp();
    await world.app.listen({ host: "127.0.0.1", port: 0 });
    const { port } = world.app.server.address() as AddressInfo; // listening on TCP
    const answer = await exchange(
      port,
      `POST /service/session HTTP/1.1\r\nAccept: application/json;version=6.0;charset=UTF-8;\r\nAccept-Language: zh_CN\r\n` +
        `User-Agent: Restlet-Framework/2.2.1\r\nX-Auth-User: admin\r\nX-Auth-Key: ${HASH}\r\nCache-Control: no-cache\r\n` +
        `Host: x\r\nConnection: keep-alive\r\n\r\n`,
    );
    assert.match(answer, /^HTTP\/1\.1 200 /);
    const token = /^x-auth-token: (\S+)/im.exec(answer)?.[1] ?? "";
    assert.match(token, TOKEN);
    assert.match(answer, /^content-length: \d+/im);
    const list = await exchange(
      port,
      `GET /service/users HTTP/1.1\r\nHost: x\r\nX-Auth-Token: ${token}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`,
    );
    assert.match(list, /^HTTP\/1\.1 200 /, "nova sends a body with every GET");
  });
});

function median(list: readonly number[] = []): number {
  return list.toSorted((a, b) => a - b)[list.length >> 1] ?? 0;
}

/** Sends bytes and reads one answer: up to the length that its header names. */
async function exchange(port: number, text: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  try {
    socket.write(text);
    let answer = "";
    for (;;) {
      const [chunk] = (await once(socket, "data", { signal: AbortSignal.timeout(10_000) })) as [Buffer];
      answer += chunk.toString("utf8");
      const end = answer.indexOf("\r\n\r\n");
      const length = Number(/^content-length: (\d+)/im.exec(answer)?.[1] ?? Number.NaN);
      if (end >= 0 && Buffer.byteLength(answer.slice(end + 4)) >= length) return answer;
    }
  } finally {
    socket.destroy();
  }
}

describe("lock-out", () => {
  const MINUTE = 60_000;

  test("five wrong passwords lock for five minutes, and say so with the contract's codes", async () => {
    const clock = new ManualClock();
    await using world = await testApp({ clock });
    const wrong = keyed("admin", "Wrong-Horse7");
    const codes: string[] = [];
    for (let attempt = 0; attempt < 5; attempt++) codes.push(await codeOf(world, wrong));
    assert.deepEqual(codes, ["10100103", "10100103", "10100103", "10100103", "10100113"]);
    assert.equal(await codeOf(world, credentials(HASH)), "10100116", "the right password does not help");
    clock.advance(5 * MINUTE - 1);
    assert.equal(await codeOf(world, credentials(HASH)), "10100116");
    clock.advance(1);
    assert.equal(await codeOf(world, credentials(HASH)), "ok");
    for (let attempt = 0; attempt < 4; attempt++) assert.equal(await codeOf(world, wrong), "10100103");
    assert.equal(await codeOf(world, credentials(HASH)), "ok", "the count began anew");
    for (let attempt = 0; attempt < 4; attempt++) assert.equal(await codeOf(world, wrong), "10100103");
  });

  test("a name that nobody has is locked in the same way", async () => {
    const clock = new ManualClock();
    await using world = await testApp({ clock });
    const codes: string[] = [];
    for (let attempt = 0; attempt < 6; attempt++) codes.push(await codeOf(world, keyed("nobody", "x")));
    assert.deepEqual(codes.slice(3), ["10100103", "10100113", "10100116"]);
    clock.advance(5 * MINUTE);
    assert.equal(await codeOf(world, keyed("nobody", "x")), "10100103");
  });

  test("a restart of the manager forgets neither the count nor the lock", async () => {
    const clock = new ManualClock();
    await using world = await testApp({ clock });
    for (let attempt = 0; attempt < 4; attempt++) await codeOf(world, keyed("admin", "Wrong-Horse7"));
    const restart = () => testAppOn({ ...world, name: world.databaseName }, { clock });
    await using restarted = await restart();
    assert.equal(await codeOf(restarted, keyed("admin", "Wrong-Horse8")), "10100113");
    await using again = await restart();
    assert.equal(await codeOf(again, credentials(HASH)), "10100116");
  });

  test("guesses that arrive together are not more guesses", async () => {
    const clock = new ManualClock();
    await using world = await testApp({ clock });
    const codes = await Promise.all(
      Array.from({ length: 40 }, (_, index) => codeOf(world, keyed("admin", `Wrong-Horse${index}`))),
    );
    const counts = Object.groupBy(codes, (code) => code);
    assert.equal(counts["10100103"]?.length, 4);
    assert.equal(counts["10100113"]?.length, 1);
    assert.equal(counts["10100116"]?.length, 35);
  });

  test("a client address that keeps failing waits longer and longer, whichever names it tries", async () => {
    const clock = new ManualClock();
    await using world = await testApp({
      clock,
      identity: { throttle: { free: 3, firstDelayMs: 1_000, waitingMax: 2 } },
    });
    for (let attempt = 0; attempt < 3; attempt++) await codeOf(world, keyed(`name${attempt}`, "x"));
    const codes: string[] = [];
    const all = [4, 5, 6].map(
      async (index) => void codes.push(await codeOf(world, keyed(`name${index}`, "x"))),
    );
    await waitFor("the refusal of the third", () => (codes.length > 0 ? true : undefined), {
      timeoutMs: 20_000,
      intervalMs: 5,
    });
    assert.deepEqual(codes, ["10000006"], "only two may wait");
    const other = await world.app.inject({
      method: "POST",
      url: "/service/session",
      headers: credentials(HASH),
      remoteAddress: "10.9.8.7",
    });
    assert.equal(other.statusCode, 200, "others are not slowed down");
    assert.equal(codes.length, 1);
    clock.advance(1_000);
    await Promise.all(all);
    assert.deepEqual(codes, ["10000006", "10100103", "10100103"]);
  });
});
