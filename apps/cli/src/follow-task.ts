import type { Client } from "@sinter/client";
import type { TaskAnswer, WireTask } from "@sinter/northbound";
import type { Cli } from "./command.ts";
import { failures } from "./failures.ts";
import { createProgress, silentProgress } from "./output/progress.ts";

/**
 * Follows a task to its end with progress on standard error. Ctrl-C ends the looking, not the task. Throws TaskFailure
 * when it failed, INTERRUPTED at Ctrl-C.
 */
export async function followTask(cli: Cli, client: Client, taskUri: string): Promise<WireTask> {
  const id = taskUri.split("/").at(-1) ?? "";
  const progress = cli.printer.isJson ? silentProgress : await createProgress(cli.terminal);
  const stop = new AbortController();
  const release = cli.terminal.onInterrupt(() =>
    stop.abort(
      failures.interrupted(
        `Task ${id} goes on. Watch it: sinter task watch ${id}. Cancel it: sinter task cancel ${id}`,
      ),
    ),
  );
  try {
    return await client.tasks.wait(taskUri, {
      signal: stop.signal,
      onProgress: (task) => progress.show(task),
    });
  } finally {
    release();
    progress.end();
  }
}

/**
 * The common end of commands that begin a task: follows it and says `sentence`, or with `--no-wait` says which task
 * it is.
 */
export async function finishTask(
  cli: Cli,
  client: Client,
  answer: TaskAnswer,
  options: { readonly wait: boolean; readonly sentence: string | (() => Promise<string>) },
): Promise<void> {
  const id = answer.taskUri.split("/").at(-1) ?? "";
  if (!options.wait) {
    cli.printer.done(`Task ${id} has begun. Watch it: sinter task watch ${id}`, answer);
    return;
  }
  const task = await followTask(cli, client, answer.taskUri);
  const { sentence } = options;
  // Looked up only for a person: a program has the task.
  const text = typeof sentence === "string" ? sentence : cli.printer.isJson ? "" : await sentence();
  cli.printer.done(text, task);
}
