import assert from "node:assert/strict";
import { rename, writeFile } from "node:fs/promises";
import { connect } from "node:tls";
import { test } from "node:test";
import { waitFor } from "@sinter/kit";
import { WebSocket } from "ws";
import { MovedClock, portalWorld } from "../testing/portal-world.ts";

const PAGE = { accept: "text/html,application/xhtml+xml" };

test("every address of the portal is its page, with a nonce of its own and a policy that names it", async () => {
  await using world = await portalWorld();
  const nonces = new Set<string>();
  for (const path of [
    "/",
    "/vms/urn:sites:1:vms:i-00000001?tab=console",
    "/index.html",
    "/no/such/thing",
    "/servicex",
  ]) {
    const answer = await world.ask("portal", path, { headers: PAGE });
    assert.equal(answer.status, 200, path);
    assert.equal(answer.headers["content-type"], "text/html; charset=utf-8");
    assert.equal(answer.headers["cache-control"], "no-store");
    const nonce = /content="([^"]{20,})"/.exec(answer.body)?.[1] ?? "";
    nonces.add(nonce);
    const policy = String(answer.headers["content-security-policy"]);
    assert.ok(policy.includes(`style-src 'self' 'nonce-${nonce}'`), policy);
    assert.ok(policy.includes("script-src 'self';"), policy);
    assert.ok(policy.includes(`connect-src 'self' wss://${new URL(world.portal).host};`), policy);
    for (const rule of [
      "default-src 'none'",
      "base-uri 'none'",
      "form-action 'self'",
      "frame-ancestors 'none'",
    ])
      assert.ok(policy.includes(rule), `${rule} in ${policy}`);
    assert.ok(!policy.includes("unsafe"), policy);
  }
  assert.equal(nonces.size, 5);
  const head = await world.ask("portal", "/", { method: "HEAD", headers: PAGE });
  assert.deepEqual([head.status, head.body], [200, ""]);
  assert.ok(Number(head.headers["content-length"]) > 50);
});

test("a host that means to write the policy itself does not get to", async () => {
  await using world = await portalWorld();
  const answer = await world.ask("portal", "/", { headers: { ...PAGE, host: "evil; script-src *" } });
  assert.equal(String(answer.headers["content-security-policy"]).includes("evil"), false);
});

test("files have their type, are kept for a year when their name says their content, and come compressed", async () => {
  await using world = await portalWorld();
  const script = "/assets/index-C2gSpqnv.js";
  const plain = await world.ask("portal", script);
  assert.deepEqual(
    [
      plain.status,
      plain.body,
      plain.headers["content-type"],
      plain.headers["cache-control"],
      plain.headers.vary,
    ],
    [
      200,
      "export {};",
      "text/javascript; charset=utf-8",
      "public, max-age=31536000, immutable",
      "Accept-Encoding",
    ],
  );
  assert.equal(plain.headers["content-encoding"], undefined);
  for (const [accept, encoding, body] of [
    ["gzip, deflate, br", "br", "BR"],
    ["gzip", "gzip", "GZIP"],
    ["br;q=0, gzip;q=0.5", "gzip", "GZIP"],
    ["br;q=0.0, *;q=0", undefined, "export {};"],
    ["identity", undefined, "export {};"],
  ] as const) {
    const answer = await world.ask("portal", script, { headers: { "accept-encoding": accept } });
    assert.deepEqual([answer.headers["content-encoding"], answer.body], [encoding, body], accept);
    assert.equal(Number(answer.headers["content-length"]), body.length);
  }
  const icon = await world.ask("portal", "/icon.svg");
  assert.deepEqual(
    [icon.headers["content-type"], icon.headers["cache-control"]],
    ["image/svg+xml", "no-cache"],
  );
  const etag = String(icon.headers.etag);
  const again = await world.ask("portal", "/icon.svg", { headers: { "if-none-match": `"x", W/${etag}` } });
  assert.deepEqual([again.status, again.body, again.headers.etag], [304, "", etag]);
  const head = await world.ask("portal", script, { method: "HEAD" });
  assert.deepEqual([head.status, head.body, head.headers["content-length"]], [200, "", "10"]);
});

test("no path leads out of the folder, into what begins with a dot, or to a precompressed file by its own name", async () => {
  await using world = await portalWorld();
  for (const path of [
    "/../secret.txt",
    "/assets/../../secret.txt",
    "/assets/..%2f..%2fsecret.txt",
    "/%2e%2e/secret.txt",
    "/..\\secret.txt",
    "/assets/%252e%252e/secret.txt",
    "//secret.txt",
    "/./../secret.txt",
    "/icon.svg%00",
    "/.vite/manifest.json",
    "/assets",
    "/assets/",
    "/assets/index-C2gSpqnv.js.br",
    "/%ff",
  ]) {
    const answer = await world.ask("portal", path);
    assert.notEqual(answer.status, 200, path);
    assert.ok(!answer.body.includes("secret\n") && answer.body !== "secret" && answer.body !== "{}", path);
    assert.match(answer.body, /"errorCode":"\d{8}"/, `${path}: the contract's answer`);
  }
});

