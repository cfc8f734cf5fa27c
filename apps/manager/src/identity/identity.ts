import type { Clock, Log } from "@sinter/kit";
import type { FastifyInstance } from "fastify";
import type { Database } from "../database/database.ts";
import { createBootstrap } from "./bootstrap.ts";
import { ClientThrottle, type ThrottleOptions } from "./client-throttle.ts";
import { createCredentials, DEFAULT_LOCKOUT, type LockoutPolicy } from "./credentials.ts";
import { identityWireErrors } from "./identity.errors.ts";
import { createPasswordChange } from "./password-change.ts";
import { createPasswordHasher, type PasswordCost } from "./password-hash.ts";
import { DEFAULT_PASSWORD_POLICY, type PasswordPolicy } from "./password.ts";
import { registerRoleRoutes } from "./role.routes.ts";
import { createRoleService } from "./role.service.ts";
import { SessionCache } from "./session-cache.ts";
import { type About, ownSessionWireErrors, registerOwnSessionRoutes } from "./own-session.routes.ts";
import { registerSessionRoutes } from "./session.routes.ts";
import { createSessionService } from "./session.service.ts";
import type { Actor } from "./user.ts";
import { registerUserRoutes } from "./user.routes.ts";
import { createUserService } from "./user.service.ts";

export interface IdentityOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
  /** Life of a session after its last use; default a day, as a live system was seen to answer (contract 5, row 1). */
  readonly sessionValidityMs?: number;
  readonly lockout?: Partial<LockoutPolicy>;
  readonly passwordPolicy?: Partial<PasswordPolicy>;
  /** Cost of a password hash; lower only in tests. */
  readonly passwordCost?: PasswordCost;
  readonly throttle?: ThrottleOptions;
}

export type Identity = ReturnType<typeof createIdentity>;

/** Users, roles, logging in and sessions of one manager. Dispose of it before the database is closed. */
export function createIdentity(options: IdentityOptions) {
  const { database, clock, log } = options;
  const validityMs = options.sessionValidityMs ?? 86_400_000;
  const passwordPolicy = { ...DEFAULT_PASSWORD_POLICY, ...options.passwordPolicy };
  const hasher = createPasswordHasher(options.passwordCost);
  const throttle = new ClientThrottle(clock, options.throttle);
  const cache = new SessionCache({ db: database.db, clock, log, validityMs });
  const credentials = createCredentials({
    db: database.db,
    hasher,
    clock,
    lockout: { ...DEFAULT_LOCKOUT, ...options.lockout },
  });
  const sessions = createSessionService({
    database,
    credentials,
    cache,
    throttle,
    clock,
    log,
    validityMs,
    passwordPolicy,
  });
  const users = createUserService({ database, hasher, cache, clock, passwordPolicy });
  const roles = createRoleService({ database, cache, clock });
  const changePassword = createPasswordChange({
    database,
    credentials,
    throttle,
    users,
    clock,
    passwordPolicy,
  });

  return {
    /**
     * Who holds the token; undefined when it is unknown or expired. Extends the session unless it is asked in the
     * background.
     */
    authenticate: (token: string, isBackground?: boolean): Promise<Actor | undefined> =>
      cache.authenticate(token, isBackground),
    ...createBootstrap({ database, hasher, cache, clock, passwordPolicy }),
    /** `about`: what a logged-in user is told of the manager. */
    routes(app: FastifyInstance, about: () => About): void {
      registerSessionRoutes(app, sessions);
      registerOwnSessionRoutes(app, { sessions, changePassword, about });
      registerUserRoutes(app, { users, changePassword, cache, clock });
      registerRoleRoutes(app, roles);
    },
    /** Writes back when sessions were last used and removes expired ones; call it once a minute. Gives how many were removed. */
    sweep: (): Promise<number> => cache.sweep(),
    wireErrors: { ...identityWireErrors, ...ownSessionWireErrors },
    [Symbol.asyncDispose]: (): Promise<void> => cache[Symbol.asyncDispose](),
  };
}
