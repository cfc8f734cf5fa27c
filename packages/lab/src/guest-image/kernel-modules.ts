import { cp, mkdir, readdir, readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { AppError, run } from "@sinter/kit";

/**
 * Copies kernel modules with all they depend on from an unpacked kernel package and indexes the copy.
 * Answers with the kernel's release. Throws `internal` KERNEL_MODULE_MISSING when the kernel has no such module.
 */
export async function copyModules(
  fromRoot: string,
  intoRoot: string,
  names: readonly string[],
  busybox: string,
): Promise<string> {
  const release = (await readdir(join(fromRoot, "lib/modules")))[0];
  if (release === undefined)
    throw new AppError("internal", "KERNEL_MODULE_MISSING", "The kernel has no modules.");
  const from = join(fromRoot, "lib/modules", release);
  const into = join(intoRoot, "lib/modules", release);
  const paths = new Map<string, string>();
  for (const path of await readdir(from, { recursive: true })) {
    if (path.endsWith(".ko")) paths.set(canonical(basename(path, ".ko")), path);
  }
  await mkdir(into, { recursive: true });
  const builtin = await readFile(join(from, "modules.builtin"), "utf8");

  const copied = new Set<string>();
  const copyWithNeeds = async (name: string): Promise<void> => {
    const path = paths.get(canonical(name));
    if (path === undefined || copied.has(path)) {
      if (path !== undefined || canonical(builtin).includes(`/${canonical(name)}.ko`)) return;
      throw new AppError("internal", "KERNEL_MODULE_MISSING", `The kernel ${release} has no module ${name}.`);
    }
    copied.add(path);
    await mkdir(dirname(join(into, path)), { recursive: true });
    await cp(join(from, path), join(into, path));
    for (const need of await needsOf(join(from, path))) await copyWithNeeds(need);
  };
  for (const name of names) await copyWithNeeds(name);
  for (const index of ["modules.builtin", "modules.order"]) await cp(join(from, index), join(into, index));
  await run(busybox, ["depmod", "-b", intoRoot, release]);
  return release;
}

/** A module's file tells its needs in its .modinfo section, as "depends=a,b" between zero bytes. */
async function needsOf(path: string): Promise<string[]> {
  const text = (await readFile(path)).toString("latin1");
  const found = /\0depends=([^\0]*)\0/.exec(text)?.[1] ?? "";
  return found.split(",").filter(Boolean);
}

/** Hyphen and underscore mean the same in a module's name. */
const canonical = (name: string): string => name.replaceAll("-", "_");
