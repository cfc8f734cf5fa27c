import { Type } from "typebox";

/** Ours: whether the manager can work. Answered with 503 and 10000005 while its database is away. */
export const HealthAnswer = Type.Object(
  { status: Type.String(), database: Type.String(), databaseLatencyMs: Type.Number() },
  { title: "Health" },
);
