import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { type ConsoleCheck } from "@sinter/northbound";
import { waitFor } from "@sinter/kit";
import { callGuestAgent, type LabHost, runInGuest, waitForGuestAgent } from "@sinter/lab";
import type { Picture } from "@sinter/rfb";
import { openScene, type Scene } from "./scene.ts";
import { openScreen, openTicket } from "./vnc.ts";

/* Screens of real VMs: QEMU in a lab host, through its agent and the manager to a viewer. */

const LONG = { timeoutMs: 120_000, intervalMs: 300 };

describe("consoles of a real VM", { timeout: 600_000 }, () => {
  let scene: Scene;
  before(async () => {
    scene = await openScene(1);
  });
  after(() => scene?.stand[Symbol.asyncDispose]());

  const domainOf = (uri: string): string => uri.split("/").at(-1) ?? "";
  /** What listens on a network in a host, with the program. */
  const listening = async (host: LabHost): Promise<string> =>
    (await scene.stand.lab.exec(host, "ss", ["-ltnpH"])).stdout;

  test("CON-01 to CON-03: the guest's screen comes by ticket, and what is typed there happens in the guest", async () => {
    const uri = await scene.create(scene.guest("screen"));
    const host = await scene.hostOf(uri);
    const domain = domainOf(uri);
    const { lab, access } = scene.stand;
    await waitForGuestAgent(lab, host, domain);
    const password = randomBytes(6).toString("hex");
    await callGuestAgent(lab, host, domain, "guest-set-user-password", {
      username: "root",
      password: Buffer.from(password).toString("base64"),
      crypted: false,
    });
    const runs = (program: RegExp) => () =>
      runInGuest(lab, host, domain, "/bin/ps", []).then(({ stdout }) =>
        program.test(stdout) ? true : undefined,
      );

    const ticket = await scene.client.vms.openConsole(uri);
    assert.match(ticket.url, /^wss:\/\/127\.0\.0\.1:\d+\/websockify\?token=/);
    using screen = await openTicket(ticket.url, { password: ticket.password, ca: access.ca });
    assert.equal(screen.protocol, "binary");
    const login = await screen.viewer.look();
    assert.ok(login.width >= 640 && login.height >= 400, `${login.width} × ${login.height}`);
    assert.ok(litPixels(login) > 300, "a login prompt has letters");
    assert.ok(litPixels(login) < (login.width * login.height) / 2, "on an otherwise dark screen");

    await waitFor("The login prompt", runs(/getty .*tty1/), LONG);
    await screen.viewer.type("root\n");
    await waitFor("The question for the password", runs(/login.* root/), LONG);
    await screen.viewer.type(`${password}\n`);
    await waitFor("The shell", runs(/-sh|-ash/), LONG);
    await screen.viewer.type('echo "Typed & seen" > /root/typed\n');
    const typed = await waitFor(
      "The command's effect",
      async () => {
        const { code, stdout } = await runInGuest(lab, host, domain, "/bin/cat", ["/root/typed"]);
        return code === 0 && stdout !== "" ? stdout : undefined;
      },
      LONG,
    );
    assert.equal(typed, "Typed & seen\n");
    assert.notDeepEqual((await screen.viewer.look()).pixels, login.pixels);

    await assert.rejects(openTicket(ticket.url, { password: ticket.password, ca: access.ca }));
    await scene.client.tasks.wait(await scene.client.vms.stop(uri, "force"), { timeoutMs: 60_000 });
    assert.equal(await screen.closed, 1000);
    await scene.remove(uri);
  });

  test("CON-04: nothing of QEMU listens on a network; VNC clients come to the agent, while they may", async () => {
    const uri = await scene.create(scene.bare("closed"));
    const { vncAcessInfo: vnc } = await scene.client.vms.get(uri);
    assert.ok(vnc?.hostIp && vnc.vncPort > 0 && vnc.vncPassword);
    const host = await scene.hostOf(uri);
    const open = await listening(host);
    const line = open.split("\n").find((each) => each.includes(`${vnc.hostIp}:${vnc.vncPort} `));
    assert.match(line ?? open, /"node/, "the agent's");
    assert.match(open, /:7447 /);
    for (const each of open.trim().split("\n")) assert.match(each, /"node/, "and so is every other port");
    await openScreen(vnc.hostIp, vnc.vncPort, vnc.vncPassword);
    await assert.rejects(openScreen(vnc.hostIp, vnc.vncPort, "guessed"), /password is wrong/);
    await scene.client.tasks.wait(await scene.client.vms.stop(uri, "force"), { timeoutMs: 60_000 });
    await waitFor(
      "The port's end",
      async () => ((await listening(host)).includes(`:${vnc.vncPort} `) ? undefined : true),
      LONG,
    );
    await scene.remove(uri);
  });

  test("an agent that dies takes the connection along, not the VM; a new ticket leads there again", async () => {
    const uri = await scene.create(scene.bare("agent"));
    const { ca } = scene.stand.access;
    const open = async () => {
      const ticket = await scene.client.vms.openConsole(uri);
      return await openTicket(ticket.url, { password: ticket.password, ca });
    };
    const host = await scene.hostOf(uri);
    using lost = await open();
    await lost.viewer.look();
    await host.kill("agent");
    assert.equal(await lost.closed, 1012);
    using again = await waitFor("The agent being back", () => open().catch(() => undefined), LONG);
    await again.viewer.look();
    await scene.remove(uri);
  });

  test("CON-07: the check goes from the manager to the screen", async () => {
    const uri = await scene.create(scene.bare("checked"));
    const check = () =>
      scene.client.api.get<ConsoleCheck>("/sinter/v1/consoles/check", { vm: domainOf(uri) });
    const whole = await check();
    assert.ok(whole.isWorking, JSON.stringify(whole));
    assert.match(JSON.stringify(whole), /QEMU shows \d+ × \d+ pixels/);
    await scene.client.tasks.wait(await scene.client.vms.stop(uri, "force"), { timeoutMs: 60_000 });
    const stopped = await check();
    assert.deepEqual(
      [stopped.isWorking, stopped.links[0]?.link, stopped.links[0]?.isOk],
      [false, "vm", false],
    );
    await scene.remove(uri);
  });
});

/** Pixels that are not dark. */
function litPixels({ pixels }: Picture): number {
  let count = 0;
  for (let at = 0; at < pixels.length; at += 4) {
    if (Math.max(pixels[at] ?? 0, pixels[at + 1] ?? 0, pixels[at + 2] ?? 0) > 96) count++;
  }
  return count;
}
