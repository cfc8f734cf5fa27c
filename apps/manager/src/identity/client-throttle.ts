import { isIPv6 } from "node:net";
import type { Clock } from "@sinter/kit";
import { identityErrors } from "./identity.errors.ts";

export interface ThrottleOptions {
  /** Failures that cost nothing; default 10. */
  readonly free?: number;
  /** After this long one failure is forgotten; default 5,000 ms. */
  readonly forgetMs?: number;
  /** Delay of the first attempt beyond `free`; doubles with each failure; default 100 ms. */
  readonly firstDelayMs?: number;
  /** Default 3,000 ms: clients give up after 6 to 10 s, and an innocent neighbour must still get in. */
  readonly delayMsMax?: number;
  /** Attempts of one client that may wait at once; more are refused; default 20. */
  readonly waitingMax?: number;
}

interface Client {
  level: number;
  at: number;
  waiting: number;
}

/** Most clients remembered; the longest unseen are forgotten first. */
const CLIENTS_MAX = 10_000;

/** Slows down whoever fails again and again from one address, whichever names or tokens are tried. */
export class ClientThrottle {
  readonly #clock: Clock;
  readonly #options: Required<ThrottleOptions>;
  readonly #clients = new Map<string, Client>();

  constructor(clock: Clock, options: ThrottleOptions = {}) {
    this.#clock = clock;
    this.#options = {
      free: 10,
      forgetMs: 5_000,
      firstDelayMs: 100,
      delayMsMax: 3_000,
      waitingMax: 20,
      ...options,
    };
  }

  /** Waits as long as the client has earned. Throws TOO_MANY_LOGINS when too many of its attempts wait already. */
  async admit(address: string): Promise<void> {
    const client = this.#clients.get(clientOf(address));
    if (client === undefined) return;
    const delayMs = this.#delayOf(client);
    if (delayMs === 0) return;
    if (client.waiting >= this.#options.waitingMax) throw identityErrors.tooManyLogins();
    client.waiting++;
    try {
      await this.#clock.sleep(delayMs);
    } finally {
      client.waiting--;
    }
  }

  /** Success is not counted against failures: whoever owns one account could otherwise guess at others for free. */
  failed(address: string): void {
    const key = clientOf(address);
    const client = this.#clients.get(key) ?? { level: 0, at: this.#clock.now(), waiting: 0 };
    client.level = this.#levelOf(client) + 1;
    client.at = this.#clock.now();
    this.#clients.delete(key);
    this.#clients.set(key, client);
    const oldest = this.#clients.keys().next();
    if (this.#clients.size > CLIENTS_MAX && !oldest.done) this.#clients.delete(oldest.value);
  }

  #levelOf(client: Client): number {
    return Math.max(0, client.level - (this.#clock.now() - client.at) / this.#options.forgetMs);
  }

  #delayOf(client: Client): number {
    const beyond = Math.floor(this.#levelOf(client)) - this.#options.free;
    if (beyond < 0) return 0;
    return Math.min(this.#options.delayMsMax, this.#options.firstDelayMs * 2 ** Math.min(beyond, 30));
  }
}

/** Of IPv6 the network, since one machine owns all addresses of a /64. */
function clientOf(address: string): string {
  const bare = address.startsWith("::ffff:") ? address.slice("::ffff:".length) : address;
  if (!isIPv6(bare)) return bare;
  const [head = "", tail = ""] = bare.split("::");
  const groups = head.split(":");
  const missing = 8 - groups.length - (tail === "" ? 0 : tail.split(":").length);
  const full = bare.includes("::")
    ? [...groups, ...Array.from({ length: missing }, () => "0"), ...tail.split(":")]
    : groups;
  return full
    .slice(0, 4)
    .map((group) => (group === "" ? "0" : group))
    .join(":");
}
