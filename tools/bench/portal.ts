import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { openBrowser } from "../browser.ts";
import { builtPortal } from "../portal-build.ts";
import { freePort } from "../stand/stand.ts";
import { type BenchContext, type Figure, median, quantile } from "./figure.ts";
import { openLargeSite } from "./large-site.ts";

const SIZE = { hosts: 1250, vmsPerHost: 16 };
const VMS = SIZE.hosts * SIZE.vmsPerHost;
const LOADS = 20;
/** The first round over all hosts writes what each says of its VMs, which happens once. */
const STEADY_MS = 75_000;

/** A browser on the inventory of 20,000 VMs: time to the first useful paint, size of the first page, scrolling. */
export async function benchPortal(context: BenchContext): Promise<Figure[]> {
  const { say, signal } = context;
  const portalDir = await builtPortal(say);
  const portalPort = await freePort();
  await using site = await openLargeSite(SIZE, context, {
    SINTER_PORTAL_DIR: portalDir,
    SINTER_PORTAL_PORT: String(portalPort),
  });
  say("leaving the manager alone with its hosts");
  await pause(STEADY_MS, undefined, { signal });
  const browser = await openBrowser();
  try {
    const origin = `https://127.0.0.1:${portalPort}`;
    const user = await browser.newContext({
      ignoreHTTPSErrors: true,
      viewport: { width: 1440, height: 900 },
    });
    const page = await user.newPage();
    await page.goto(origin);

    await page.getByLabel("User name").fill("admin");
    await page.getByLabel("Password").fill(site.password);
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByRole("navigation").waitFor();
    say("loading pages");
    const figures = [
      await paint(user, signal, "overview", `${origin}/`, (fresh) =>
        fresh
          .locator(".shell-content")
          .getByText(/20[,. ]?000/)
          .first()
          .waitFor(),
      ),
      await paint(user, signal, `list of ${VMS} VMs`, `${origin}/vms`, (fresh) =>
        fresh.locator("[role=row][aria-rowindex='2'] a").first().waitFor(),
      ),
    ];
    figures.push(await firstPageSize(browser, user, origin, portalDir));
    say("scrolling");
    figures.push(...(await scroll(page, `${origin}/vms`)));
    return figures;
  } finally {
    await browser.close();
  }
}

/** With the browser's cache as after an earlier visit; the answer of the manager and the drawing count. */
async function paint(
  user: BrowserContext,
  signal: AbortSignal,
  name: string,
  url: string,
  isUseful: (page: Page) => Promise<void>,
): Promise<Figure> {
  const samples: number[] = [];
  for (let n = -2; n < LOADS; n++) {
    signal.throwIfAborted();
    const page = await user.newPage();
    const startedAt = performance.now();
    await page.goto(url, { waitUntil: "commit" });
    await isUseful(page);
    if (n >= 0) samples.push(performance.now() - startedAt);
    await page.close();
  }
  return {
    name: `portal, ${name}: first useful paint, p95`,
    unit: "ms",
    value: quantile(samples, 0.95),
    target: { of: "value", max: 1500 },
    note: `p50 ${median(samples).toFixed(0)} ms over ${LOADS} loads in headless Chromium on the same machine`,
  };
}

/** Scripts that a first visit loads, compressed by gzip as a plain server would send them. */
async function firstPageSize(
  browser: Browser,
  user: BrowserContext,
  origin: string,
  portalDir: string,
): Promise<Figure> {
  const fresh = await browser.newContext({
    ignoreHTTPSErrors: true,
    storageState: await user.storageState(),
  });
  const scripts = new Set<string>();
  const page = await fresh.newPage();
  page.on("response", (response) => {
    const { pathname } = new URL(response.url());
    if (pathname.endsWith(".js")) scripts.add(pathname);
  });
  await page.goto(origin);
  await page
    .locator(".shell-content")
    .getByText(/20[,. ]?000/)
    .first()
    .waitFor();
  let bytes = 0;
  for (const path of scripts) bytes += gzipSync(await readFile(join(portalDir, path)), { level: 9 }).length;
  await fresh.close();
  return {
    name: "portal, JavaScript of the first page, gzip",
    unit: "kB",
    value: bytes / 1000,
    target: { of: "value", max: 450 },
    note: `${scripts.size} files; everything else is loaded with the page that needs it`,
  };
}

/** Time between frames while the list is scrolled from its first to its last row. */
async function scroll(page: Page, url: string): Promise<Figure[]> {
  await page.goto(url);
  await page.locator("[role=row][aria-rowindex='2'] a").first().waitFor();
  const frames = await page.evaluate(async () => {
    const box = document.querySelector('[role="grid"]');
    if (!(box instanceof HTMLElement)) throw new Error("There is no list.");
    const gaps: number[] = [];
    const frameAt = () => new Promise<number>((resolve) => requestAnimationFrame(resolve));
    let last = await frameAt();
    const step = box.scrollHeight / 300;
    for (let top = 0; top < box.scrollHeight; top += step) {
      box.scrollTop = top;
      const now = await frameAt();
      gaps.push(now - last);
      last = now;
    }
    return gaps;
  });
  await page
    .locator(`[role=row][aria-rowindex='${VMS + 1}'] a`)
    .first()
    .waitFor();
  return [
    {
      name: `portal, scrolling through ${VMS} VMs: time between frames, p95`,
      unit: "ms",
      value: quantile(frames, 0.95),
      note: `p50 ${median(frames).toFixed(0)} ms, longest ${Math.max(...frames).toFixed(0)} ms; drawn by the processor, without a graphics card`,
    },
  ];
}
