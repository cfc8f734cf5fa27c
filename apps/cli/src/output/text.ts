import stringWidth from "string-width";

/** Columns that a text takes on a terminal: two for most CJK characters and emoji, none for what combines. */
export const widthOf: (text: string) => number = stringWidth;

/**
 * Names come from other people: what would move the cursor, colour the screen or turn the reading direction becomes
 * visible instead.
 */
export function clean(text: string): string {
  return text.replace(
    // oxlint-disable-next-line no-control-regex
    /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** The same for a text of several lines. */
export function cleanLines(text: string): string {
  return text.split("\n").map(clean).join("\n");
}

export function quoted(text: string): string {
  return `"${clean(text)}"`;
}

/** Cut to `columns`, with an ellipsis in the last one. */
export function fit(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let kept = "";
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (widthOf(kept + segment) > columns - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}

export function padEnd(text: string, columns: number): string {
  return text + " ".repeat(Math.max(columns - widthOf(text), 0));
}

export function padStart(text: string, columns: number): string {
  return " ".repeat(Math.max(columns - widthOf(text), 0)) + text;
}
