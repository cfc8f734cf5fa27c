import { waitFor } from "@sinter/kit";
import type { Scene } from "./scene.ts";

/** Runs a line in a guest by its agent, as root; what it prints. */
export async function runInGuest(scene: Scene, uri: string, line: string): Promise<string> {
  const host = await scene.hostOf(uri);
  const ask = async (execute: string, args: object): Promise<Record<string, unknown>> => {
    const command = JSON.stringify({ execute, arguments: args });
    const words = ["qemu-agent-command", uri.split("/").at(-1) ?? "", command];
    return JSON.parse((await scene.stand.lab.exec(host, "virsh", words)).stdout).return;
  };
  const { pid } = await ask("guest-exec", { path: "/bin/sh", arg: ["-c", line], "capture-output": true });
  const done = await waitFor(
    `The guest's ${line}`,
    async () => {
      const status = await ask("guest-exec-status", { pid });
      return status["exited"] === true ? status : undefined;
    },
    { timeoutMs: 30_000, intervalMs: 50 },
  );
  const output = done["out-data"];
  return typeof output === "string" ? Buffer.from(output, "base64").toString().trim() : "";
}

/** The guest has booted: the manager sees its agent, and lines can be run. */
export async function guestReady(scene: Scene, uri: string): Promise<void> {
  await waitFor(
    "The guest's agent",
    async () => ((await scene.client.vms.get(uri)).pvDriverStatus === "running" ? true : undefined),
    { timeoutMs: 120_000, intervalMs: 300 },
  );
  await waitFor("The guest's shell", () => runInGuest(scene, uri, "echo up").catch(() => undefined), {
    timeoutMs: 60_000,
    intervalMs: 300,
  });
}
