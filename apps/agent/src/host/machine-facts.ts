import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { HostReport } from "@sinter/southbound";

/** Who built the machine, from its firmware; "" where that is not told or not readable. */
export async function readMachine(
  directory = "/sys/class/dmi/id",
): Promise<Record<"vendor" | "product" | "serial", string>> {
  const read = async (file: string): Promise<string> =>
    (await readFile(join(directory, file), "utf8").catch(() => "")).trim();
  const [vendor = "", product = "", serial = ""] = await Promise.all(
    ["sys_vendor", "product_name", "product_serial"].map(read),
  );
  return { vendor, product, serial };
}

/** Which kind of control groups governs CPU time here, as libvirt would find it. */
export async function readCgroupKind(root = "/sys/fs/cgroup"): Promise<HostReport["cgroup"]> {
  const controllers = await readFile(join(root, "cgroup.controllers"), "utf8").catch(() => undefined);
  if (controllers?.split(/\s+/).includes("cpu")) return "v2";
  const shares = await readFile(join(root, "cpu", "cpu.shares"), "utf8").catch(() => undefined);
  return shares === undefined ? "none" : "v1";
}

/** Disks that are not made of other disks, by the kernel's name. */
export async function listWholeDisks(directory = "/sys/block"): Promise<Set<string>> {
  const names = await readdir(directory).catch(() => []);
  return new Set(names.filter((name) => !/^(loop|ram|zram|dm-|md|sr|fd)/.test(name)));
}

export function hostArchitecture(): HostReport["architecture"] {
  return process.arch === "arm64" ? "aarch64" : "x86_64";
}
