/**
 * All tests: `npm test`, or `npm test -- packages/kit apps/manager` for some folders. Each workspace is one process
 * (its tests share it), two at a time; what needs the whole machine (the lab, e2e) runs alone afterwards.
 * The last line is `N passed, N failed`.
 */
import { spawn } from "node:child_process";
import { globSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { ensureMachine } from "./setup.ts";

const ROOT = join(import.meta.dirname, "..");
/** Tests that start hosts, or measure the machine: one at a time and nothing beside them. */
const ALONE = ["packages/lab", "apps/agent", "e2e"];
const TEST_TIMEOUT_MS = 300_000;
/** Written in JSX and against a document, so run by vitest as its vite.config.ts says. */
const PORTAL = "apps/portal";

interface Outcome {
  readonly folder: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

await ensureMachine({ wants: ["lab", "test"], log: (line) => console.log(line) });
const wanted = process.argv.slice(2).map((folder) => folder.replace(/\/$/, ""));
const folders = ["tools", ...globSync(["packages/*", "apps/*"], { cwd: ROOT }).toSorted(), "e2e"]
  .filter((folder) => wanted.length === 0 || wanted.includes(folder))
  .filter((folder) => testsOf(folder).length > 0);

const outcomes: Outcome[] = [];
const together = folders.filter((folder) => !ALONE.includes(folder));
let next = 0;
const lane = async (): Promise<void> => {
  for (let index = next++; index < together.length; index = next++) {
    const folder = together[index];
    if (folder !== undefined) outcomes.push(await runFolder(folder));
  }
};
await Promise.all(Array.from({ length: Math.min(2, cpus().length) }, lane));
for (const folder of folders.filter((name) => ALONE.includes(name))) outcomes.push(await runFolder(folder));

const sum = (pick: (outcome: Outcome) => number): number =>
  outcomes.reduce((all, outcome) => all + pick(outcome), 0);
const failed = sum((outcome) => outcome.failed);
const passed = sum((outcome) => outcome.passed);
const skipped = sum((outcome) => outcome.skipped);
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);

function testsOf(folder: string): string[] {
  return globSync(`${folder}/**/*.test.{ts,tsx}`, { cwd: ROOT, exclude: ["**/node_modules/**"] }).toSorted();
}

function commandFor(folder: string): { readonly args: string[]; readonly cwd: string } {
  if (folder === PORTAL) {
    return { args: [join(ROOT, "node_modules/vitest/vitest.mjs"), "run"], cwd: join(ROOT, folder) };
  }
  const reporter = join(ROOT, "packages/testing/src/reporter.ts");
  const args = [
    "--test",
    "--test-isolation=none",
    "--test-force-exit",
    `--test-timeout=${TEST_TIMEOUT_MS}`,
    `--test-reporter=${reporter}`,
    ...testsOf(folder),
  ];
  return { args, cwd: ROOT };
}

async function runFolder(folder: string): Promise<Outcome> {
  const startedAt = Date.now();
  const { args, cwd } = commandFor(folder);
  const output = await new Promise<string>((resolve) => {
    const child = spawn(process.execPath, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    const keep = (chunk: Buffer): void => {
      text += chunk.toString();
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.on("close", (code) =>
      resolve(code === 0 || code === 1 ? text : `${text}\nended with code ${code}\n`),
    );
  });
  const line = /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*$/m.exec(output);
  const seconds = Math.round((Date.now() - startedAt) / 1000);
  // A run that did not come to its last line has failed, whatever it printed.
  const counts = line
    ? { passed: Number(line[1]), failed: Number(line[2]), skipped: Number(line[3] ?? 0) }
    : { passed: 0, failed: 1, skipped: 0 };
  if (counts.failed > 0) console.log(output.trimEnd());
  console.log(
    `${folder}: ${counts.passed} of ${counts.passed + counts.failed} in ${seconds} s${counts.skipped > 0 ? `, ${counts.skipped} skipped` : ""}`,
  );
  return { folder, ...counts };
}
