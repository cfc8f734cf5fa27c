import { failures } from "../failures.ts";
import type { Terminal } from "../terminal.ts";

/** Asks on standard error, reads from the terminal. Throws `invalid` NO_TERMINAL with `hint` where there is none. */
export async function ask(terminal: Terminal, question: string, hint: string): Promise<string> {
  return readLine(terminal, question, hint, { isHidden: false });
}

/** The same without showing what is typed. */
export async function askHidden(terminal: Terminal, question: string, hint: string): Promise<string> {
  return readLine(terminal, question, hint, { isHidden: true });
}

/** Whether the answer was y or yes. */
export async function confirm(terminal: Terminal, question: string, hint: string): Promise<boolean> {
  const answer = await ask(terminal, `${question} [y/N] `, hint);
  return /^y(es)?$/i.test(answer.trim());
}

const KEY = {
  interrupt: "\u0003",
  end: "\u0004",
  clear: "\u0015",
  backspace: "\u007f",
  erase: "\b",
} as const;

/**
 * A line by hand rather than by node:readline, because that cannot hide what is typed. Throws INTERRUPTED at Ctrl-C.
 */
async function readLine(
  terminal: Terminal,
  question: string,
  hint: string,
  how: { readonly isHidden: boolean },
): Promise<string> {
  const { stdin, stderr } = terminal;
  if (stdin.isTTY !== true || stdin.setRawMode === undefined)
    throw failures.needsAnswer(question.trim(), hint);
  stderr.write(question);
  const echo = (text: string) => {
    if (!how.isHidden) stderr.write(text);
  };
  let line: string[] = [];
  stdin.setRawMode(true);
  stdin.setEncoding("utf8");
  try {
    for await (const chunk of stdin.iterator({ destroyOnReturn: false })) {
      const keys = Array.from(String(chunk));
      for (const [index, key] of keys.entries()) {
        if (key === "\r" || key === "\n") {
          // What was typed ahead answers the next question.
          const ahead = keys.slice(index + 1).join("");
          if (ahead !== "") stdin.unshift(ahead, "utf8");
          return line.join("");
        }
        if (key === KEY.interrupt || (key === KEY.end && line.length === 0)) throw failures.interrupted();
        if (key === KEY.backspace || key === KEY.erase) {
          if (line.pop() !== undefined) echo("\b \b");
        } else if (key === KEY.clear) {
          echo("\b \b".repeat(line.length));
          line = [];
        } else if (key >= " ") {
          line.push(key);
          echo(key);
        }
      }
    }
    // The terminal went away.
    throw failures.interrupted();
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write("\n");
  }
}
