import { AppError, type Clock, type Log } from "@sinter/kit";
import type { FastifyInstance } from "fastify";
import type { Database } from "../database/database.ts";
import { ClientThrottle, type ThrottleOptions } from "../identity/index.ts";
import type { AuthorityStore } from "./authority.ts";
import { enrolmentErrors, enrolmentWireErrors } from "./enrolment.errors.ts";
import { registerEnrolmentRoutes } from "./enrolment.routes.ts";
import { createEnrolmentService } from "./enrolment.service.ts";
import { createJoinTokenService } from "./join-token.service.ts";

export interface EnrolmentOptions {
  readonly database: Database;
  readonly authority: AuthorityStore;
  readonly siteId: () => string;
  /** Whether the manager has this host's event stream. */
  readonly isConnected: (hostId: number) => boolean;
  /** Called after a host's row is committed. A failure is logged only. */
  readonly onEnrolled: (hostId: number) => Promise<void>;
  /** `host:port` where agents find the manager, for the join command; absent: as the caller found it. */
  readonly managerAddress?: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly throttle?: ThrottleOptions;
}

export type Enrolment = ReturnType<typeof createEnrolment>;

/** Join tokens and the joining of hosts. */
export function createEnrolment(options: EnrolmentOptions) {
  const { database, authority, clock, siteId } = options;
  const joinTokens = createJoinTokenService({ db: database.db, authority, clock, siteId });
  const enrolment = createEnrolmentService(options);
  const throttle = new ClientThrottle(clock, options.throttle);

  return {
    joinTokens,
    enrol: (body: unknown) => enrolment.enrol(body),
    routes(app: FastifyInstance): void {
      registerEnrolmentRoutes(app, {
        joinTokens,
        enrolment,
        guard: (clientAddress, work) => guarded(throttle, clientAddress, work),
        siteId,
        now: () => clock.now(),
        managerAddress: options.managerAddress,
      });
    },
    wireErrors: enrolmentWireErrors,
  };
}

/** Tokens have 128 random bits; this only keeps one client from making work and noise without end. */
async function guarded<T>(
  throttle: ClientThrottle,
  clientAddress: string,
  work: () => Promise<T>,
): Promise<T> {
  await throttle.admit(clientAddress).catch(() => {
    throw enrolmentErrors.tooManyFailures();
  });
  try {
    return await work();
  } catch (error) {
    if (error instanceof AppError && error.kind !== "internal" && error.kind !== "unavailable") {
      throttle.failed(clientAddress);
    }
    throw error;
  }
}
