import { failures } from "../failures.ts";

const UNIT_MIB: Readonly<Record<string, number>> = { m: 1, g: 1024, t: 1024 * 1024 };

/** Memory in MiB: `2048`, `512M`, `2G`, `1.5G`. */
export function readMemory(text: string): number {
  return readSize(text, "m", 1, `"${text}" is not a memory size. Write MiB, or 512M, 2G.`);
}

/** A disk's size in GiB, the wire's unit: `20`, `20G`, `1T`; `10240M` where it is whole GiB. */
export function readDiskSize(text: string): number {
  const problem = `"${text}" is not a disk size. Write whole GiB: 20, 20G or 1T.`;
  return readSize(text, "g", 1024, problem);
}

/** In units of `stepMiB`; `problem` when the text is not that. */
function readSize(text: string, unitAlone: string, stepMiB: number, problem: string): number {
  const match = /^(\d{1,9}(?:\.\d{1,6})?)\s*([mgt]?)(?:i?b)?$/i.exec(text.trim());
  const unit = UNIT_MIB[(match?.[2] || unitAlone).toLowerCase()];
  const steps = (Number(match?.[1]) * (unit ?? Number.NaN)) / stepMiB;
  if (!Number.isSafeInteger(steps) || steps < 1) throw failures.usage(problem);
  return steps;
}

/** MiB for people: `512 MiB`, `2 GiB`. */
export function memoryText(mib: number | undefined): string {
  if (mib === undefined) return "";
  return mib % 1024 === 0 || mib > 10_240 ? `${round(mib / 1024)} GiB` : `${mib} MiB`;
}

export function bytesText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${round(value)} ${units[unit]}`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
