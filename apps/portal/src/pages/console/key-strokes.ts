import { CODES, type Layout, LAYOUTS, type LayoutName } from "./keyboard-layouts.ts";

/** One key pressed and let go, with what is held meanwhile. */
export interface Stroke {
  readonly code: string;
  /** What the key writes on a US keyboard: servers that do not read `code` find the key by it. */
  readonly keysym: number;
  readonly isShifted: boolean;
  readonly isAltGr: boolean;
}

const KEYSYM = { Enter: 0xff0d, Tab: 0xff09, Space: 0x20 } as const;
/** Accents as Unicode puts them behind a letter, and as keys show them. */
const ACCENTS: Readonly<Record<string, string>> = {
  "\u0300": "`",
  "\u0301": "´",
  "\u0302": "^",
  "\u0303": "~",
  "\u0308": "¨",
};

type Keys = ReadonlyMap<string, Stroke>;

/** Keys that write text on a guest with this layout, and the characters that no key of it writes. */
export function strokesFor(
  text: string,
  layoutName: LayoutName,
): { readonly strokes: Stroke[]; readonly missing: string[] } {
  const { live, dead } = keysOf(LAYOUTS[layoutName]);
  const strokes: Stroke[] = [];
  const missing = new Set<string>();
  for (const character of text.replaceAll(/\r\n?/g, "\n").normalize("NFC")) {
    const keys = keysFor(character, live, dead);
    if (keys) strokes.push(...keys);
    else missing.add(character);
  }
  return { strokes, missing: [...missing] };
}

function keysFor(character: string, live: Keys, dead: Keys): Stroke[] | undefined {
  const key = live.get(character);
  if (key) return [key];
  const space = live.get(" ");
  const accentKey = dead.get(character);
  // An accent followed by a blank stands alone.
  if (accentKey && space) return [accentKey, space];
  const [base, accent, ...more] = character.normalize("NFD");
  if (base === undefined || accent === undefined || more.length > 0) return undefined;
  const before = dead.get(ACCENTS[accent] ?? "");
  const letter = live.get(base);
  return before && letter ? [before, letter] : undefined;
}

function keysOf(layout: Layout): { live: Keys; dead: Keys } {
  const live = new Map<string, Stroke>();
  const dead = new Map<string, Stroke>();
  const add = (character: string, code: string, isShifted: boolean, isAltGr: boolean): void => {
    if (character === " ") return;
    const keys = layout.dead.includes(character) && !isAltGr ? dead : live;
    // The way with fewer keys held is tried first, and stays.
    if (!keys.has(character)) keys.set(character, { code, keysym: usKeysym(code), isShifted, isAltGr });
  };
  const plain = layout.plain.join("");
  const shift = layout.shift.join("");
  for (const [index, code] of CODES.entries()) add(plain[index] ?? " ", code, false, false);
  for (const [index, code] of CODES.entries()) add(shift[index] ?? " ", code, true, false);
  for (const [code, character] of Object.entries(layout.altGr)) add(character, code, false, true);
  const bare = { isShifted: false, isAltGr: false };
  live.set(" ", { code: "Space", keysym: KEYSYM.Space, ...bare });
  live.set("\n", { code: "Enter", keysym: KEYSYM.Enter, ...bare });
  live.set("\t", { code: "Tab", keysym: KEYSYM.Tab, ...bare });
  return { live, dead };
}

const US_KEYS = LAYOUTS["en-us"].plain.join("");

function usKeysym(code: string): number {
  const character = US_KEYS[CODES.indexOf(code)];
  // The key that US keyboards lack carries < and > on most others.
  return character === undefined || character === " " ? 0x3c : character.charCodeAt(0);
}

/** How a key reaches the guest. */
export type SendKey = (keysym: number, code: string, isDown: boolean) => void;

const SHIFT = { keysym: 0xffe1, code: "ShiftLeft" } as const;
const ALT_GR = { keysym: 0xfe03, code: "AltRight" } as const;

/** Presses and lets go one key with what it needs held. */
export function press(stroke: Stroke, send: SendKey): void {
  const held = [...(stroke.isShifted ? [SHIFT] : []), ...(stroke.isAltGr ? [ALT_GR] : [])];
  for (const key of held) send(key.keysym, key.code, true);
  send(stroke.keysym, stroke.code, true);
  send(stroke.keysym, stroke.code, false);
  for (const key of held.toReversed()) send(key.keysym, key.code, false);
}

/** A guest's keyboard holds few keys that were not yet read: faster than this, slow guests lose some. */
export const STROKE_MS = 30;

/** Types at the pace of a guest. Ends early when `signal` says so, between two keys: none stays pressed. */
export async function typeStrokes(
  strokes: readonly Stroke[],
  options: { send: SendKey; signal: AbortSignal; onProgress: (typed: number) => void; strokeMs?: number },
): Promise<void> {
  for (const [index, stroke] of strokes.entries()) {
    if (options.signal.aborted) return;
    press(stroke, options.send);
    options.onProgress(index + 1);
    await new Promise((resolve) => setTimeout(resolve, options.strokeMs ?? STROKE_MS));
  }
}
