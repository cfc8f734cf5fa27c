import { connect, type Socket } from "node:net";
import { AppError } from "@sinter/kit";

/** A person at a serial console: types lines, waits for what the other side shows. */
export class SerialConsole implements Disposable {
  readonly #socket: Socket;
  #shown = "";

  constructor(path: string) {
    this.#socket = connect(path);
    this.#socket.on("data", (data) => {
      this.#shown += data.toString("latin1");
    });
    // A guest that ends closes it; whoever waits then runs out of time.
    this.#socket.on("error", () => {});
  }

  type(line: string): void {
    this.#socket.write(`${line}\r`);
  }

  /** Waits until the pattern has been shown since the last call that found one. */
  async sees(pattern: RegExp, timeoutMs = 20_000): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const match = pattern.exec(this.#shown);
      if (match !== null) {
        this.#shown = this.#shown.slice(match.index + match[0].length);
        return;
      }
      const left = deadline - performance.now();
      if (left <= 0) {
        const message = `The console did not show ${pattern}, but: ${JSON.stringify(this.#shown.slice(-400))}`;
        throw new AppError("unavailable", "NOT_SHOWN", message);
      }
      await this.#more(left);
    }
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #more(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#socket.off("data", done);
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      this.#socket.once("data", done);
    });
  }
}
