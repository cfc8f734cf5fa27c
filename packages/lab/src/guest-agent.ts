import { AppError, type Clock, waitFor } from "@sinter/kit";
import type { Lab, LabHost } from "./lab.ts";

export interface GuestRunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface WaitOptions {
  readonly timeoutMs?: number;
  readonly clock?: Clock;
}

/** One call of a VM's guest agent through libvirt, e.g. `guest-get-osinfo`; answers with its "return". */
export async function callGuestAgent(
  lab: Lab,
  host: LabHost | string,
  vm: string,
  execute: string,
  args?: Readonly<Record<string, unknown>>,
): Promise<unknown> {
  const command = JSON.stringify(args === undefined ? { execute } : { execute, arguments: args });
  const virsh = ["--quiet", "--connect", "qemu:///system", "qemu-agent-command", vm, command];
  const { stdout } = await lab.exec(host, "virsh", virsh);
  return (JSON.parse(stdout) as { return: unknown }).return;
}

/** Waits until the guest agent answers, which is when the guest is up; default 120 s, for emulated guests on a busy machine. */
export async function waitForGuestAgent(
  lab: Lab,
  host: LabHost | string,
  vm: string,
  { timeoutMs = 120_000, ...rest }: WaitOptions = {},
): Promise<void> {
  await waitFor(
    `The guest agent of ${vm}`,
    async () => {
      const failed = await callGuestAgent(lab, host, vm, "guest-ping").then(
        () => false,
        (error: unknown) => {
          // The VM runs and its agent does not answer yet; anything else will not change by waiting.
          if (error instanceof AppError && error.code === "PROGRAM_FAILED" && /agent/i.test(error.message))
            return true;
          throw error;
        },
      );
      return failed ? undefined : true;
    },
    { timeoutMs, intervalMs: 200, ...rest },
  );
}

/** Runs a program in a guest to its end and answers with its output; the guest image has busybox's programs. */
export async function runInGuest(
  lab: Lab,
  host: LabHost | string,
  vm: string,
  path: string,
  arg: readonly string[],
  { timeoutMs = 30_000, ...rest }: WaitOptions = {},
): Promise<GuestRunResult> {
  const how = { path, arg, "capture-output": true };
  const { pid } = (await callGuestAgent(lab, host, vm, "guest-exec", how)) as { pid: number };
  return await waitFor(
    `The end of ${path} in ${vm}`,
    async () => {
      const status = (await callGuestAgent(lab, host, vm, "guest-exec-status", { pid })) as ExecStatus;
      if (!status.exited) return undefined;
      // Ended by a signal, it has no code; 128 and the signal is how shells put it.
      const code = status.exitcode ?? 128 + (status.signal ?? 0);
      return { code, stdout: text(status["out-data"]), stderr: text(status["err-data"]) };
    },
    { timeoutMs, intervalMs: 50, ...rest },
  );
}

function text(data: string | undefined): string {
  return Buffer.from(data ?? "", "base64").toString("utf8");
}

interface ExecStatus {
  exited: boolean;
  exitcode?: number;
  signal?: number;
  "out-data"?: string;
  "err-data"?: string;
}
