import assert from "node:assert/strict";
import { test } from "node:test";
import type { FastifyInstance } from "fastify";
import type { RouteRecord } from "../http/route.ts";
import { allows } from "../http/server.ts";
import type { AccessLevel } from "../identity/index.ts";

export interface AccessWorld extends AsyncDisposable {
  readonly app: FastifyInstance;
  /** Token of someone who may do just this much. */
  readonly tokens: Readonly<Record<Exclude<AccessLevel, "public">, string>>;
}

const LEVELS = ["session", "read", "operate", "administer"] as const;

/**
 * The table of unauthorized access: every route of the app refuses a caller without a token with 401 and one with
 * too low a level with 403, before it looks at anything else. A route that is not public and answers otherwise fails
 * here, whoever adds it.
 */
export function describeAccess(name: string, open: () => Promise<AccessWorld>): void {
  test(`${name}: every route refuses who may not`, async (t) => {
    await using world = await open();
    assert.ok(world.app.routeRecords.length > 0, "there are routes");
    for (const route of world.app.routeRecords) {
      if (route.access === "public") continue;
      await t.test(`${route.method} ${route.url} needs ${route.access}`, async () => {
        assert.deepEqual(await outcome(world.app, route), [401, "10000002"], "without a token");
        assert.deepEqual(
          await outcome(world.app, route, "0DCCC508-62AC-4DED-B815-E48485D1F8D80"),
          [401, "10000002"],
          "with an unknown token",
        );
        for (const level of LEVELS.filter((has) => !allows(has, route.access))) {
          assert.deepEqual(
            await outcome(world.app, route, world.tokens[level]),
            [403, "10000003"],
            `with the right to ${level}`,
          );
        }
      });
    }
  });
}

async function outcome(app: FastifyInstance, route: RouteRecord, token?: string): Promise<unknown[]> {
  const answer = await app.inject({
    method: route.method,
    url: route.url.replaceAll(/:\w+/g, "1"),
    headers: token === undefined ? {} : { "x-auth-token": token },
    ...(route.method === "GET" ? {} : { payload: {} }),
  });
  return [answer.statusCode, answer.json<{ errorCode?: string }>().errorCode];
}
