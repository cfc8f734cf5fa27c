import { describe, expect, test } from "vitest";
import { press, strokesFor, typeStrokes } from "./key-strokes.ts";
import { CODES, LAYOUT_NAMES, LAYOUTS } from "./keyboard-layouts.ts";

const keys = (text: string, layout: keyof typeof LAYOUTS): string[] =>
  strokesFor(text, layout).strokes.map(
    ({ code, isShifted, isAltGr }) => `${isShifted ? "Shift+" : ""}${isAltGr ? "AltGr+" : ""}${code}`,
  );

describe("typing text into a guest", () => {
  test.each(LAYOUT_NAMES)("%s has a character for each key, none twice on one level", (name) => {
    const { plain, shift, altGr } = LAYOUTS[name];
    for (const level of [plain, shift]) {
      const characters = Array.from(level.join(""));
      expect(characters).toHaveLength(CODES.length);
      const written = characters.filter((character) => character !== " ");
      expect(new Set(written).size).toBe(written.length);
    }
    for (const code of Object.keys(altGr)) expect(CODES).toContain(code);
  });

  test.each(LAYOUT_NAMES)("%s writes all of ASCII", (name) => {
    const ascii = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)).join("");
    expect(strokesFor(ascii, name).missing).toEqual([]);
  });

  test("the same letters are other keys by layout", () => {
    expect(keys("yz@", "en-us")).toEqual(["KeyY", "KeyZ", "Shift+Digit2"]);
    expect(keys("yz@", "de")).toEqual(["KeyZ", "KeyY", "AltGr+KeyQ"]);
    expect(keys("aq1", "fr")).toEqual(["KeyQ", "KeyA", "Shift+Digit1"]);
  });

  test("accents: alone with a blank after them, or before their letter", () => {
    expect(keys("^", "de")).toEqual(["Backquote", "Space"]);
    expect(keys("é", "de")).toEqual(["Equal", "KeyE"]);
    expect(keys("Ê", "fr")).toEqual(["BracketLeft", "Shift+KeyE"]);
    expect(keys("é", "fr")).toEqual(["Digit2"]);
  });

  test("line ends of every kind are one Enter, tabs are Tab", () => {
    expect(keys("a\r\nb\rc\td\n", "en-us")).toEqual("KeyA Enter KeyB Enter KeyC Tab KeyD Enter".split(" "));
  });

  test("what no key writes is told once, the rest is typed", () => {
    const { strokes, missing } = strokesFor("a虚b虚😀", "en-us");
    expect(strokes).toHaveLength(2);
    expect(missing).toEqual(["虚", "😀"]);
  });

  test("keys that are held are let go in the other order", () => {
    const sent: string[] = [];
    const [at] = strokesFor("A", "en-us").strokes;
    if (at) press(at, (_keysym, code, isDown) => sent.push(`${isDown ? "+" : "-"}${code}`));
    expect(sent).toEqual(["+ShiftLeft", "+KeyA", "-KeyA", "-ShiftLeft"]);
  });

  test("the US keysym of the physical key goes with it", () => {
    expect(strokesFor("z", "de").strokes[0]).toMatchObject({ code: "KeyY", keysym: "y".charCodeAt(0) });
  });

  test("stopping leaves no key pressed and types no more", async () => {
    const stop = new AbortController();
    const down = new Set<string>();
    let typed = 0;
    await typeStrokes(strokesFor("ABCDEF", "en-us").strokes, {
      send: (_keysym, code, isDown) => void (isDown ? down.add(code) : down.delete(code)),
      signal: stop.signal,
      onProgress: (count) => {
        typed = count;
        if (count === 3) stop.abort();
      },
      strokeMs: 0,
    });
    expect(typed).toBe(3);
    expect([...down]).toEqual([]);
  });
});
