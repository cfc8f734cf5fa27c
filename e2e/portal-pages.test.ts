import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, describe, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { waitFor } from "@sinter/kit";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { openBrowser } from "../tools/browser.ts";
import { builtPortal } from "../tools/portal-build.ts";
import {
  logIn,
  type PortalLanguage,
  type PortalPage,
  portalPages,
  type PortalTheme,
  setLooks,
  settled,
} from "../tools/portal-pages.ts";
import { ensureMachine } from "../tools/setup.ts";
import { type SimStand, startSimStand } from "../tools/stand/sim-stand.ts";
import { furnishSimVms, MARKUP_NAME } from "../tools/stand/sim-vms.ts";

/* The portal's pages in a real browser, served by a real manager on simulated hosts. */

const SOON = { timeoutMs: 10_000, intervalMs: 50 };
const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

interface Tab {
  readonly context: BrowserContext;
  readonly page: Page;
  /** What the browser complained of since the login: errors of scripts, of the page's policy, of loading. */
  readonly complaints: string[];
  /** Things it gave up loading because a network card came or went, as those of laboratories do. */
  readonly disturbances: string[];
}

describe("the portal in Chromium", { timeout: 900_000 }, () => {
  let stand: SimStand;
  let browser: Browser;
  let pages: PortalPage[];
  let axe: string;

  before(async () => {
    const say = (): void => {};
    await ensureMachine({ wants: ["browser"], log: say });
    stand = await startSimStand({ portalDir: await builtPortal(say) });
    await furnishSimVms(stand.client);
    pages = await portalPages(stand.client);
    axe = await readFile(AXE, "utf8");
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    await stand?.[Symbol.asyncDispose]();
  });

  /** A browser of somebody who has just logged in; with nothing in common with others. */
  async function open(language: PortalLanguage = "en", theme: PortalTheme = "light"): Promise<Tab> {
    const context = await browser.newContext({
      ignoreHTTPSErrors: true,
      viewport: { width: 1440, height: 900 },
      // Colours are measured as they are, not on their way.
      reducedMotion: "reduce",
    });
    await setLooks(context, language, theme);
    const page = await context.newPage();
    await page.goto(stand.portalUrl);
    await logIn(page, stand);
    const complaints: string[] = [];
    const disturbances: string[] = [];
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("console", (message) => {
      if (message.type() !== "error") return;
      const text = message.text();
      (text.includes("ERR_NETWORK_CHANGED") ? disturbances : complaints).push(text);
    });
    return { context, page, complaints, disturbances };
  }

  async function show({ page, complaints, disturbances }: Tab, path: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      await page.goto(stand.portalUrl + path);
      await settled(page);
      if (disturbances.splice(0).length === 0 || attempt === 5) return;
      complaints.length = 0;
    }
  }

  /** Rules broken on what is shown now, with the first element that breaks each. */
  async function violations(page: Page): Promise<string[]> {
    // By the debugger, which the page's policy does not bind.
    await page.evaluate(axe);
    return page.evaluate(async () => {
      type Found = { id: string; nodes: { html: string; failureSummary?: string }[] };
      const { axe: tool } = globalThis as unknown as {
        axe: { run(at: Document, options: object): Promise<{ violations: Found[] }> };
      };
      const { violations: found } = await tool.run(document, { resultTypes: ["violations"] });
      return found.map(({ id, nodes }) => {
        const [node] = nodes;
        return `${id} (${nodes.length}): ${node?.html.slice(0, 160)} ${node?.failureSummary?.slice(0, 200)}`;
      });
    });
  }

  for (const [language, theme, isWanted] of [
    ["en", "light", () => true],
    ["zh", "dark", () => true],
    // Colours depend on the theme, texts on the language: of the other pairs one page of each kind will do.
    ["en", "dark", isOfItsKind],
    ["zh", "light", isOfItsKind],
  ] as const) {
    test(`main pages, ${language} and ${theme}: no accessibility violation, nothing the browser complains of`, async () => {
      const tab = await open(language, theme);
      const wrong: string[] = [];
      for (const { name, path } of pages.filter((page) => isWanted(page.name))) {
        await show(tab, path);
        wrong.push(...(await violations(tab.page)).map((line) => `${name}: ${line}`));
        wrong.push(...tab.complaints.splice(0).map((line) => `${name}: ${line}`));
      }
      await tab.context.close();
      assert.deepEqual(wrong, []);
    });
  }

  test("the login page has no accessibility violation", async () => {
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    const page = await context.newPage();
    await page.goto(stand.portalUrl);
    await page.locator("#password").waitFor();
    assert.deepEqual(await violations(page), []);
    await context.close();
  });

  test("dialogs: no accessibility violation, nothing the browser complains of", async () => {
    const tab = await open();
    const wrong: string[] = [];
    const path = (name: string): string => pages.find((page) => page.name === name)?.path ?? "";
    const dialogs: readonly (readonly [path: string, button: string])[] = [
      ["/hosts", "Join a host"],
      [path("host-summary"), "Enter maintenance"],
      [path("host-summary"), "Move to a cluster"],
      [path("host-summary"), "Take out of the site"],
      ["/site", "Create cluster"],
      ["/storage", "Create datastore"],
      ["/isos", "Upload images"],
      ["/network", "Create switch"],
      [path("switch-portGroups"), "Create port group"],
      [path("switch-summary"), "Add host"],
    ];
    for (const [where, button] of dialogs) {
      await show(tab, where);
      await tab.page.locator("#content").getByRole("button", { name: button }).click();
      const dialog = tab.page.getByRole("dialog");
      await dialog.waitFor();
      wrong.push(...(await violations(tab.page)).map((line) => `${button}: ${line}`));
      wrong.push(...tab.complaints.splice(0).map((line) => `${button}: ${line}`));
    }
    await tab.context.close();
    assert.deepEqual(wrong, []);
  });

  test("a VM whose name is markup is shown as text, wherever it is shown", async () => {
    const tab = await open();
    const vm = (await stand.client.vms.list({ name: MARKUP_NAME })).items[0];
    assert.ok(vm);
    for (const path of ["/vms", `/vms/${vm.urn.split(":").at(-1)}`, "/tasks"]) {
      await show(tab, path);
      await tab.page.getByText(MARKUP_NAME).first().waitFor();
      assert.equal(await tab.page.locator('img[src="x"]').count(), 0, path);
    }
    assert.equal(await tab.page.evaluate(() => "pwned" in globalThis), false);
    await tab.context.close();
  });

  test("a button that cannot be used now says why, to the keyboard too", async () => {
    const tab = await open();
    await show(tab, pages.find((page) => page.name === "host-summary")?.path ?? "");
    const button = tab.page.getByRole("button", { name: "Restart" });
    await button.focus();
    assert.equal(await button.getAttribute("aria-disabled"), "true");
    const reason = tab.page.locator(`[id="${await button.getAttribute("aria-describedby")}"]`);
    assert.match((await reason.textContent()) ?? "", /BMC/);
    await tab.page.keyboard.press("Enter");
    assert.equal(await tab.page.getByRole("dialog").count(), 0);
    await tab.context.close();
  });

  test("two browsers see each other's changes within 2 s", async () => {
    const [here, there] = [await open(), await open("zh")];
    await show(there, "/site");
    await show(here, "/site");
    await here.page.getByRole("button", { name: "Create cluster" }).click();
    await here.page.getByRole("dialog").getByLabel("Name").fill("seen-by-others");
    const clicked = performance.now();
    await here.page.getByRole("dialog").getByRole("button", { name: "Create" }).click();
    await there.page.locator("#content").getByRole("link", { name: "seen-by-others" }).waitFor();
    const tookMs = performance.now() - clicked;
    assert.ok(tookMs < 2000, `${Math.round(tookMs)} ms`);

    // Whoever else changes something is seen as well: here a VM is renamed through the API.
    const vm = (await stand.client.vms.list({ name: "web-01" })).items[0];
    assert.ok(vm);
    await show(there, "/vms");
    await stand.client.tasks.wait(await stand.client.vms.modify(vm, { name: "web-renamed" }));
    const changed = performance.now();
    await there.page.getByRole("grid").getByText("web-renamed").waitFor();
    assert.ok(performance.now() - changed < 2000);
    await here.context.close();
    await there.context.close();
  });

  test("a refusal stands beside the field it is about, and what was typed stays", async () => {
    const tab = await open();
    await show(tab, "/site");
    await tab.page.getByRole("button", { name: "Create cluster" }).click();
    const dialog = tab.page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("ManagementCluster");
    await dialog.getByLabel("Description").fill("typed with care");
    await dialog.getByRole("button", { name: "Create" }).click();
    const field = dialog.getByLabel("Name");
    await waitFor(
      "The refusal beside the name",
      async () => ((await field.getAttribute("aria-invalid")) === "true" ? true : undefined),
      SOON,
    );
    const reason = dialog.locator(`[id="${await field.getAttribute("aria-describedby")}"]`);
    assert.match((await reason.textContent()) ?? "", /ManagementCluster|name/i);
    assert.equal(await dialog.getByLabel("Description").inputValue(), "typed with care");
    await tab.context.close();
  });

  test("a lost manager shows a banner; when it is back the page goes on by itself", async () => {
    const tab = await open();
    await show(tab, "/vms");
    const banner = tab.page.locator(".lost");
    await stand.manager.stop();
    try {
      await banner.waitFor({ timeout: 30_000 });
      const known = tab.page.getByRole("grid").getByText("db-01");
      assert.ok(await known.isVisible(), "what was known is still shown");
    } finally {
      await stand.manager.start();
    }
    await banner.waitFor({ state: "detached", timeout: 60_000 });
    const vm = (await stand.client.vms.list({ name: "db-01" })).items[0];
    assert.ok(vm);
    await stand.client.tasks.wait(await stand.client.vms.modify(vm, { name: "db-after" }));
    await tab.page.getByRole("grid").getByText("db-after").waitFor({ timeout: 10_000 });
    await tab.context.close();
  });

  test("a session that ends keeps the page: after the login it goes on with what was typed", async () => {
    const tab = await open();
    await show(tab, "/site");
    await tab.page.getByRole("button", { name: "Create cluster" }).click();
    const dialog = tab.page.getByRole("dialog").filter({ hasText: "Create cluster" });
    await dialog.getByLabel("Name").fill("typed-before");
    await endSession(tab.page);
    await dialog.getByRole("button", { name: "Create" }).click();
    await tab.page.locator("#password").waitFor();
    await tab.page.locator("#password").fill(stand.password);
    await tab.page.getByRole("button", { name: "Log in" }).click();
    await tab.page.locator("#password").waitFor({ state: "hidden" });
    assert.equal(await dialog.getByLabel("Name").inputValue(), "typed-before");
    await dialog.getByRole("button", { name: "Create" }).click();
    await tab.page.locator("#content").getByRole("link", { name: "typed-before" }).waitFor();
    await tab.context.close();
  });

  test("an upload can be paused, goes on after a reload with the same file only, and arrives unchanged", async () => {
    const tab = await open();
    const { page } = tab;
    const buffer = randomBytes(12 * 1024 * 1024 + 77);
    const file = { name: "tools.iso", mimeType: "application/octet-stream", buffer };
    // A slow line, so that there is something to pause.
    await page.route("**/content", async (route) => {
      await setTimeout(400);
      await route.continue().catch(() => {}); // aborted by the pause
    });
    await show(tab, "/isos");
    await page.getByRole("button", { name: "Upload images" }).click();
    await page.getByRole("dialog").locator("input[type=file]").setInputFiles(file);
    await page.getByRole("button", { name: "Begin" }).click();
    const arrived = async (): Promise<number> => (await stand.client.isos.list())[0]?.receivedBytes ?? 0;
    await waitFor("Something having arrived", async () => ((await arrived()) > 0 ? true : undefined), SOON);
    await page.getByRole("button", { name: "Pause: tools.iso" }).click();
    await page.getByText("Paused").waitFor();
    assert.ok((await arrived()) < buffer.length);

    await page.reload();
    const again = page.locator("td input[type=file]");
    await again.setInputFiles({ ...file, buffer: buffer.subarray(1) });
    await page.getByRole("alert").filter({ hasText: "another size" }).waitFor();
    await again.setInputFiles({ ...file, name: "other.iso" });
    await page.getByRole("alert").filter({ hasText: "another file" }).waitFor();
    const kept = await arrived();
    assert.ok(kept > 0 && kept < buffer.length);
    await again.setInputFiles(file);
    await page.getByText("Ready").waitFor();
    const [iso] = await stand.client.isos.list();
    assert.equal(iso?.sha256, createHash("sha256").update(buffer).digest("hex"));

    await page.getByRole("button", { name: "Delete image: tools.iso" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.getByText("There is no ISO image yet.").waitFor();
    assert.deepEqual(tab.complaints, []);
    await tab.context.close();
  });

  test("the URL holds the state of a list: whoever opens it sees the same", async () => {
    const tab = await open();
    await show(tab, "/vms?status=stopped&name=dns");
    await tab.page.getByRole("grid").getByText("dns-1").waitFor();
    assert.equal(await tab.page.getByRole("grid").getByRole("row").count(), 2, "the head and one VM");
    await show(tab, "/hosts?status=fault");
    await tab.page.getByText("Nothing matches the filter").waitFor();
    await tab.context.close();
  });
});

const KINDS = ["overview", "vms", "vm-summary", "create-vm", "host-summary", "datastore-summary", "isos"];

function isOfItsKind(name: string): boolean {
  return KINDS.includes(name);
}

/** As if it had run out: another tab of the same browser logs out. */
async function endSession(page: Page): Promise<void> {
  const status = await page.evaluate(async () => {
    const { csrf } = (await (await fetch("/sinter/v1/session")).json()) as { csrf: string };
    const answer = await fetch("/sinter/v1/session", {
      method: "DELETE",
      headers: { "x-sinter-csrf": csrf },
    });
    return answer.status;
  });
  assert.equal(status, 200);
}
