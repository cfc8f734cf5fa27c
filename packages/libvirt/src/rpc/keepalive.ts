/** The program both ends speak to see that the other is alive; its packets have no payload. */
export const KEEPALIVE_PROGRAM = 0x6b656570;
export const KEEPALIVE_PROCEDURE = { ping: 1, pong: 2 } as const;

export interface KeepaliveOptions {
  /** Silence after which a ping is sent, in ms. Default 5000, as virsh does. 0 turns our own pings off. */
  readonly intervalMs?: number;
  /** Unanswered pings after which the peer counts as dead. Default 5. */
  readonly count?: number;
}

/**
 * Watches one connection. Anything received counts as life; each silent interval sends a ping, and after
 * `count` of them in a row `onDead` is called, once.
 */
export class Keepalive {
  readonly #intervalMs: number;
  readonly #count: number;
  readonly #ping: () => void;
  readonly #onDead: (silentMs: number) => void;
  readonly #timer: NodeJS.Timeout | undefined;
  #lastReceivedMs = performance.now();
  #unanswered = 0;

  constructor(options: KeepaliveOptions, ping: () => void, onDead: (silentMs: number) => void) {
    this.#intervalMs = options.intervalMs ?? 5000;
    this.#count = options.count ?? 5;
    this.#ping = ping;
    this.#onDead = onDead;
    if (this.#intervalMs > 0) {
      this.#timer = setInterval(() => this.#tick(), this.#intervalMs);
      this.#timer.unref(); // the socket keeps the process; a watch on it need not
    }
  }

  received(): void {
    this.#lastReceivedMs = performance.now();
    this.#unanswered = 0;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const silentMs = performance.now() - this.#lastReceivedMs;
    // Timers are not exact: a tenth short of an interval still counts as one.
    if (silentMs < this.#intervalMs * 0.9) return;
    if (this.#unanswered >= this.#count) {
      this.stop();
      this.#onDead(silentMs);
      return;
    }
    this.#unanswered++;
    this.#ping();
  }
}