test("what is no page stays the API's: unknown paths, other methods, and the paths below /service and /sinter", async () => {
  await using world = await portalWorld();
  const missing = await world.ask("portal", "/service/nothing", { headers: PAGE });
  assert.deepEqual([missing.status, missing.json().errorCode], [404, "10000008"]);
  assert.equal((await world.ask("portal", "/sinter/v1/nothing", { headers: PAGE })).status, 404);
  assert.equal((await world.ask("portal", "/", { method: "POST", headers: PAGE, body: "" })).status, 404);
  assert.equal((await world.ask("portal", "/nothing.js", { headers: { accept: "*/*" } })).status, 404);
  const versions = await world.ask("portal", "/service/versions", { headers: PAGE });
  assert.equal(versions.headers["content-type"], "application/json;charset=UTF-8");
  const document = await world.ask("portal", "/openapi.json", { headers: PAGE });
  const { paths } = document.json() as { paths: Record<string, Record<string, object>> };
  assert.deepEqual(Object.keys(paths["/sinter/v1/session"] ?? {}).toSorted(), ["delete", "get", "post"]);
  for (const path of ["/sinter/v1/session/password", "/sinter/v1/changes", "/sinter/v1/tasks/{taskId}"])
    assert.ok(paths[path], path);
  assert.ok("text/event-stream" in contentOf(paths["/sinter/v1/changes"]?.get));
});

function contentOf(operation: object | undefined): object {
  return (operation as { responses: { "200": { content: object } } }).responses["200"].content;
}

test("every answer on the portal's port has the security headers; the API's port has none of them", async () => {
  await using world = await portalWorld();
  for (const path of ["/", "/icon.svg", "/service/versions", "/service/nothing", "/sinter/v1/session"]) {
    const { headers } = await world.ask("portal", path);
    assert.equal(headers["x-content-type-options"], "nosniff", path);
    assert.equal(headers["referrer-policy"], "no-referrer", path);
    assert.equal(headers["strict-transport-security"], "max-age=31536000", path);
    assert.ok(String(headers["content-security-policy"]).startsWith("default-src 'none'"), path);
  }
  const { headers } = await world.ask("api", "/service/versions");
  assert.equal(headers["strict-transport-security"], undefined);
  assert.equal(headers["content-security-policy"], undefined);
  const page = await world.ask("api", "/", { headers: PAGE });
  assert.equal(page.status, 404, "no page on the API's port");
});

test("a portal that is not built says so, and one that is built later is served without a restart", async () => {
  await using world = await portalWorld({ files: { "readme.txt": "x" } });
  const before = await world.ask("portal", "/", { headers: PAGE });
  assert.deepEqual([before.status, before.body], [503, "The portal's files are not built.\n"]);
  assert.equal((await world.ask("portal", "/service/versions")).status, 200);
});

test("a new build is served without a restart", async () => {
  await using world = await portalWorld();
  const directory = world.portalDir;
  assert.match((await world.ask("portal", "/", { headers: PAGE })).body, />page</);
  await writeFile(`${directory}/assets/new-AAAAAAAA.js`, "new");
  await writeFile(`${directory}/index.new`, "<p>other</p>");
  await rename(`${directory}/index.new`, `${directory}/index.html`);
  await waitFor(
    "The new page",
    async () => (await world.ask("portal", "/", { headers: PAGE })).body === "<p>other</p>" || undefined,
    { timeoutMs: 5_000, intervalMs: 100 },
  );
  assert.equal((await world.ask("portal", "/assets/new-AAAAAAAA.js")).body, "new");
});

test("a renewed certificate is shown on the portal's port, too", async () => {
  const clock = new MovedClock();
  await using world = await portalWorld({ clock });
  const shown = (url: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const port = Number(new URL(url).port);
      const socket = connect({ host: "127.0.0.1", port, ca: world.ca, servername: "localhost" }, () => {
        resolve(socket.getPeerCertificate().serialNumber);
        socket.destroy();
      });
      socket.on("error", reject);
    });
  const before = await shown(world.portal);
  assert.equal(await shown(world.api), before);
  await world.manager.housekeep();
  assert.equal(await shown(world.portal), before, "not due yet");
  clock.move(121 * 86_400_000);
  await world.manager.housekeep();
  const after = await shown(world.portal);
  assert.notEqual(after, before);
  assert.equal(await shown(world.api), after);
});

test("WebSockets open on the portal's port with the cookie, from its own page only", async () => {
  await using world = await portalWorld();
  const { cookie } = await world.login();
  const outcome = (url: string, headers: Record<string, string>): Promise<number> =>
    new Promise((resolve, reject) => {
      const client = new WebSocket(`${url.replace("https", "wss")}/sinter/v1/vms/i-0000FFFF/console`, {
        headers,
        ca: world.ca,
      });
      client.on("error", reject);
      client.on("unexpected-response", (_request, response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
    });
  assert.equal(
    await outcome(world.portal, { cookie, origin: world.portal }),
    400,
    "let in: there is no such VM",
  );
  assert.equal(await outcome(world.portal, { cookie, origin: "https://evil.example" }), 403);
  assert.equal(await outcome(world.portal, { cookie }), 403);
  assert.equal(await outcome(world.portal, {}), 401);
  assert.equal(await outcome(world.api, { cookie, origin: world.api }), 401, "no cookies there");
});
