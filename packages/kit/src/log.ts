import { pino, type Logger } from "pino";

/** Logs are events with ids as fields: `log.info({ vmId, hostId }, "vm started")`. */
export type Log = Pick<Logger, "trace" | "debug" | "info" | "warn" | "error" | "fatal"> & {
  child(fields: Record<string, unknown>): Log;
};

export interface LogOptions {
  readonly name: string;
  /** pino level; default `info`. */
  readonly level?: string;
  /** File to append to; default standard error, so that standard output stays a program's answer. */
  readonly file?: string;
}

/** Fields that may never reach a log, wherever an object that carries them is logged. */
const SECRET_FIELDS = ["password", "key", "token", "vncPassword", "authorization", "privateKey", "secret"];

export function createLog(options: LogOptions): Log {
  const paths = SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]);
  return pino(
    {
      name: options.name,
      level: options.level ?? "info",
      redact: { paths: [...paths, 'headers["x-auth-token"]', 'headers["x-auth-key"]'], censor: "[secret]" },
    },
    pino.destination(options.file === undefined ? 2 : { dest: options.file, mkdir: true, sync: true }),
  );
}

const ignore = (): void => {};

/** For tests and one-shot tools that have nobody to read a log. */
export const silentLog: Log = {
  trace: ignore,
  debug: ignore,
  info: ignore,
  warn: ignore,
  error: ignore,
  fatal: ignore,
  child: () => silentLog,
};
