import { relative } from "node:path";
import { inspect } from "node:util";
import type { TestEvent } from "node:test/reporters";

/**
 * A reporter for node:test (`node --test --test-reporter=…/reporter.ts`) that is silent about what is right, prints
 * each failure whole, and ends with one line that a person or a pipeline can read: `N passed, N failed`, and
 * `, N skipped` when something was.
 */
export default async function* reporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const count = { passed: 0, failed: 0, skipped: 0 };
  const failures: string[] = [];
  for await (const event of source) {
    if (event.type === "test:stdout" || event.type === "test:stderr") yield event.data.message;
    // A message of a test, such as the seed of a random one.
    if (event.type === "test:diagnostic" && !SUMMARY.test(event.data.message))
      yield `${event.data.message}\n`;
    if (event.type !== "test:pass" && event.type !== "test:fail") continue;
    const { name, file, line, details, skip, todo } = event.data;
    const isSuite = details.type === "suite";
    if (event.type === "test:fail") {
      // What fails only because something within it did has been told already.
      const { error } = event.data.details;
      if ("failureType" in error && error.failureType === "subtestsFailed") continue;
      count.failed++;
      const place = file === undefined ? "" : ` (${relative(process.cwd(), file)}:${line ?? 0})`;
      const text = `FAILED ${name}${place}\n${indented(reasonOf(event.data.details.error))}\n`;
      failures.push(text);
      yield text;
    } else if (isSuite) continue;
    else if (isSkipped(skip) || isSkipped(todo)) {
      count.skipped++;
      yield `SKIPPED ${name}${typeof skip === "string" ? `: ${skip}` : ""}\n`;
    } else count.passed++;
  }
  // Once more where they are found without scrolling, when much was printed since.
  if (failures.length > 1) yield `\n${failures.length} failures in all:\n\n${failures.join("\n")}`;
  yield `${count.passed} passed, ${count.failed} failed${count.skipped > 0 ? `, ${count.skipped} skipped` : ""}\n`;
}

/** What the test threw, without the wrapper that node:test puts around it. */
function reasonOf(error: Error & { cause?: unknown }): string {
  const reason = error.cause ?? error;
  const text = typeof reason === "string" ? reason : inspect(reason, { depth: 8, maxStringLength: 20_000 });
  return text.replaceAll(RUNNER_FRAMES, "");
}

/** Lines of a stack that lie in Node itself; the last one may be followed by the brace of the error's fields. */
const RUNNER_FRAMES = /\n\s+at [^\n]*\bnode:(internal|async_hooks)\b[^\n{]*(?= \{\n|\n|$)/g;

/** The counts that node:test itself ends with. */
const SUMMARY = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/;

const indented = (text: string): string => text.replaceAll(/^/gm, "  ");

/** node:test says `true`, a reason, or nothing. */
const isSkipped = (mark: string | boolean | undefined): boolean => mark !== undefined && mark !== false;
