import type { Client } from "@sinter/client";
import type { BrowserContext, Page } from "playwright-core";

export interface PortalPage {
  /** For files and messages. */
  readonly name: string;
  readonly path: string;
}

/** The main pages of the portal, with objects that are there; for tests and for pictures. */
export async function portalPages(client: Client): Promise<PortalPage[]> {
  const id = (item: { readonly urn: string } | undefined): string => item?.urn.split(":").at(-1) ?? "";
  const vm = id((await client.vms.list({ limit: 1 })).items[0]);
  const host = id((await client.hosts.list({ limit: 1 })).items[0]);
  const cluster = id((await client.clusters.list())[0]);
  const datastore = id((await client.datastores.list({ limit: 1 })).items[0]);
  const network = id((await client.switches.list())[0]);
  const tabs = (name: string, path: string, keys: readonly string[]): PortalPage[] =>
    keys.map((key) => ({ name: `${name}-${key}`, path: `${path}?tab=${key}` }));
  return [
    { name: "overview", path: "/" },
    { name: "vms", path: "/vms" },
    ...tabs("vm", `/vms/${vm}`, [
      "summary",
      "monitor",
      "configure",
      "snapshots",
      "tasks",
      "permissions",
      "console",
    ]),
    { name: "create-vm", path: "/vms/create" },
    { name: "hosts", path: "/hosts" },
    ...tabs("host", `/hosts/${host}`, ["summary", "monitor", "configure", "vms", "tasks", "permissions"]),
    ...tabs("site", "/site", ["summary", "configure"]),
    ...tabs("cluster", `/clusters/${cluster}`, ["summary", "monitor", "configure", "hosts"]),
    { name: "storage", path: "/storage" },
    ...tabs("datastore", `/datastores/${datastore}`, ["summary", "configure", "volumes", "images"]),
    { name: "isos", path: "/isos" },
    { name: "network", path: "/network" },
    ...tabs("switch", `/switches/${network}`, ["summary", "configure", "portGroups"]),
    { name: "tasks", path: "/tasks" },
    { name: "users", path: "/users" },
    { name: "audit", path: "/audit" },
  ];
}

export type PortalLanguage = "en" | "zh";
export type PortalTheme = "light" | "dark";

/** From now on the pages of this context are shown like that. */
export async function setLooks(
  context: BrowserContext,
  language: PortalLanguage,
  theme: PortalTheme,
): Promise<void> {
  await context.addInitScript(
    ([lang, dark]) => {
      localStorage.setItem("sinter.language", lang as string);
      localStorage.setItem("sinter.dark", dark as string);
    },
    [language, theme === "dark" ? "yes" : "no"],
  );
}

/** Logs in on a page that shows the login. */
export async function logIn(page: Page, user: { userName: string; password: string }): Promise<void> {
  await page.locator("#userName").fill(user.userName);
  await page.locator("#password").fill(user.password);
  await page.locator("button[type=submit]").click();
  await page.locator("#content h1").first().waitFor();
}

/** Waits until a page shows what it is about: nothing is a skeleton any more, and nothing is busy. */
export async function settled(page: Page): Promise<void> {
  await page.locator("#content h1").first().waitFor();
  await page.waitForFunction(
    () => document.querySelector(".ant-skeleton-active, [aria-busy=true], .ant-spin-spinning") === null,
    undefined,
    { polling: 50, timeout: 20_000 },
  );
}
