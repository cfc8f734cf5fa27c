import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { get } from "node:https";
import { dirname, join } from "node:path";
import { AppError, stopChild, waitFor } from "@sinter/kit";
import { ROOT } from "./paths.ts";

export interface ManagerOptions {
  readonly stateDir: string;
  readonly logFile: string;
  readonly databaseUrl: string;
  readonly port: number;
  /** Address at which agents and clients outside this machine's loopback find it. */
  readonly advertisedAddress: string;
  readonly passwordFile: string;
  /** Another entry than the product's, for tests that kill it from inside. */
  readonly entry?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** The manager as a process of its own, as it runs in production. */
export class ManagerProcess {
  readonly #options: ManagerOptions;
  #child: ChildProcess | undefined;

  constructor(options: ManagerOptions) {
    this.#options = options;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get url(): string {
    return `https://127.0.0.1:${this.#options.port}`;
  }

  get caFile(): string {
    return join(this.#options.stateDir, "pki", "ca.crt");
  }

  /** Resolves when the API answers; throws with the end of its log when it does not come up. */
  async start(): Promise<void> {
    await mkdir(dirname(this.#options.logFile), { recursive: true });
    const log = openSync(this.#options.logFile, "a");
    const entry = this.#options.entry ?? join(ROOT, "apps/manager/src/main.ts");
    // When we are killed it must not stay behind: the next start would find two managers.
    const child = spawn("setpriv", ["--pdeathsig", "TERM", process.execPath, entry], {
      cwd: ROOT,
      stdio: ["ignore", log, log],
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        // As its service unit says: a heap per thread keeps memory that thousands of connections have given back.
        MALLOC_ARENA_MAX: "2",
        SINTER_DATABASE_URL: this.#options.databaseUrl,
        SINTER_STATE_DIR: this.#options.stateDir,
        SINTER_LISTEN_PORT: String(this.#options.port),
        // Beside the product's own port stand the product's others; elsewhere they may belong to another manager.
        ...(this.#options.port === 7443 ? {} : { SINTER_CONSOLE_PORT: "0", SINTER_CONSOLE_PUBLIC_PORT: "0" }),
        SINTER_ADVERTISED_ADDRESS: this.#options.advertisedAddress,
        SINTER_SITE_NAME: "lab",
        SINTER_ADMIN_PASSWORD_FILE: this.#options.passwordFile,
        ...this.#options.env,
      },
    });
    closeSync(log);
    this.#child = child;
    await waitFor("The manager's API", () => this.#probe(child), { timeoutMs: 60_000, intervalMs: 100 });
  }

  async #probe(child: ChildProcess): Promise<true | undefined> {
    if (child.exitCode !== null || child.signalCode !== null) {
      const tail = (await readFile(this.#options.logFile, "utf8").catch(() => ""))
        .split("\n")
        .slice(-15)
        .join("\n");
      throw new AppError(
        "internal",
        "MANAGER_ENDED",
        `The manager ended while it started (${this.#options.logFile}):\n${tail}`,
      );
    }
    const ca = await readFile(this.caFile, "utf8").catch(() => undefined);
    if (ca === undefined) return undefined;
    return await new Promise((resolve) => {
      // Not listening yet is no failure: the caller asks again until its deadline.
      get(`${this.url}/service/versions`, { ca, timeout: 2_000, agent: false }, (answer) => {
        answer.resume();
        resolve(answer.statusCode === 200 ? true : undefined);
      }).on("error", () => resolve(undefined));
    });
  }

  /** Asks it to end; its tasks go on at the next start. */
  async stop(): Promise<void> {
    if (this.#child) await stopChild(this.#child, 15_000);
    this.#child = undefined;
  }

  /** What a crash does. Resolves when it is gone. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill("SIGKILL");
    await gone;
  }

  /** Resolves when it has ended by itself (a test killed it from inside). */
  async ended(timeoutMs: number): Promise<void> {
    const child = this.#child;
    await waitFor(
      "The end of the manager",
      () => (!child || child.exitCode !== null || child.signalCode !== null ? true : undefined),
      {
        timeoutMs,
      },
    );
  }
}
