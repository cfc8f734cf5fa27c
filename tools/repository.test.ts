import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { test } from "node:test";

/* The repository checks itself: types, lint, format, who may import whom, and what may not be written. */

const ROOT = join(import.meta.dirname, "..");
const sources = globSync(
  ["apps/*/src/**/*.{ts,tsx}", "packages/*/src/**/*.ts", "e2e/**/*.ts", "tools/**/*.ts"],
  { cwd: ROOT, exclude: ["**/node_modules/**"] },
);

function tool(name: string, args: string[]): void {
  try {
    execFileSync(join(ROOT, "node_modules", ".bin", name), args, {
      cwd: ROOT,
      encoding: "utf8",
      stdio: "pipe",
    });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    assert.fail(`${name} ${args.join(" ")}\n${stdout}${stderr}`.slice(0, 8000));
  }
}

test("types hold", () => tool("tsc", ["-p", "tsconfig.json"]));
test("types of the portal hold", () => tool("tsc", ["-p", "apps/portal/tsconfig.json"]));
test("lint finds nothing", () => tool("oxlint", ["--type-aware", "--quiet"]));
test("everything is formatted", () => tool("biome", ["format", "."]));

/** Who may import whom, by workspace; a package not named here may import `kit` only. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "packages/kit": [],
  "packages/rules": ["kit"],
  "packages/northbound": ["rules"],
  "packages/southbound": [],
  "packages/libvirt": [],
  "packages/postgres": ["kit"],
  "packages/tasks": ["kit"],
  "packages/testing": ["kit", "postgres", "tasks"],
  "packages/agent-link": ["kit", "southbound"],
  "packages/nbd": ["kit", "southbound"],
  "packages/rfb": [],
  "packages/agent-sim": ["kit", "nbd", "rules", "rfb", "southbound", "agent-link"],
  "packages/client": ["kit", "northbound"],
  "packages/lab": ["kit"],
  "apps/manager": ["kit", "rules", "rfb", "northbound", "southbound", "agent-link", "tasks"],
  "apps/agent": ["kit", "nbd", "rules", "rfb", "southbound", "agent-link", "libvirt"],
  "apps/portal": ["kit", "rules", "northbound", "client"],
  "apps/cli": ["kit", "rules", "rfb", "northbound", "client", "lab"],
};
/** Tests may use these beside what their workspace may. */
const TESTS_MAY_IMPORT = [
  "testing",
  "postgres",
  "agent-sim",
  "agent-link",
  "libvirt",
  "rfb",
  "tasks",
  "client",
  "lab",
  "northbound",
  "southbound",
];

function importsOf(path: string): string[] {
  const text = readFileSync(join(ROOT, path), "utf8");
  return [...text.matchAll(/(?:from|import)\s+"([^"]+)"|import\("([^"]+)"\)/g)].map(
    (match) => match[1] ?? match[2] ?? "",
  );
}

function isTestCode(path: string): boolean {
  return /\.test\.tsx?$|\/testing\/|\/bench\//.test(path);
}

test("every workspace imports only what it may", () => {
  const wrong: string[] = [];
  for (const path of sources) {
    const [area, name] = path.split("/");
    const workspace = `${area}/${name}`;
    const allowed = MAY_IMPORT[workspace];
    if (allowed === undefined) continue;
    for (const target of importsOf(path)) {
      const other = /^@sinter\/([a-z-]+)/.exec(target)?.[1];
      if (other === undefined || other === name || allowed.includes(other)) continue;
      if (isTestCode(path) && TESTS_MAY_IMPORT.includes(other)) continue;
      wrong.push(
        `${path} imports ${target}; ${workspace} may import ${allowed.join(", ") || "nothing of ours"}.`,
      );
    }
  }
  assert.deepEqual(wrong, []);
});

test("relative imports stay inside their workspace", () => {
  const wrong: string[] = [];
  for (const path of sources.filter((source) => !source.startsWith("tools/") && !source.startsWith("e2e/"))) {
    const workspace = path.split("/").slice(0, 2).join("/");
    for (const target of importsOf(path).filter((name) => name.startsWith("."))) {
      const reached = relative(ROOT, resolve(ROOT, dirname(path), target));
      if (!reached.startsWith(`${workspace}/`)) wrong.push(`${path} reaches ${reached}`);
    }
  }
  assert.deepEqual(wrong, []);
});

const FORBIDDEN: readonly { readonly what: RegExp; readonly why: string; readonly except?: RegExp }[] = [
  {
    what: /\bexecSync\b|\{[^}]*\bexec\b[^}]*\} from "node:child_process"|shell: true/,
    why: "processes get argument lists, never a shell",
  },
  { what: /\b(TODO|FIXME|XXX)\b/, why: "unfinished marks belong in an issue" },
  { what: /\b(test|it|describe)\.(only|todo)\b/, why: "a test that hides others" },
  {
    what: /rejectUnauthorized: false/,
    why: "certificates are checked",
    except: /\.test\.ts|client\/src|e2e\/|tools\/|identity\/pinned-https/,
  },
];

test("nothing forbidden is written", () => {
  const wrong: string[] = [];
  for (const path of sources.filter((source) => source !== "tools/repository.test.ts")) {
    for (const [number, line] of readFileSync(join(ROOT, path), "utf8").split("\n").entries()) {
      for (const { what, why, except } of FORBIDDEN) {
        if (what.test(line) && !except?.test(line) && !except?.test(path))
          wrong.push(`${path}:${number + 1}: ${why}`);
      }
    }
  }
  assert.deepEqual(wrong, []);
});

test("no path of a developer's machine is in the tree", () => {
  const files = execFileSync("git", ["ls-files", "-z"], { cwd: ROOT, encoding: "utf8" })
    .split("\0")
    .filter(Boolean);
  const wrong = files.filter((file) => {
    if (file === "tools/repository.test.ts") return false;
    return /\/work\/(main|shared)|\/home\/[a-z]+\//.test(readFileSync(join(ROOT, file), "utf8"));
  });
  assert.deepEqual(wrong, []);
});
