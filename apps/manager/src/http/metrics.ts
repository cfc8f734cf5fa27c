import { AppError } from "@sinter/kit";
import type { FastifyInstance } from "fastify";
import { collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Database } from "../database/database.ts";
import type { Actor } from "../identity/user.ts";
import { allows } from "./server.ts";

export interface MetricsParts {
  readonly registry: Registry;
  readonly authenticate: (token: string) => Promise<Actor | undefined>;
}

/** A registry with what every manager counts; domains add theirs. */
export function createMetrics(database: Database): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const gauge = (name: string, help: string, read: () => number): void => {
    // The registry keeps it.
    void new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  };
  gauge("sinter_database_connections", "Open connections to the database.", () => database.pool.totalCount);
  gauge("sinter_database_waiting", "Queries that wait for a connection.", () => database.pool.waitingCount);
  return registry;
}

/** Counts requests by route, and serves `GET /metrics` to this machine and to administrators. */
export function registerMetrics(app: FastifyInstance, { registry, authenticate }: MetricsParts): void {
  const seconds = new Histogram({
    name: "sinter_http_request_seconds",
    help: "Time to answer, by route and status.",
    labelNames: ["method", "route", "status"],
    buckets: [0.005, 0.02, 0.05, 0.1, 0.3, 1, 3, 10],
    registers: [registry],
  });
  app.addHook("onResponse", async (request, reply) => {
    // Of unknown paths none is kept apart: their number is the client's to choose.
    const route = request.is404 ? "unknown" : (request.routeOptions.url ?? "unknown");
    seconds.observe({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1000);
  });
  app.get("/metrics", { config: { access: "public" } }, async (request, reply) => {
    if (!isLoopback(request.socket.remoteAddress ?? "")) {
      const token = request.headers["x-auth-token"];
      const actor = typeof token === "string" ? await authenticate(token) : undefined;
      if (!actor)
        throw new AppError(
          "unauthenticated",
          "NOT_LOGGED_IN",
          "You are not logged in, or the session has timed out.",
        );
      if (!allows(actor.access, "administer")) {
        throw new AppError(
          "forbidden",
          "NO_PERMISSION",
          "Your roles do not allow this; it needs the right to administer.",
        );
      }
    }
    return reply.type(registry.contentType).send(await registry.metrics());
  });
}

/** The connection itself: a header could claim anything. */
function isLoopback(address: string): boolean {
  return address === "::1" || /^(?:::ffff:)?127\./.test(address);
}
