import { createHash } from "node:crypto";
import { globSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

const STAMP = ".built-from";

/**
 * Sees that `outDir` holds what `build` makes of these sources: builds anew when any of them has changed since. Built
 * beside and then put in place, so that a build that was cut off leaves the old one, and two at once do no harm.
 */
export async function builtFolder(options: {
  readonly root: string;
  /** Globs from the root of everything that the result depends on. */
  readonly sources: readonly string[];
  readonly outDir: string;
  readonly build: (outDir: string) => Promise<void>;
  /** Called before a build, which takes some seconds. */
  readonly onBuild: () => void;
}): Promise<string> {
  const { root, outDir } = options;
  const stamp = await stampOf(root, options.sources);
  const stampFile = join(outDir, STAMP);
  if ((await readFile(stampFile, "utf8").catch(() => "")) === stamp) return outDir;
  options.onBuild();
  await mkdir(dirname(outDir), { recursive: true });
  const fresh = await mkdtemp(`${outDir}-`);
  try {
    // Whoever serves or runs it may be another account.
    await chmod(fresh, 0o755);
    await options.build(fresh);
    await writeFile(join(fresh, STAMP), stamp);
    const old = `${fresh}-old`;
    await rename(outDir, old).catch(() => {}); // the first time there is none
    await rename(fresh, outDir);
    await rm(old, { recursive: true, force: true });
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    throw error;
  }
  return outDir;
}

async function stampOf(root: string, sources: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  const paths = globSync([...sources], { cwd: root, exclude: ["**/node_modules/**", "**/dist/**"] });
  for (const path of paths.toSorted()) {
    // A folder that a glob names has nothing to read.
    const text = await readFile(join(root, path)).catch(() => undefined);
    if (text !== undefined) hash.update(path).update("\0").update(text).update("\0");
  }
  return hash.digest("hex");
}
