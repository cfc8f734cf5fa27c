import assert from "node:assert/strict";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { refuse } from "@sinter/client/testing";
import { contextsPath } from "./context/contexts.ts";
import { logIn, run } from "./testing/run.ts";
import { startWorld, type World } from "./testing/world.ts";

async function contextsOf(world: World) {
  return JSON.parse(await readFile(contextsPath({ HOME: world.home }), "utf8"));
}

test("login keeps address, trust and token for the owner alone, and no password", async () => {
  await using world = await startWorld();
  await logIn(world);
  const path = contextsPath({ HOME: world.home });
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  const text = await readFile(path, "utf8");
  assert.ok(!text.includes(world.server.password));
  const { current, contexts } = JSON.parse(text);
  assert.equal(current, "127.0.0.1");
  assert.equal(contexts[current].url, world.server.url);
  assert.equal(contexts[current].userName, "admin");
  assert.equal((await run(world, ["vm", "ls"])).code, 0);
});

test("the password comes from a file or standard input, and a line break at its end is no part of it", async () => {
  await using world = await startWorld();
  const { server, home } = world;
  const words = ["login", server.url, "--user", "admin", "--fingerprint", server.caFingerprint];
  const file = join(home, "password");
  await writeFile(file, `${server.password}\r\n`);
  assert.equal((await run(world, [...words, "--password-file", file])).code, 0);
  assert.equal((await run(world, [...words, "--password-stdin"], { input: server.password })).code, 0);
  const missing = await run(world, [...words, "--password-file", join(home, "none")]);
  assert.equal(missing.code, 2);
  const nobody = await run(world, words);
  assert.equal(nobody.code, 2);
  assert.match(nobody.stderr, /--password-file FILE or --password-stdin/);
});

test("a password has no place on the command line", async () => {
  await using world = await startWorld();
  const result = await run(world, ["login", world.server.url, "--password", "secret"]);
  assert.equal(result.code, 2);
  assert.match(result.stderr, /Unknown argument: password/);
});

test("at a terminal: the fingerprint is compared once, the password typed unseen", async () => {
  await using world = await startWorld();
  const { server } = world;
  const first = await run(world, ["login", server.url], {
    isTerminal: true,
    input: `y\radmin\rwrong\u0015${server.password}x\u007f\r`,
  });
  assert.equal(first.code, 0, first.stderr);
  assert.ok(first.stderr.includes(server.caFingerprint.toLowerCase()));
  assert.ok(!first.stderr.includes(server.password) && !first.stdout.includes(server.password));
  const { contexts } = await contextsOf(world);
  assert.equal(contexts["127.0.0.1"].ca.trim(), server.ca.trim());

  const second = await run(world, ["login"], { isTerminal: true, input: `\r${server.password}\r` });
  assert.equal(second.code, 0, second.stderr);
  assert.doesNotMatch(second.stderr, /SHA-256/);
});

test("a stranger's certificate is not believed without being asked, nor when the answer is no", async () => {
  await using world = await startWorld();
  const { server } = world;
  const words = ["login", server.url, "--user", "admin", "--password-stdin"];
  const piped = await run(world, words, { input: server.password });
  assert.equal(piped.code, 2);
  assert.match(piped.stderr, /--fingerprint [0-9a-f:]{95}/);
  const declined = await run(world, words, { isTerminal: true, input: "n\r" });
  assert.equal(declined.code, 1);
  assert.ok(!server.requests.some((request) => request.headers["x-auth-key"] !== undefined));
});

test("a manager whose authority has changed is refused, not asked about", async () => {
  await using world = await startWorld();
  await using other = await startWorld();
  await logIn(world);
  const path = contextsPath({ HOME: world.home });
  const known = await contextsOf(world);
  known.contexts["127.0.0.1"].url = other.server.url;
  await writeFile(path, JSON.stringify(known));
  const result = await run(world, ["login"], { isTerminal: true, input: "y\rx\r" });
  assert.equal(result.code, 6);
  assert.equal((await run(world, ["vm", "ls"])).code, 6);
  assert.equal(other.server.requests.length, 0);
});

test("a wrong password: exit code 3 with the manager's words, and nothing is remembered", async () => {
  await using world = await startWorld();
  const words = ["login", world.server.url, "--user", "admin", "--password-stdin", "--insecure"];
  const result = await run(world, words, { input: "wrong" });
  assert.equal(result.code, 3);
  assert.match(result.stderr, /The user name or the password is wrong\. \(10100103\)/);
  await assert.rejects(contextsOf(world), { code: "ENOENT" });
});

