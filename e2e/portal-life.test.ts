import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { run, waitFor } from "@sinter/kit";
import { runInGuest, waitForGuestAgent } from "@sinter/lab";
import type { Browser, Page } from "playwright-core";
import { openBrowser } from "../tools/browser.ts";
import { openScene, type Scene } from "./scene.ts";

/* One VM's life as an administrator sees it: in a real browser, on a real host. */

/** Without capitals: the keyboard of the test presses no Shift. */
const PASSWORD = "portal-guest7";
const FILE = "/run/written-by-the-console";

describe("a VM's life in the portal", { timeout: 600_000 }, () => {
  let scene: Scene;
  let browser: Browser;
  let page: Page;
  let folder: string;
  let uri = "";
  const refusals: string[] = [];
  before(async () => {
    folder = await mkdtemp(join("/var/tmp", "sinter-portal-"));
    scene = await openScene(1);
    browser = await openBrowser();
    const context = await browser.newContext({
      ignoreHTTPSErrors: true,
      locale: "en-US",
      viewport: { width: 1440, height: 1000 },
    });
    context.on("console", (message) => {
      if (/Content Security Policy/.test(message.text())) refusals.push(message.text());
    });
    page = await context.newPage();
    page.setDefaultTimeout(60_000);
  });
  after(async () => {
    await browser?.close();
    await scene?.stand[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  /** Both outputs of a program in the guest. */
  const inGuest = async (path: string, args: readonly string[]): Promise<string> => {
    const host = await scene.hostOf(uri);
    const { stdout, stderr } = await runInGuest(
      scene.stand.lab,
      host,
      uri.split("/").at(-1) ?? "",
      path,
      args,
    );
    return stdout + stderr;
  };
  const choose = async (label: string, option: string | RegExp): Promise<void> => {
    await page.getByRole("combobox", { name: label }).last().click();
    await page
      .locator(".ant-select-dropdown:visible .ant-select-item-option", { hasText: option })
      .first()
      .click();
  };
  const next = (): Promise<void> => page.getByRole("button", { name: "Next" }).click();

  test("login, and a VM by the wizard", async () => {
    const { portalUrl, password } = scene.stand.access;
    await page.goto(`${portalUrl}/vms`);
    await page.getByLabel("User name").fill("admin");
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Log in" }).click();
    // The address that was asked for is kept.
    await page.getByRole("heading", { level: 1, name: "Virtual machines" }).waitFor();
    await page.getByRole("button", { name: "Create VM" }).click();
    await page.getByLabel("Name", { exact: true }).fill("from-the-portal");
    await choose("Cluster or host", "ManagementCluster");
    await next();
    await next();
    await next();
    await choose("Datastore", "shared");
    await choose("Content", "sinter-mini");
    await next();
    await choose("Port group", /./);
    await next();
    await page.getByLabel("Customize the guest at its first start").check();
    await page.getByLabel("Host name").fill("portal-guest");
    await page.getByLabel("Password of the first user").fill(PASSWORD);
    await next();
    const summary = page.locator("main");
    await summary.getByText("curl").first().waitFor();
    assert.ok(!(await summary.innerText()).includes(PASSWORD), "the password is not in the commands shown");
    await page.getByRole("button", { name: "Create", exact: true }).click();
  });

  test("the task pane shows the task until it is done", async () => {
    const row = page
      .getByRole("region", { name: "Recent tasks" })
      .getByRole("row")
      .filter({ hasText: "from-the-portal" })
      .filter({ hasText: "Create VM" });
    await row.getByText("Done").waitFor();
    await row.getByRole("button", { name: /^Steps/ }).click();
    const [vm] = (await scene.client.vms.list({ name: "from-the-portal" })).items;
    uri = vm?.uri ?? "";
    assert.ok(uri);
    await waitForGuestAgent(scene.stand.lab, await scene.hostOf(uri), uri.split("/").at(-1) ?? "");
  });

  test("CON-03: the console shows the screen, and what is typed there happens in the guest", async () => {
    await page.goto(`${scene.stand.access.portalUrl}/vms/${uri.split("/").at(-1)}`);
    const [screen] = await Promise.all([
      page.context().waitForEvent("page"),
      page.getByRole("button", { name: "Console" }).click(),
    ]);
    await screen.getByText("Connected", { exact: true }).waitFor();
    const canvas = screen.locator("canvas").first();
    // Text is there: the picture has more than one colour.
    await waitFor(
      "Something on the screen",
      async () => {
        const picture = await canvas.screenshot();
        return picture.length > 2000 ? true : undefined;
      },
      { timeoutMs: 60_000, intervalMs: 500 },
    );
    await canvas.click();
    const type = async (text: string): Promise<void> => {
      await screen.keyboard.type(text, { delay: 60 });
      await screen.keyboard.press("Enter");
    };
    const sees = (what: string, program: RegExp): Promise<true> =>
      waitFor(what, async () => (program.test(await inGuest("/bin/ps", [])) ? true : undefined), {
        timeoutMs: 60_000,
        intervalMs: 300,
      });
    await sees("The login prompt", /getty .*tty1/);
    await type("root");
    await sees("The question for the password", /login.* root/);
    await type(PASSWORD);
    await sees("The shell", /-sh|-ash/);
    await type(`touch ${FILE}`);
    await waitFor(
      "The file that the console wrote",
      async () => ((await inGuest("/bin/ls", ["/run"])).includes("written-by") ? true : undefined),
      { timeoutMs: 60_000, intervalMs: 300 },
    );
    await screen.close();
  });

  test("CMP-29: an ISO of the browser's computer is read by the guest, and not any more once it is gone", async () => {
    const content = join(folder, "content");
    await mkdir(content);
    await writeFile(join(content, "hello.txt"), "from the browser\n");
    await writeFile(join(content, "large.bin"), Buffer.alloc(8 * 1024 * 1024, 7));
    const iso = join(folder, "tools.iso");
    await run("genisoimage", ["-quiet", "-r", "-J", "-o", iso, content]);
    await page.getByRole("tab", { name: "Configure" }).click();
    await page.getByRole("button", { name: "Attach ISO from this computer" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.locator("input[type=file]").setInputFiles(iso);
    await dialog.getByRole("button", { name: "Attach" }).click();
    await page.getByText("serving the guest").first().waitFor();
    const mount =
      "mkdir -p /run/cd; for d in /dev/sr*; do mount -t iso9660 -o ro $d /run/cd && [ -f /run/cd/hello.txt ] && break; umount /run/cd; done; ls /run/cd; cat /run/cd/hello.txt";
    const seen = await inGuest("/bin/sh", ["-c", mount]);
    assert.match(seen, /hello\.txt/);
    assert.match(seen, /large\.bin/);
    assert.match(seen, /from the browser/);
    // The page that serves it goes away: reads fail, the VM goes on.
    await page.goto("about:blank");
    await waitFor(
      "Reads failing",
      async () => {
        const script = "echo 3 > /proc/sys/vm/drop_caches; dd if=/run/cd/large.bin of=/dev/null bs=64k";
        return /[Ee]rror/.test(await inGuest("/bin/sh", ["-c", script])) ? true : undefined;
      },
      { timeoutMs: 60_000, intervalMs: 2000 },
    );
    await page.goto(`${scene.stand.access.portalUrl}/vms/${uri.split("/").at(-1)}?tab=configure`);
    await page.getByRole("button", { name: "Eject", exact: true }).click();
    await page.getByRole("paragraph").filter({ hasText: "The drive is empty." }).waitFor();
  });

  test("shut down and deleted, with the reasons for what cannot be done", async () => {
    const start = page.locator(".object-head").getByRole("button", { name: /Start$/ });
    assert.equal(await start.getAttribute("aria-disabled"), "true");
    assert.match(
      await start.evaluate((button) => {
        const id = button.getAttribute("aria-describedby") ?? "";
        return document.getElementById(id)?.textContent ?? "";
      }),
      /running/,
    );
    await page.getByRole("button", { name: /Shut down/ }).click();
    await page.getByRole("menuitem", { name: "Shut down" }).click();
    await waitFor(
      "The VM being off",
      async () => ((await scene.status(uri)) === "stopped" ? true : undefined),
      {
        timeoutMs: 90_000,
        intervalMs: 300,
      },
    );
    await page.locator(".object-head").getByText("stopped").waitFor();
    await page.getByRole("button", { name: /More/ }).click();
    await page.getByRole("menuitem", { name: "Delete" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await waitFor(
      "The VM being gone",
      async () => ((await scene.client.vms.list()).total === 0 ? true : undefined),
      { timeoutMs: 60_000, intervalMs: 300 },
    );
    assert.deepEqual(refusals, []);
  });
});
