/** Colours of the terminal; without colour each gives its text back. */
export type Paint = Readonly<
  Record<"bold" | "dim" | "red" | "green" | "yellow" | "cyan", (text: string) => string>
>;

const CODES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
} as const;

export function createPaint(isColoured: boolean): Paint {
  const one = (name: keyof typeof CODES) => (text: string) => {
    const [on, off] = CODES[name];
    return isColoured && text !== "" ? `\u001b[${on}m${text}\u001b[${off}m` : text;
  };
  return {
    bold: one("bold"),
    dim: one("dim"),
    red: one("red"),
    green: one("green"),
    yellow: one("yellow"),
    cyan: one("cyan"),
  };
}

/** Colours only on a terminal that has them and a person who wants them (no-color.org). */
export function wantsColour(
  stream: { readonly isTTY?: boolean | undefined },
  env: NodeJS.ProcessEnv,
): boolean {
  return stream.isTTY === true && !env.NO_COLOR && env.TERM !== "dumb";
}

const GOOD = new Set(["running", "normal", "NORMAL", "success", "USE", "valid", "on", "kvm"]);
const BAD = new Set(["fault", "failed", "unknown", "unknow", "ABNORMAL", "poweroff", "off", "expired"]);
const BUSY = /ing$|^CREATING$|^DELETING$|^emulated$|^READONLY$|^pause$|^waiting$/;

/** States in the colours of a traffic light. */
export function stateStyle(text: string, paint: Paint): string {
  if (GOOD.has(text)) return paint.green(text);
  if (BAD.has(text)) return paint.red(text);
  return BUSY.test(text) ? paint.yellow(text) : text;
}
