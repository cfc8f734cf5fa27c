import { type Browser, chromium } from "playwright-core";

/** Debian's; installed by the set-up's wish `browser`. */
export const CHROMIUM = "/usr/bin/chromium";

/** A headless Chromium of its own. Root needs it without its sandbox, which is fine for pages of ours alone. */
export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
}