test("a password that must be changed is changed at the terminal, then the login goes on", async () => {
  await using world = await startWorld();
  const { server } = world;
  let isChanged = false;
  server.answer("POST /service/users/password/modify", () => {
    isChanged = true;
    return {};
  });
  server.intercept("POST /service/session", () =>
    isChanged ? undefined : refuse(400, "10100108", "The password must be changed."),
  );
  const words = ["login", server.url, "--user", "admin", "--fingerprint", server.caFingerprint];
  const typed = ["Old-Password1", server.password, server.password].map((line) => `${line}\r`).join("");
  const result = await run(world, words, { isTerminal: true, input: typed });
  assert.equal(result.code, 0, result.stderr);
  const change = server.requests.find((request) => request.path === "/service/users/password/modify");
  assert.deepEqual(change?.body, {
    userName: "admin",
    oldPassword: "Old-Password1",
    password: server.password,
  });
  assert.equal(change?.headers["x-auth-token"], undefined);
});

test("without a session: exit code 3 and what to do; with --json as JSON on standard error", async () => {
  await using world = await startWorld();
  const plain = await run(world, ["vm", "ls"]);
  assert.equal(plain.code, 3);
  assert.match(plain.stderr, /sinter login/);
  const json = await run(world, ["vm", "ls", "--json"]);
  assert.equal(json.code, 3);
  assert.equal(json.stdout, "");
  assert.equal(JSON.parse(json.stderr).errorCode, "NOT_LOGGED_IN");
});

test("a session that has ended: exit code 3, and a new login with the address alone remembered", async () => {
  await using world = await startWorld();
  await logIn(world);
  world.server.expireSessions();
  const result = await run(world, ["vm", "ls"]);
  assert.equal(result.code, 3);
  assert.match(result.stderr, /Log in again: sinter login/);
  const again = await run(world, ["login", "--user", "admin", "--password-stdin"], {
    input: world.server.password,
  });
  assert.equal(again.code, 0, again.stderr);
  assert.equal((await run(world, ["vm", "ls"])).code, 0);
});

test("logout ends the session at the manager and forgets the token, even when the manager is away", async () => {
  await using world = await startWorld();
  await logIn(world);
  assert.equal((await run(world, ["logout"])).code, 0);
  assert.ok(world.server.requests.some((request) => request.method === "DELETE"));
  assert.equal((await contextsOf(world)).contexts["127.0.0.1"].token, undefined);
  assert.equal((await run(world, ["vm", "ls"])).code, 3);
  assert.equal((await run(world, ["logout"])).code, 0);

  await logIn(world);
  await world.server.stop();
  const away = await run(world, ["logout"]);
  assert.equal(away.code, 0, away.stderr);
  assert.match(away.stderr, /Warning/);
  assert.equal((await contextsOf(world)).contexts["127.0.0.1"].token, undefined);
});

test("a manager that is away: exit code 6 and where it should be", async () => {
  await using world = await startWorld();
  await logIn(world);
  await world.server.stop();
  const result = await run(world, ["vm", "ls"]);
  assert.equal(result.code, 6);
  assert.ok(result.stderr.includes(world.server.url));
});

test("several managers: contexts are listed, switched, named on the command line and forgotten", async () => {
  await using one = await startWorld();
  await using two = await startWorld();
  await logIn(one);
  const { server } = two;
  const words = [
    "login",
    server.url,
    "--context",
    "second",
    "--user",
    "admin",
    "--password-stdin",
    "--insecure",
  ];
  const second = await run(one, words, { input: server.password });
  assert.equal(second.code, 0, second.stderr);
  assert.match(second.stderr, /Nothing proves that this is the manager/);
  one.addVm("in-one");
  two.addVm("in-two");

  assert.match((await run(one, ["vm", "ls"])).stdout, /in-two/);
  assert.match((await run(one, ["vm", "ls", "--context", "127.0.0.1"])).stdout, /in-one/);
  assert.match((await run(one, ["vm", "ls"], { env: { SINTER_CONTEXT: "127.0.0.1" } })).stdout, /in-one/);
  assert.equal((await run(one, ["context", "use", "127.0.0.1"])).code, 0);
  assert.match((await run(one, ["vm", "ls"])).stdout, /in-one/);

  const listed = JSON.parse((await run(one, ["context", "ls", "--json"])).stdout);
  assert.deepEqual(
    listed.map(({ name, isCurrent, trust }: Record<string, unknown>) => ({ name, isCurrent, trust })),
    [
      { name: "127.0.0.1", isCurrent: true, trust: "fingerprint" },
      { name: "second", isCurrent: false, trust: "none" },
    ],
  );
  assert.ok(!JSON.stringify(listed).includes("token"));
  assert.equal((await run(one, ["context", "rm", "second"])).code, 0);
  assert.equal((await run(one, ["context", "use", "second"])).code, 4);
  assert.equal((await run(one, ["vm", "ls", "--context", "second"])).code, 2);
});

