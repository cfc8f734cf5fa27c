import type { Language } from "../i18n/index.ts";

/* What a browser remembers of its user: looks only, nothing of the estate. */

const read = (key: string): string | null => {
  try {
    return localStorage.getItem(`sinter.${key}`);
  } catch {
    return null; // storage is switched off: defaults it is
  }
};
const write = (key: string, value: string): void => {
  try {
    localStorage.setItem(`sinter.${key}`, value);
  } catch {
    // Then it is forgotten with the page.
  }
};

export const preferences = {
  language(): Language {
    const kept = read("language");
    if (kept === "en" || kept === "zh") return kept;
    return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
  },
  setLanguage: (language: Language): void => write("language", language),
  isDark(): boolean {
    const kept = read("dark");
    return kept === null ? matchMedia("(prefers-color-scheme: dark)").matches : kept === "yes";
  },
  setDark: (isDark: boolean): void => write("dark", isDark ? "yes" : "no"),
  isOpen: (part: "tree" | "tasks"): boolean => read(`open.${part}`) !== "no",
  setOpen: (part: "tree" | "tasks", isOpen: boolean): void => write(`open.${part}`, isOpen ? "yes" : "no"),
  expanded(): string[] {
    try {
      const kept: unknown = JSON.parse(read("expanded") ?? "[]");
      return Array.isArray(kept) ? kept.filter((key) => typeof key === "string") : [];
    } catch {
      return [];
    }
  },
  setExpanded: (keys: readonly string[]): void => write("expanded", JSON.stringify(keys.slice(0, 500))),
};
