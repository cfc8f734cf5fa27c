import type { Client, Pool, PoolClient } from "pg";

/** The work of an engine has ended here, without anything to be written: it was stopped, deposed or has crashed. */
export class Interrupted extends Error {}

/** One term of leadership of an engine, and what it may still do. */
export class Reign {
  readonly epoch: number;
  readonly #clients = new Set<PoolClient>();
  #mayWrite = true;

  constructor(epoch: number) {
    this.epoch = epoch;
  }

  /** To be called before each write. PostgreSQL would refuse it too, by the epoch; a crashed engine must not even ask. */
  assertMayWrite(): void {
    if (!this.#mayWrite) throw new Interrupted("The engine's term is over.");
  }

  /** No write from now on; transactions under way are cut off. */
  end(): void {
    this.#mayWrite = false;
    for (const client of this.#clients)
      (client as PoolClient & Pick<Client, "connection">).connection.stream.destroy();
  }

  /** Runs `work` in a transaction, which is rolled back when it gives undefined or throws. */
  async transaction<T>(pool: Pool, work: (tx: PoolClient) => Promise<T | undefined>): Promise<T | undefined> {
    const client = await pool.connect();
    this.#clients.add(client);
    let broken: Error | undefined;
    // A client in use reports a lost connection as an event as well as by its query.
    const onError = (error: Error): void => {
      broken = error;
    };
    client.on("error", onError);
    try {
      this.assertMayWrite();
      await client.query("begin");
      const result = await work(client);
      this.assertMayWrite();
      await client.query(result === undefined ? "rollback" : "commit");
      return result;
    } catch (error) {
      await client.query("rollback").catch((rollbackError: Error) => {
        broken = rollbackError;
      });
      throw error;
    } finally {
      this.#clients.delete(client);
      client.off("error", onError);
      client.release(broken ?? false);
    }
  }
}
