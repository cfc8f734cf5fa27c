/** Sizes and times as administrators read them, in the language of the page. */

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** Bytes in binary units: `1.5 GiB`. */
export function bytes(value: number): string {
  if (!Number.isFinite(value) || value < 0) return "–";
  let size = value;
  let unit = 0;
  while (size >= 1024 && unit < UNITS.length - 1) {
    size /= 1024;
    unit++;
  }
  const digits = unit === 0 || size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return `${Number(size.toFixed(digits))} ${UNITS[unit]}`;
}

export const mebibytes = (value: number): string => bytes(value * 1024 ** 2);
export const gibibytes = (value: number): string => bytes(value * 1024 ** 3);

/** The contract's times: `2026-11-21 17:02:43` in UTC. Undefined for anything else. */
export function wireTime(text: string | null | undefined): Date | undefined {
  const match = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)/.exec(text ?? "");
  if (!match) return undefined;
  const date = new Date(`${match[1]}T${match[2]}Z`);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

export function dateTime(value: Date | undefined, language: string): string {
  if (!value) return "–";
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" }).format(value);
}

export function timeOfDay(value: Date | undefined, language: string): string {
  if (!value) return "–";
  return new Intl.DateTimeFormat(language, { timeStyle: "medium" }).format(value);
}

/** Length of a time: `850 ms`, `12.3 s`, `4 min 10 s`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} min ${Math.round((ms % 60_000) / 1000)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A share of one, in percent. */
export function percent(share: number): string {
  return Number.isFinite(share) ? `${Math.round(share * 100)} %` : "–";
}
