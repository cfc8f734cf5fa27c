import { type Clock, ManualClock, silentLog } from "@sinter/kit";
import { testDatabase } from "@sinter/testing";
import type { FastifyInstance } from "fastify";
import { type Database, openDatabase } from "../database/database.ts";
import { migrateDatabase } from "../database/migrate.ts";
import { createHttpServer } from "../http/server.ts";
import { createWireErrors, type WireErrorTable } from "../http/wire-errors.ts";
import { createIdentity, type Identity, type IdentityOptions } from "../identity/index.ts";

export const TEST_SITE = "43BC08E8";
export const TEST_PASSWORD = "Correct-Horse7";

export interface TestApp extends AsyncDisposable {
  readonly app: FastifyInstance;
  readonly database: Database;
  readonly url: string;
  readonly identity: Identity;
  /** Logs in with the plain password; gives the token. */
  login(userName?: string, password?: string): Promise<string>;
  /** Adds a user with the role, as a program that need not change its password first, and logs it in. */
  loginAs(role: string): Promise<string>;
}

export interface TestAppOptions {
  readonly clock?: Clock;
  readonly identity?: Partial<IdentityOptions>;
  readonly errors?: readonly WireErrorTable[];
  /** Adds routes, hooks and parts of a domain. */
  readonly extend?: (app: FastifyInstance, database: Database, identity: Identity) => Promise<void> | void;
  readonly onMutation?: Parameters<typeof createHttpServer>[0]["onMutation"];
}

/** Cheap password hashes: some 2 ms instead of 60. */
export const TEST_PASSWORD_COST = { log2N: 10, r: 8, p: 1 };

/** A migrated, empty database of one test. */
export async function managerDatabase(): Promise<AsyncDisposable & { database: Database; url: string }> {
  const test = await testDatabase({ migrate: migrateDatabase, templateKey: "manager" });
  const database = openDatabase({ url: test.url, log: silentLog });
  return {
    database,
    url: test.url,
    [Symbol.asyncDispose]: async () => {
      await database.close();
      await test[Symbol.asyncDispose]();
    },
  };
}

/** The northbound server with identity on a real database; requests go in by `app.inject`. */
export async function testApp(options: TestAppOptions = {}): Promise<TestApp> {
  const test = await managerDatabase();
  const { database } = test;
  const clock = options.clock ?? new ManualClock();
  const identity = createIdentity({
    database,
    clock,
    log: silentLog,
    passwordCost: TEST_PASSWORD_COST,
    ...options.identity,
  });
  const app = createHttpServer({
    siteId: () => TEST_SITE,
    authenticate: identity.authenticate,
    errors: createWireErrors([identity.wireErrors, ...(options.errors ?? [])]),
    log: silentLog,
    onMutation: options.onMutation ?? (async () => {}),
  });
  identity.routes(app);
  await options.extend?.(app, database, identity);
  await identity.bootstrap({ adminPassword: TEST_PASSWORD });

  const login = async (userName = "admin", password = TEST_PASSWORD): Promise<string> => {
    const answer = await app.inject({
      method: "POST",
      url: "/service/session",
      headers: { "x-auth-user": userName, "x-auth-key": password, "x-encript-algorithm": "1" },
    });
    const token = answer.headers["x-auth-token"];
    if (typeof token !== "string") throw new Error(`Logging in as ${userName} failed: ${answer.body}`);
    return token;
  };
  return {
    app,
    database,
    url: test.url,
    identity,
    login,
    loginAs: async (role) => {
      const userName = `test-${role}`;
      const answer = await app.inject({
        method: "POST",
        url: "/service/users",
        headers: { "x-auth-token": await login() },
        payload: { userType: "2", userName, password: TEST_PASSWORD, roles: [role] },
      });
      if (answer.statusCode !== 200) throw new Error(`Adding ${userName} failed: ${answer.body}`);
      return await login(userName);
    },
    [Symbol.asyncDispose]: async () => {
      await app.close();
      await identity[Symbol.asyncDispose]();
      await test[Symbol.asyncDispose]();
    },
  };
}
