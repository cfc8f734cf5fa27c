import { cp, mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "@sinter/kit";
import { findCgroupTree } from "./cgroups.ts";
import { type Box, runInBox } from "./namespace-box.ts";

/** Inside a host: its own part of the lab's state directory, and the lab's datastores. */
const INSIDE = "/run/sinter-lab";

/** Kept over power cycles, each under STATE/hosts/NAME in the same place as in the host. */
const KEPT = [
  "/etc/libvirt",
  "/etc/openvswitch",
  "/etc/pki",
  "/etc/sanlock",
  "/etc/sinter",
  "/var/cache/libvirt",
  "/var/lib/libvirt",
  "/var/lib/openvswitch",
  "/var/lib/sinter",
  "/var/log",
];
/** Of the kept ones, those that begin as a copy of what the machine's packages brought. */
const SEEDED = ["/etc/libvirt"];

export interface HostFilesystem {
  /** STATE/hosts/NAME */
  readonly keptDir: string;
  /** STATE/datastores */
  readonly datastoresDir: string;
  /** An unusable /dev/kvm must not be seen: libvirt would look again, for a minute, whenever it is asked. */
  readonly hideKvm: boolean;
  /** Lines for /etc/hosts. */
  readonly hostsFile: string;
  readonly hostName: string;
  readonly machineId: string;
}

/**
 * Gives a box the file tree of a host: the machine's programs, and places of its own to write. /etc and /var are the
 * machine's with a layer in memory above; the kept directories come from the state directory; /run is new.
 * Nothing is made or changed on the machine itself.
 */
export async function mountHostFilesystem(box: Box, fs: HostFilesystem): Promise<void> {
  for (const path of KEPT) await mkdir(join(fs.keptDir, path), { recursive: true });
  for (const path of SEEDED) await seed(path, join(fs.keptDir, path));
  await mkdir(fs.datastoresDir, { recursive: true });

  await leaveNamespacesOfOthers(box);
  await mountAll(box, join(fs.keptDir, "fstab.1"), [
    "lab /run tmpfs mode=755",
    `${fs.keptDir} ${INSIDE}/host none bind,X-mount.mkdir`,
    `${fs.datastoresDir} ${INSIDE}/datastores none bind,X-mount.mkdir`,
  ]);
  const root = `/proc/${box.init.pid}/root`;
  for (const name of ["etc", "var"]) {
    await mkdir(`${root}${INSIDE}/layers/${name}/upper`, { recursive: true });
    await mkdir(`${root}${INSIDE}/layers/${name}/work`);
  }
  await mkdir(`${root}/run/lock`, { mode: 0o1777 });
  await mountAll(
    box,
    join(fs.keptDir, "fstab.2"),
    [...overlays(), ...KEPT.map(bindKept)],
    `${INSIDE}/host/fstab.2`,
  );
  await mountSys(box, fs.keptDir);
  if (fs.hideKvm) await mountDevWithoutKvm(box);

  await writeFile(`${root}/etc/hosts`, `127.0.0.1 localhost\n::1 localhost\n${fs.hostsFile}`);
  await writeFile(`${root}/etc/hostname`, `${fs.hostName}\n`);
  await writeFile(`${root}/etc/machine-id`, `${fs.machineId}\n`);
}

/** Binds a datastore's directory (STATE/datastores/ID) into a running host. Idempotent. */
export async function bindDatastore(box: Box, name: string, id: string): Promise<void> {
  await mountAt(box, name, ["--bind", `${INSIDE}/datastores/${id}`]);
}

/** Mounts a datastore's block device; several hosts that mount one device share one file system in the kernel. */
export async function mountDatastore(box: Box, name: string, device: string): Promise<void> {
  await ensureDeviceNode(box, device);
  await mountAt(box, name, ["-o", "noatime", device]);
}

export async function unmountDatastore(box: Box, name: string): Promise<void> {
  const path = datastorePath(name);
  if (!(await isMountPoint(box, path))) return;
  const { code, stderr } = await runInBox(box, "umount", [path], { okCodes: [0, 32] });
  if (code !== 0) {
    throw new AppError("conflict", "LAB_DATASTORE_BUSY", `The datastore ${name} is in use: ${stderr.trim()}`);
  }
}

export function datastorePath(name: string): string {
  return `/var/lib/sinter/datastores/${name}`;
}

async function mountAt(box: Box, name: string, how: readonly string[]): Promise<void> {
  const path = datastorePath(name);
  if (await isMountPoint(box, path)) return;
  await runInBox(box, "mkdir", ["-p", path]);
  await runInBox(box, "mount", [...how, path]);
}

async function isMountPoint(box: Box, path: string): Promise<boolean> {
  return (await runInBox(box, "mountpoint", ["--quiet", path], { okCodes: [0, 1, 32] })).code === 0;
}

function overlays(): string[] {
  return ["etc", "var"].map((name) => {
    const layers = `upperdir=${INSIDE}/layers/${name}/upper,workdir=${INSIDE}/layers/${name}/work`;
    return `lab /${name} overlay lowerdir=/${name},${layers}`;
  });
}

function bindKept(path: string): string {
  return `${INSIDE}/host${path} ${path} none bind,X-mount.mkdir`;
}

/**
 * `mount -a` of a table of its own: one process for many mounts, and one place that shows what a host is made of.
 * The source of what has none is "lab": mount would take "sysfs on /sys" for the machine's, and think it done.
 */
async function mountAll(
  box: Box,
  tablePath: string,
  lines: readonly string[],
  seenAs = tablePath,
): Promise<void> {
  await writeFile(tablePath, `${lines.map(withoutSpaces).join(" 0 0\n")} 0 0\n`);
  await runInBox(box, "mount", ["--all", "--fstab", seenAs]);
}

function withoutSpaces(line: string): string {
  if (line.split(" ").length === 4) return line;
  throw new AppError("invalid", "LAB_STATE_DIR", `The state directory's path may hold no space: ${line}`);
}

/**
 * The mount namespace began as a copy that also holds the other hosts' named network namespaces, and would keep
 * them alive after their hosts are gone.
 */
async function leaveNamespacesOfOthers(box: Box): Promise<void> {
  await runInBox(box, "umount", ["--lazy", "--recursive", "/run/netns"], { okCodes: [0, 1, 32] });
}

/** /sys shows the network namespace it was mounted in; the cgroups hang below it. */
async function mountSys(box: Box, keptDir: string): Promise<void> {
  const tree = await findCgroupTree(box.names.id);
  const lines = ["lab /sys sysfs nosuid,nodev,noexec"];
  const v1 = tree?.hierarchies.filter((h) => h.version === 1) ?? [];
  if (v1.length > 0) lines.push("lab /sys/fs/cgroup tmpfs mode=755");
  for (const h of v1) lines.push(`lab ${h.mountPoint} cgroup ${h.options},X-mount.mkdir`);
  if (tree?.hierarchies.some((h) => h.version === 2)) lines.push("lab /sys/fs/cgroup cgroup2 nosuid");
  await mountAll(box, join(keptDir, "fstab.3"), lines, `${INSIDE}/host/fstab.3`);
}

async function mountDevWithoutKvm(box: Box): Promise<void> {
  const copy = `${INSIDE}/dev`;
  await runInBox(box, "mount", ["-t", "tmpfs", "-o", "mode=755,X-mount.mkdir", "dev", copy]);
  // Nodes, links and empty directories; what other file systems show below stays behind.
  await runInBox(box, "cp", ["--archive", "--one-file-system", "/dev/.", copy]);
  await runInBox(box, "rm", ["-f", `${copy}/kvm`]);
  for (const below of await readdir(`/proc/${box.init.pid}/root/dev`)) {
    const path = `/dev/${below}`;
    if (await isMountPoint(box, path)) await runInBox(box, "mount", ["--rbind", path, `${copy}/${below}`]);
  }
  await runInBox(box, "mount", ["--move", copy, "/dev"]);
}

/** A host's private /dev does not learn of devices that came later. */
async function ensureDeviceNode(box: Box, device: string): Promise<void> {
  const inside = `/proc/${box.init.pid}/root${device}`;
  if ((await stat(inside).catch(() => undefined)) !== undefined) return;
  const { rdev } = await stat(device);
  // The C library's packing of a device number: 12 bits of major amid 20 bits of minor (makedev(3)).
  const major = (rdev >>> 8) & 0xfff;
  const minor = (rdev & 0xff) | ((rdev >>> 12) & 0xfff00);
  await runInBox(box, "mknod", [device, "b", String(major), String(minor)]);
}

async function seed(from: string, into: string): Promise<void> {
  if ((await readdir(into)).length > 0) return;
  await cp(from, into, { recursive: true, preserveTimestamps: true });
}
