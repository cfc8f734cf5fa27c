import { mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { AppError, waitFor } from "@sinter/kit";

/** One mounted cgroup hierarchy of the machine. */
export interface Hierarchy {
  readonly version: 1 | 2;
  /** Where the machine has it mounted. */
  readonly mountPoint: string;
  /** What to give `mount -o` for the same hierarchy (version 1), e.g. "cpu,cpuacct" or "none,name=systemd". */
  readonly options: string;
}

/**
 * A host's part of each hierarchy the machine has. Guests end up below it, so that shares, limits and the accounting
 * of one host do not meet another's. Version 1 and 2 differ in one point that shows here: in version 2 a group that
 * hands controllers to its children may hold no process itself, so that processes live in the child "system".
 */
export interface CgroupTree {
  /** Directories whose cgroup.procs a process must enter before it makes the host's cgroup namespace. */
  readonly roots: readonly string[];
  /** The same for every later process of the host. */
  readonly members: readonly string[];
  readonly hierarchies: readonly Hierarchy[];
  /** Limits all processes of the tree together to a part of one CPU's time; undefined takes the limit away. */
  limitCpu(share: number | undefined): Promise<void>;
}

const WANTED_V1 = [
  "cpu",
  "cpuacct",
  "cpuset",
  "memory",
  "devices",
  "freezer",
  "blkio",
  "pids",
  "name=systemd",
];
const WANTED_V2 = ["cpu", "cpuset", "memory", "io", "pids"];
/** The kernel's default length of a bandwidth period. */
const CPU_PERIOD_US = 100_000;

/** Makes the tree of that name, or takes up the one that is there. Undefined where the machine has no usable cgroups. */
export async function createCgroupTree(name: string): Promise<CgroupTree | undefined> {
  const hierarchies = await findHierarchies();
  if (hierarchies.length === 0) return undefined;
  try {
    for (const hierarchy of hierarchies) await prepare(hierarchy, name);
  } catch {
    // Read-only or not delegated to us, as in most containers: the lab says so and does without.
    await removeCgroupTree(name);
    return undefined;
  }
  return describe(hierarchies, name);
}

/** The tree as it would be, to enter a host that another process made. */
export async function findCgroupTree(name: string): Promise<CgroupTree | undefined> {
  const hierarchies = await findHierarchies();
  const first = hierarchies[0];
  if (first === undefined) return undefined;
  const there = await readdir(`${first.mountPoint}/${name}`).catch(() => undefined);
  return there === undefined ? undefined : describe(hierarchies, name);
}

/** Removes the tree with all groups below it. Their processes must be gone or going. Forgives absence. */
export async function removeCgroupTree(name: string): Promise<void> {
  for (const { mountPoint } of await findHierarchies()) {
    // A group stays busy for a moment after its last process was reaped.
    await waitFor(`Removal of ${mountPoint}/${name}`, () => removeGroup(`${mountPoint}/${name}`), {
      timeoutMs: 10_000,
      intervalMs: 20,
    });
  }
}

/** Paths of all trees whose name starts so. */
export async function listCgroupTrees(prefix: string): Promise<string[]> {
  const found: string[] = [];
  for (const { mountPoint } of await findHierarchies()) {
    for (const name of await readdir(mountPoint)) {
      if (name.startsWith(prefix)) found.push(`${mountPoint}/${name}`);
    }
  }
  return found;
}

function describe(hierarchies: readonly Hierarchy[], name: string): CgroupTree {
  const root = (h: Hierarchy): string => `${h.mountPoint}/${name}`;
  return {
    hierarchies,
    roots: hierarchies.map(root),
    members: hierarchies.map((h) => (h.version === 2 ? `${root(h)}/system` : root(h))),
    limitCpu: async (share) => {
      const hierarchy = hierarchies.find((h) => h.version === 2 || h.options.split(",").includes("cpu"));
      if (hierarchy === undefined) throw noCpuController();
      const quota = share === undefined ? undefined : Math.round(share * CPU_PERIOD_US);
      const [file, text] =
        hierarchy.version === 2
          ? ["cpu.max", `${quota ?? "max"} ${CPU_PERIOD_US}`]
          : ["cpu.cfs_quota_us", String(quota ?? -1)];
      try {
        await writeFile(`${root(hierarchy)}/${file}`, text, { flag: "r+" });
      } catch (error) {
        throw (error as NodeJS.ErrnoException).code === "ENOENT" ? noCpuController() : error;
      }
    },
  };
}

function noCpuController(): AppError {
  const message = "The host's cgroups have no CPU controller, by which it would be limited.";
  return new AppError("unavailable", "LAB_NO_CGROUPS", message);
}

async function prepare(hierarchy: Hierarchy, name: string): Promise<void> {
  const { mountPoint } = hierarchy;
  const root = `${mountPoint}/${name}`;
  await mkdir(root, { recursive: true });
  if (hierarchy.version === 2) {
    const offered = (await readFile(`${root}/cgroup.controllers`, "utf8")).split(/\s+/);
    const missing = WANTED_V2.filter((controller) => !offered.includes(controller));
    if (missing.length > 0) await enable(mountPoint, missing);
    await mkdir(`${root}/system`, { recursive: true });
    return;
  }
  if (hierarchy.options.split(",").includes("cpuset")) {
    // A new cpuset is empty and takes no process until it has CPUs and memory; its children shall get the same.
    for (const file of ["cpuset.cpus", "cpuset.mems"]) {
      await writeFile(`${root}/${file}`, await readFile(`${mountPoint}/${file}`, "utf8"));
    }
    await writeFile(`${root}/cgroup.clone_children`, "1");
  }
}

/** Hands controllers to the children of a version 2 group, as far as it has them itself. */
async function enable(group: string, controllers: readonly string[]): Promise<void> {
  const has = (await readFile(`${group}/cgroup.controllers`, "utf8")).split(/\s+/);
  for (const controller of controllers.filter((c) => has.includes(c))) {
    await writeFile(`${group}/cgroup.subtree_control`, `+${controller}`);
  }
}

async function removeGroup(path: string): Promise<true | undefined> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => undefined);
  if (entries === undefined) return true;
  for (const entry of entries) if (entry.isDirectory()) await removeGroup(`${path}/${entry.name}`);
  try {
    await rmdir(path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return true;
    if (code === "EBUSY") return undefined;
    throw error;
  }
}

async function findHierarchies(): Promise<Hierarchy[]> {
  return parseHierarchies(await readFile("/proc/self/mountinfo", "utf8"));
}

/** The usable hierarchies in a mountinfo table (proc(5)). Exported for its test. */
export function parseHierarchies(mountinfo: string): Hierarchy[] {
  const found: Hierarchy[] = [];
  for (const line of mountinfo.split("\n")) {
    // "36 25 0:31 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu"
    const [before, after] = line.split(" - ");
    const mountPoint = before?.split(" ")[4];
    const [type, , superOptions] = after?.split(" ") ?? [];
    if (mountPoint === undefined || superOptions === undefined) continue;
    if (found.some((hierarchy) => hierarchy.mountPoint === mountPoint)) continue;
    if (type === "cgroup2" && mountPoint === "/sys/fs/cgroup") {
      found.push({ version: 2, mountPoint, options: "" });
    } else if (type === "cgroup") {
      const wanted = superOptions.split(",").filter((option) => WANTED_V1.includes(option));
      if (wanted.length === 0) continue;
      const options = wanted.map((option) => (option.startsWith("name=") ? `none,${option}` : option));
      found.push({ version: 1, mountPoint, options: options.join(",") });
    }
  }
  return found;
}
