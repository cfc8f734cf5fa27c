/**
 * `npm run screenshots`: pictures of the portal's main pages in both languages, for people to look at. Written to
 * bench-results/screenshots as `<language>-<theme>-<page>.png`; the manager is real, its hosts are simulated.
 */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "@sinter/client";
import { waitFor } from "@sinter/kit";
import { openBrowser } from "./browser.ts";
import { builtPortal } from "./portal-build.ts";
import { logIn, portalPages, setLooks, settled } from "./portal-pages.ts";
import { ensureMachine } from "./setup.ts";
import { ROOT } from "./stand/paths.ts";
import { startSimStand } from "./stand/sim-stand.ts";
import { furnishSimVms } from "./stand/sim-vms.ts";

const FOLDER = join(ROOT, "bench-results/screenshots");
const LOOKS = [
  ["en", "light"],
  ["zh", "light"],
  ["en", "dark"],
] as const;

const say = (line: string): void => console.log(line);
await ensureMachine({ wants: ["database", "browser"], log: say });
await using stand = await startSimStand({ portalDir: await builtPortal(say) });
await furnishSimVms(stand.client);
say("waiting for the first minute of figures");
await waitFor("Figures over time", () => firstFigures(stand.client), {
  timeoutMs: 180_000,
  intervalMs: 1000,
});
const browser = await openBrowser();
try {
  await rm(FOLDER, { recursive: true, force: true });
  await mkdir(FOLDER, { recursive: true });
  const pages = await portalPages(stand.client);
  for (const [language, theme] of LOOKS) {
    const context = await browser.newContext({
      ignoreHTTPSErrors: true,
      viewport: { width: 1440, height: 900 },
    });
    await setLooks(context, language, theme);
    const page = await context.newPage();
    await page.goto(stand.portalUrl);
    await page.locator("#password").waitFor();
    const save = (name: string) =>
      page.screenshot({ path: join(FOLDER, `${language}-${theme}-${name}.png`) });
    await save("login");
    await logIn(page, stand);
    for (const { name, path } of pages) {
      await page.goto(stand.portalUrl + path);
      await settled(page);
      await save(name);
    }
    await context.close();
    say(`${language}, ${theme}: ${pages.length + 1} pictures`);
  }
  say(`The pictures are in ${FOLDER}.`);
} finally {
  await browser.close();
}

/** Charts and top consumers are empty before. */
async function firstFigures(client: Client): Promise<true | undefined> {
  const site = await client.sites.own();
  const now = Math.floor(Date.now() / 1000);
  const [top] = await client.monitor.top([
    {
      urn: site.urn,
      metricId: "cpu_usage",
      objectType: "hosts",
      topN: "1",
      topOrder: "DESC",
      topType: "top",
      startTime: String(now - 600),
      endTime: String(now),
      interval: "60",
    },
  ]);
  return top && top.metricValue.length > 0 ? true : undefined;
}
