/** One measured figure, with what it is compared against and what it should be. */
export interface Figure {
  readonly name: string;
  readonly unit: "ms" | "s" | "kB" | "MB" | "%";
  readonly value: number;
  /** The same thing done by the tool underneath, in the same unit. */
  readonly raw?: { readonly tool: string; readonly value: number };
  /** Most it may be: the value itself, or as many times the raw tool's. A figure without one is for information. */
  readonly target?: { readonly of: "value" | "ratio"; readonly max: number };
  /** What one must know to read it. */
  readonly note?: string;
}

/** What the parts of the benchmark share. */
export interface BenchContext {
  readonly say: (line: string) => void;
  /** Aborted by Ctrl-C: parts look at it between measurements, and their disposal stops what they started. */
  readonly signal: AbortSignal;
}

export function ratioOf({ value, raw }: Figure): number | undefined {
  return raw === undefined ? undefined : value / raw.value;
}

/** Undefined when there is no target. */
export function isMet(figure: Figure): boolean | undefined {
  const { target } = figure;
  if (target === undefined) return undefined;
  const measured = target.of === "value" ? figure.value : ratioOf(figure);
  return measured !== undefined && measured <= target.max;
}

/** The one table of a run. */
export function tableOf(figures: readonly Figure[]): string {
  const head = ["figure", "measured", "raw tool", "ratio", "target", ""];
  const rows = figures.map((figure) => {
    const { name, unit, value, raw, target } = figure;
    const ratio = ratioOf(figure);
    const met = isMet(figure);
    return [
      name,
      withUnit(value, unit),
      raw === undefined ? "" : `${withUnit(raw.value, unit)} ${raw.tool}`,
      ratio === undefined ? "" : `${ratio.toFixed(2)}×`,
      target === undefined
        ? ""
        : target.of === "ratio"
          ? `≤ ${target.max}×`
          : `≤ ${withUnit(target.max, unit)}`,
      met === undefined ? "" : met ? "ok" : "MISSED",
    ];
  });
  const widths = head.map((_, column) =>
    Math.max(...[head, ...rows].map((row) => (row[column] ?? "").length)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  const notes = figures.flatMap(({ name, note }) => (note === undefined ? [] : [`  ${name}: ${note}`]));
  const rule = widths.map((width) => "-".repeat(width));
  return [head, rule, ...rows]
    .map(line)
    .concat("", ...notes)
    .join("\n");
}

function withUnit(value: number, unit: string): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ${unit}`;
}

/** The sample that a share of all samples does not exceed; 0.5 is the median. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = Math.min(sorted.length - 1, Math.floor(sorted.length * share));
  const value = sorted[at];
  if (value === undefined) throw new Error("There is no quantile of nothing.");
  return value;
}

export const median = (samples: readonly number[]): number => quantile(samples, 0.5);

/** Milliseconds that the work takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}
