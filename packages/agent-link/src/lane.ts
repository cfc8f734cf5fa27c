import { Client, type Dispatcher } from "undici";

interface Member {
  readonly client: Client;
  /** Requests given to it and not yet read to their end. */
  busy: number;
}

/**
 * A few connections to one agent, opened when needed and forgotten when they have been idle. Instead of undici's
 * Pool, whose queue alone takes 16 kB: a manager holds thousands of links, most of them idle.
 */
export class Lane {
  readonly #open: () => Client;
  readonly #connectionsMax: number;
  readonly #members: Member[] = [];

  constructor(connectionsMax: number, open: () => Client) {
    this.#connectionsMax = connectionsMax;
    this.#open = open;
  }

  /** Sends on an idle connection, else a new one, else behind the shortest queue; `read` takes the answer. */
  async exchange<T>(
    request: Dispatcher.RequestOptions,
    read: (response: Dispatcher.ResponseData) => Promise<T>,
  ): Promise<T> {
    const member = this.#pick();
    member.busy++;
    try {
      return await read(await member.client.request(request));
    } finally {
      member.busy--;
    }
  }

  async destroy(reason: Error): Promise<void> {
    await Promise.all(this.#members.splice(0).map(({ client }) => client.destroy(reason)));
  }

  #pick(): Member {
    const best = this.#members.toSorted((a, b) => a.busy - b.busy)[0];
    if (best && (best.busy === 0 || this.#members.length >= this.#connectionsMax)) return best;
    const member: Member = { client: this.#open(), busy: 0 };
    this.#members.push(member);
    member.client.on("disconnect", () => {
      if (member.busy > 0) return;
      const at = this.#members.indexOf(member);
      if (at >= 0) this.#members.splice(at, 1);
      void member.client.destroy();
    });
    return member;
  }
}
