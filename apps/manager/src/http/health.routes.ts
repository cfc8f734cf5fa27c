import { AppError } from "@sinter/kit";
import { HealthAnswer } from "@sinter/northbound";
import type { FastifyInstance } from "fastify";
import type { Database } from "../database/database.ts";
import { registerRoute } from "./route.ts";

/** A database that takes longer is away, for whoever asks. */
const DATABASE_MS_MAX = 2_000;

/** For load balancers and start scripts: 200 when the manager can work, 503 with 10000005 while its database is away. */
export function registerHealthRoute(app: FastifyInstance, database: Database): void {
  let asking: Promise<number> | undefined;
  registerRoute(app, {
    method: "GET",
    url: "/sinter/v1/health",
    access: "public",
    summary: "Whether the manager can work.",
    reply: HealthAnswer,
    handle: async () => {
      // One question at a time, however many ask: nobody is logged in here.
      asking ??= askDatabase(database).finally(() => {
        asking = undefined;
      });
      return { status: "ok", database: "ok", databaseLatencyMs: await asking };
    },
  });
}

async function askDatabase(database: Database): Promise<number> {
  const startedAt = performance.now();
  const late = new AbortController();
  const timeout = new Promise<never>((_resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("no answer in time")), DATABASE_MS_MAX);
    late.signal.addEventListener("abort", () => clearTimeout(timer));
  });
  try {
    await Promise.race([database.pool.query("select 1"), timeout]);
    return Math.round((performance.now() - startedAt) * 100) / 100;
  } catch (error) {
    const message = "The database does not answer; the service is recovering.";
    throw new AppError("unavailable", "DATABASE_AWAY", message, { cause: error });
  } finally {
    late.abort();
  }
}