test("the manager that npm start runs in this checkout needs no address", async () => {
  await using world = await startWorld();
  const { server, home } = world;
  await mkdir(join(home, "state"));
  await writeFile(join(home, "state", "context.json"), JSON.stringify({ url: server.url, ca: server.ca }));
  const result = await run(world, ["login", "--user", "admin", "--password-stdin"], {
    input: server.password,
  });
  assert.equal(result.code, 0, result.stderr);
  assert.equal((await contextsOf(world)).current, "lab");

  // Begun anew: another authority at the same address, known from the checkout alone.
  const known = await contextsOf(world);
  known.contexts.lab = { ...known.contexts.lab, ca: "of the manager before" };
  await writeFile(contextsPath({ HOME: home }), JSON.stringify(known));
  const words = ["login", "--user", "admin", "--password-stdin"];
  const again = await run(world, words, { input: server.password });
  assert.equal(again.code, 0, again.stderr);
  assert.deepEqual(Object.keys((await contextsOf(world)).contexts), ["lab"]);
});

test("programs may use the environment instead of a context", async () => {
  await using world = await startWorld();
  await logIn(world);
  const { token } = (await contextsOf(world)).contexts["127.0.0.1"];
  const ca = join(world.home, "ca.pem");
  await writeFile(ca, world.server.ca);
  const env = {
    SINTER_URL: world.server.url,
    SINTER_TOKEN: token,
    SINTER_CA: ca,
    HOME: join(world.home, "empty"),
  };
  assert.equal((await run(world, ["vm", "ls"], { env })).code, 0);
  assert.equal((await run(world, ["vm", "ls"], { env: { ...env, SINTER_TOKEN: "" } })).code, 3);
});

test("a context file that something else wrote is told, not overwritten", async () => {
  await using world = await startWorld();
  const path = contextsPath({ HOME: world.home });
  await mkdir(join(path, ".."), { recursive: true });
  await writeFile(path, "{ not json");
  const result = await run(world, ["vm", "ls"]);
  assert.equal(result.code, 1);
  assert.ok(result.stderr.includes(path));
  assert.equal(await readFile(path, "utf8"), "{ not json");
});

test("own password: the present one and the new one, without a session", async () => {
  await using world = await startWorld();
  await logIn(world);
  world.server.answer("POST /service/users/password/modify", {});
  const typed = "old\rNew-Password1\rNew-Password1\r";
  const result = await run(world, ["user", "passwd"], { isTerminal: true, input: typed });
  assert.equal(result.code, 0, result.stderr);
  assert.deepEqual(world.server.requests.at(-1)?.body, {
    userName: "admin",
    oldPassword: "old",
    password: "New-Password1",
  });
  const differing = await run(world, ["user", "passwd"], { isTerminal: true, input: "old\ra\rb\r" });
  assert.equal(differing.code, 2);
  assert.match(differing.stderr, /not the same/);
});

test("users: create with roles and a password from a file, another's password, delete", async () => {
  await using world = await startWorld();
  await logIn(world);
  const { server, home } = world;
  const bob = { userId: "u-2", userName: "bob", roles: ["operator"], manageStatus: 0, description: "" };
  server.answer("POST /service/users", { userId: "u-2", userName: "bob" });
  server.answer("GET /service/users", { total: 1, itemSize: 1, users: [bob] });
  server.answer("POST /service/users/password/reset", {});
  server.answer("DELETE /service/users/u-2", {});
  const file = join(home, "pw");
  await writeFile(file, "Secret-1\n");
  const create = [
    "user",
    "create",
    "bob",
    "--role",
    "operator",
    "--role",
    "readonly",
    "--password-file",
    file,
  ];
  assert.equal((await run(world, create)).code, 0);
  assert.deepEqual(server.requests.at(-1)?.body, {
    userName: "bob",
    password: "Secret-1",
    roles: ["operator", "readonly"],
  });
  assert.match((await run(world, ["user", "ls"])).stdout, /bob +u-2 +operator +normal/);
  assert.equal((await run(world, ["user", "passwd", "bob", "--password-file", file])).code, 0);
  assert.deepEqual(server.requests.at(-1)?.body, { userId: "u-2", password: "Secret-1" });
  assert.equal((await run(world, ["user", "rm", "bob", "--yes"])).code, 0);
  assert.equal((await run(world, ["user", "rm", "alice", "--yes"])).code, 4);
});
