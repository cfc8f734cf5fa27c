import type { Pool } from "pg";
import { task } from "../definition.ts";

export interface InterruptedPorts {
  readonly pool: Pool;
  /** Called in the middle of the second step. */
  linger(signal: AbortSignal): Promise<void>;
}

/** Leaves one row per step; the second step has had its effect when it lingers. */
export const interrupted = task<object, InterruptedPorts>("interrupted")
  .dbStep("first", {
    run: async (_, tx) => void (await tx.query("insert into effects values ('first')")),
    undo: async (_, tx) => await tx.query("delete from effects where name = 'first'"),
  })
  .step("second", {
    run: async ({ ports, signal }) => {
      await ports.pool.query("insert into effects values ('second') on conflict do nothing");
      await ports.linger(signal);
    },
    undo: async ({ ports }) => await ports.pool.query("delete from effects where name = 'second'"),
  })
  .dbStep("third", {
    run: async (_, tx) => void (await tx.query("insert into effects values ('third')")),
    noUndo: "the last step",
  });
