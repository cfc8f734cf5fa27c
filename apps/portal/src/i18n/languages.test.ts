import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { en } from "./en/index.ts";
import { zh } from "./zh/index.ts";

type Texts = { readonly [key: string]: string | Texts };

/** `a.b.c` → text. */
function flat(texts: Texts, before = ""): Map<string, string> {
  return new Map(
    Object.entries(texts).flatMap(([key, value]) =>
      typeof value === "string" ? [[before + key, value] as const] : [...flat(value, `${before}${key}.`)],
    ),
  );
}

const english = flat(en);
const chinese = flat(zh);

function placeholders(text: string): string[] {
  return [...text.matchAll(/\{\{\s*([^}\s]+)\s*\}\}/g)].map((match) => match[1] ?? "").toSorted();
}

test("both languages have every text", () => {
  expect([...chinese.keys()].toSorted()).toEqual([...english.keys()].toSorted());
});

test("no text is empty", () => {
  for (const [language, texts] of [
    ["en", english],
    ["zh", chinese],
  ] as const) {
    const wrong = [...texts].filter(([, text]) => text.trim() === "");
    expect(wrong, language).toEqual([]);
  }
});

test("a text takes the same values in both languages", () => {
  const wrong = [...english].filter(
    ([key, text]) => placeholders(text).join() !== placeholders(chinese.get(key) ?? "").join(),
  );
  expect(wrong.map(([key]) => key)).toEqual([]);
});

test("Chinese texts are Chinese, but for names and signs that both share", () => {
  const shared = [...chinese].filter(
    ([key, text]) => !/[\u3400-\u9fff]/.test(text) && text !== english.get(key),
  );
  // Either written in Chinese, or a word that is the same everywhere; anything else was forgotten.
  expect(
    shared
      .map(([key]) => key)
      .filter((key) => key !== "shell.language" && !FIGURES.test(chinese.get(key) ?? "")),
  ).toEqual([]);
});
/** Placeholders and signs alone. */
const FIGURES = /^(?:\{\{[^}]+\}\}|[\s\d/·×%()（）:：,，.-]|ISO|SHA-256|CPU)*$/;

test("counted texts have both forms, though Chinese knows one", () => {
  const wrong = [...english.keys()].filter((key) => {
    const one = /^(.*)_one$/.exec(key)?.[1];
    const other = /^(.*)_other$/.exec(key)?.[1];
    if (one !== undefined) return !english.has(`${one}_other`);
    return other !== undefined && !english.has(`${other}_one`);
  });
  expect(wrong).toEqual([]);
});

test("no text stands in a component", () => {
  const root = join(import.meta.dirname, "..");
  const wrong = readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".tsx") && !path.endsWith(".test.tsx"))
    .flatMap((path) =>
      [...readFileSync(join(root, path), "utf8").matchAll(WRITTEN)].map(
        (match) => `${path}: ${(match[1] ?? match[2] ?? "").trim()}`,
      ),
    );
  // Abbreviations, and samples of what is typed, are the same in all languages.
  expect(wrong.filter((line) => !/: (?:[A-Z]+|ssh-.*)$/.test(line))).toEqual([]);
});
/** Words between tags, and in attributes that people read or hear. */
const WRITTEN =
  />\s*([A-Z][A-Za-z]+(?: [a-z]+)+[.:!?]?)\s*<\/|(?:title|label|placeholder|alt|aria-label)="([^"]*[A-Za-z][^"]*)"/g;
