import { readdir, readFile } from "node:fs/promises";
import { run } from "@sinter/kit";
import { listCgroupTrees } from "./cgroups.ts";
import { BOX_VARIABLE } from "./namespace-box.ts";
import { allProcessIds } from "./process-table.ts";
import { rootLink } from "./switch.ts";

/**
 * What a lab of this name, and of this state directory when it is given, has on the machine outside that directory,
 * as lines for a person; empty when it is down. It searches the machine itself and not the lab's own records, so that
 * it also finds what was lost.
 */
export async function findLeftovers(labName: string, stateDir?: string): Promise<string[]> {
  const prefix = `sinter-${labName}-`;
  const namespaces = (await readdir("/run/netns").catch(() => [])).filter((name) => name.startsWith(prefix));
  const links = (await readdir("/sys/class/net")).filter((name) => name === rootLink(labName));
  const mounts = (await readFile("/proc/self/mountinfo", "utf8"))
    .split("\n")
    .filter((line) => line.includes(prefix) || (stateDir !== undefined && line.includes(stateDir)));
  const { stdout } = await run("losetup", ["--noheadings", "--list", "--output", "NAME,BACK-FILE"]);
  const loops = stdout.split("\n").filter((line) => stateDir !== undefined && line.includes(stateDir));
  return [
    ...namespaces.map((name) => `network namespace ${name}`),
    ...links.map((name) => `link ${name}`),
    ...mounts.map((line) => `mount ${line}`),
    ...loops.map((line) => `loop device ${line}`),
    ...(await listCgroupTrees(prefix)).map((path) => `cgroup ${path}`),
    ...(await findProcesses(prefix)).map((line) => `process ${line}`),
  ];
}

/** Known by their cgroup or by the variable they were started with; of a guest's QEMU libvirt clears the latter. */
async function findProcesses(prefix: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of await allProcessIds()) {
    const read = (file: string): Promise<string> => readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "");
    const [cgroup, environ] = await Promise.all([read("cgroup"), read("environ")]);
    if (!cgroup.includes(`/${prefix}`) && !environ.includes(`${BOX_VARIABLE}=${prefix}`)) continue;
    const command = (await read("cmdline")).replaceAll("\0", " ").trim();
    // Without a command line it is a zombie that its parent has yet to notice.
    if (command !== "") found.push(`${pid} ${command}`);
  }
  return found;
}
