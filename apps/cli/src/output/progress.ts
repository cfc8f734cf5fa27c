import type { WireTask } from "@sinter/northbound";
import type { Terminal } from "../terminal.ts";
import { clean, fit } from "./text.ts";

/** What is shown of a task, or of something else that takes its time. */
export type Shown = Pick<WireTask, "type" | "entityName" | "status" | "progress">;

/** Shows how a task goes on, on standard error. `end` takes the bar away, so that what follows starts a new line. */
export interface Progress {
  show(task: Shown): void;
  end(): void;
}

export const silentProgress: Progress = { show: () => {}, end: () => {} };

/** A bar on a terminal; elsewhere a line per change of status, and per ten percent. */
export async function createProgress(terminal: Terminal): Promise<Progress> {
  return terminal.stderr.isTTY ? createBar(terminal) : createLines(terminal);
}

async function createBar(terminal: Terminal): Promise<Progress> {
  // Loaded here because most commands have no bar.
  const { default: cliProgress } = await import("cli-progress");
  const bar = new cliProgress.SingleBar({
    format: "{label} {bar} {percentage}% {status}",
    stream: terminal.stderr,
    barsize: 24,
    barCompleteChar: "█",
    barIncompleteChar: "░",
    hideCursor: true,
    clearOnComplete: true,
    emptyOnZero: true,
  });
  let isShown = false;
  return {
    show(task) {
      const payload = { label: fit(labelOf(task), 40), status: task.status };
      if (isShown) bar.update(task.progress, payload);
      else bar.start(100, task.progress, payload);
      isShown = true;
    },
    end() {
      if (isShown) bar.stop();
      isShown = false;
    },
  };
}

function createLines(terminal: Terminal): Progress {
  let last = "";
  return {
    show(task) {
      const state = `${task.status} ${Math.floor(task.progress / 10)}`;
      if (state === last) return;
      last = state;
      terminal.stderr.write(`${labelOf(task)}: ${task.status}, ${task.progress} %\n`);
    },
    end: () => {},
  };
}

function labelOf(task: Shown): string {
  const name = clean(task.entityName);
  return name === "" ? task.type : `${task.type} ${name}`;
}
