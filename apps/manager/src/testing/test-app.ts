import { type Clock, ManualClock, silentLog } from "@sinter/kit";
import { testDatabase } from "@sinter/testing";
import type { FastifyInstance } from "fastify";
import { type Database, openDatabase } from "../database/database.ts";
import { migrateDatabase } from "../database/migrate.ts";
import { createHttpServer } from "../http/server.ts";
import { createWireErrors, type WireErrorTable } from "../http/wire-errors.ts";
import { type AccessLevel, createIdentity, type Identity, type IdentityOptions } from "../identity/index.ts";

export const TEST_SITE = "43BC08E8";
export const TEST_PASSWORD = "Correct-Horse7";

export interface TestApp extends AsyncDisposable {
  readonly app: FastifyInstance;
  readonly database: Database;
  readonly url: string;
  readonly databaseName: string;
  readonly identity: Identity;
  /** Logs in with the plain password; gives the token. */
  login(userName?: string, password?: string): Promise<string>;
  /** Adds a user with the role, as a program that need not change its password first, and logs it in. */
  loginAs(role: string): Promise<string>;
  /** Someone of each access level. */
  accessTokens(): Promise<Record<Exclude<AccessLevel, "public">, string>>;
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

export interface ManagerDatabase extends AsyncDisposable {
  readonly database: Database;
  readonly url: string;
  readonly name: string;
}

/** A migrated, empty database of one test. */
export async function managerDatabase(): Promise<ManagerDatabase> {
  const test = await testDatabase({ migrate: migrateDatabase, templateKey: "manager" });
  const database = openDatabase({ url: test.url, log: silentLog });
  return {
    database,
    url: test.url,
    name: test.name,
    [Symbol.asyncDispose]: async () => {
      await database.close();
      await test[Symbol.asyncDispose]();
    },
  };
}

/** The northbound server with identity on a real database of its own; requests go in by `app.inject`. */
export async function testApp(options: TestAppOptions = {}): Promise<TestApp> {
  const test = await managerDatabase();
  const world = await testAppOn(test, options);
  return {
    ...world,
    [Symbol.asyncDispose]: async () => {
      await world[Symbol.asyncDispose]();
      await test[Symbol.asyncDispose]();
    },
  };
}

/** The same on a database that is there already: a manager that was restarted, or a second one. */
export async function testAppOn(
  test: Pick<ManagerDatabase, "database" | "url" | "name">,
  options: TestAppOptions = {},
): Promise<TestApp> {
  const { database } = test;
  const identity = createIdentity({
    database,
    clock: options.clock ?? new ManualClock(),
    log: silentLog,
    passwordCost: TEST_PASSWORD_COST,
    // Slowing down waits on the clock, which stands still in most tests.
    throttle: { free: 1_000_000 },
    ...options.identity,
  });
  const app = createHttpServer({
    siteId: () => TEST_SITE,
    authenticate: identity.authenticate,
    errors: createWireErrors([identity.wireErrors, ...(options.errors ?? [])]),
    log: silentLog,
    onMutation: options.onMutation ?? (async () => {}),
  });
  identity.routes(app, () => ({ siteId: TEST_SITE, siteName: "site", version: "0" }));
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
  const post = async (url: string, payload: object): Promise<void> => {
    const headers = { "x-auth-token": await login() };
    const answer = await app.inject({ method: "POST", url, headers, payload });
    if (answer.statusCode !== 200) throw new Error(`${url} failed: ${answer.body}`);
  };
  const loginAs = async (role: string): Promise<string> => {
    const userName = `test-${role}`;
    await post("/service/users", { userType: "2", userName, password: TEST_PASSWORD, roles: [role] });
    return await login(userName);
  };
  return {
    app,
    database,
    url: test.url,
    databaseName: test.name,
    identity,
    login,
    loginAs,
    accessTokens: async () => {
      await post("/service/roles/add", { roleName: "nothing", popedom: [] });
      return {
        session: await loginAs("nothing"),
        read: await loginAs("readonly"),
        operate: await loginAs("operator"),
        administer: await login(),
      };
    },
    [Symbol.asyncDispose]: async () => {
      await app.close();
      await identity[Symbol.asyncDispose]();
    },
  };
}
