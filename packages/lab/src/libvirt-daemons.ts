import { appendFile, cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { withFileLock } from "./file-lock.ts";
import { type Box, exists, runInBox, type Spawned, spawnInBox, untilItAnswers } from "./namespace-box.ts";

export interface LibvirtSettings {
  readonly uuid: string;
  /** Where other hosts send a guest that moves here. */
  readonly migrationAddress: string;
  readonly hasCgroups: boolean;
}

/** Inside a host. Libvirt names its files there by the emulator's path, the same on every host of the machine. */
const CAPABILITIES = "/var/cache/libvirt/qemu/capabilities";
const SOCKET = "/run/libvirt/libvirt-sock";

/**
 * Writes the daemons' configuration, once: what an administrator or the agent changes later stays. The identity and
 * address lines are the lab's to say, since they follow the lab.
 */
export async function configureLibvirt(box: Box, settings: LibvirtSettings): Promise<void> {
  await ensureQemuUser(box);
  const etc = `/proc/${box.init.pid}/root/etc/libvirt`;
  await writeOnce(`${etc}/libvirtd.conf`, [
    `host_uuid = "${settings.uuid}"`,
    // The unix socket alone. Who turns one of these on gets a libvirtd that listens, at its next start.
    "listen_tls = 0",
    "listen_tcp = 0",
    'unix_sock_group = "root"',
    'unix_sock_rw_perms = "0700"',
    'auth_unix_rw = "none"',
  ]);
  await writeOnce(`${etc}/qemu.conf`, [
    'user = "root"',
    'group = "root"',
    'security_driver = "none"',
    "remember_owner = 0",
    `migration_address = "${settings.migrationAddress}"`,
    `migration_host = "${settings.migrationAddress}"`,
    // The host already has a /dev and mounts of its own.
    "namespaces = []",
    ...(settings.hasCgroups ? [] : ["cgroup_controllers = []"]),
  ]);
  // A VM's definition names the leases of its disks on shared datastores; disks of this host alone have none.
  await ensureLine(`${etc}/qemu.conf`, 'lock_manager = "sanlock"');
  await writeOnce(`${etc}/qemu-sanlock.conf`, ["auto_disk_leases = 0", "require_lease_for_disks = 0"]);
}

export async function startVirtlogd(box: Box, logFile: string): Promise<Spawned> {
  const root = `/proc/${box.init.pid}/root`;
  await mkdir(`${root}/run/libvirt`, { recursive: true });
  const started = await spawnInBox(box, "virtlogd", [], { logFile });
  await untilItAnswers(started, "virtlogd", logFile, () => exists(`${root}/run/libvirt/virtlogd-sock`));
  return started;
}

/** Starts libvirtd and waits until it answers a call. Guests that run are found again by libvirtd itself. */
export async function startLibvirtd(box: Box, logFile: string): Promise<Spawned> {
  const root = `/proc/${box.init.pid}/root`;
  const listens = /^\s*listen_(tls|tcp)\s*=\s*1/m.test(
    await readFile(`${root}/etc/libvirt/libvirtd.conf`, "utf8"),
  );
  const started = await spawnInBox(box, "libvirtd", listens ? ["--listen"] : [], { logFile });
  await untilItAnswers(started, "libvirtd", logFile, async () => {
    if (!(await exists(`${root}${SOCKET}`))) return false;
    return (await virsh(box, ["uri"], { okCodes: [0, 1] })).code === 0;
  });
  return started;
}

export async function virsh(
  box: Box,
  args: readonly string[],
  options = {},
): Promise<{ stdout: string; code: number }> {
  return await runInBox(box, "virsh", ["--quiet", "--connect", "qemu:///system", ...args], options);
}

/**
 * Asking QEMU what it can do takes libvirt seconds. All hosts of one machine would get the same answer, so the first
 * one's is kept in the machine's cache for the others. Libvirt checks it against its own and QEMU's files and asks
 * again when they changed.
 */
export async function plantCapabilities(box: Box, cacheDir: string): Promise<void> {
  const into = `/proc/${box.init.pid}/root${CAPABILITIES}`;
  await mkdir(into, { recursive: true });
  const from = join(cacheDir, "qemu-capabilities");
  if ((await readdir(from).catch(() => [])).length > 0) await copyFiles(from, into);
}

/** Asks for the capabilities, so that the first VM does not wait for them, and keeps the answer. */
export async function harvestCapabilities(box: Box, cacheDir: string): Promise<void> {
  await withFileLock(join(cacheDir, "qemu-capabilities.lock"), async () => {
    await plantCapabilities(box, cacheDir);
    await virsh(box, ["domcapabilities", "--virttype", "qemu"]);
    const into = join(cacheDir, "qemu-capabilities");
    await mkdir(into, { recursive: true });
    await copyFiles(`/proc/${box.init.pid}/root${CAPABILITIES}`, into);
  });
}

async function copyFiles(from: string, into: string): Promise<void> {
  for (const name of await readdir(from)) {
    if (name.endsWith(".xml")) await cp(join(from, name), join(into, name), { preserveTimestamps: true });
  }
}

/**
 * Libvirt looks its default user up before it reads which user to take. On the machine that user comes with a package
 * that also brings services, which a lab does without.
 */
async function ensureQemuUser(box: Box): Promise<void> {
  const etc = `/proc/${box.init.pid}/root/etc`;
  if (/^libvirt-qemu:/m.test(await readFile(`${etc}/passwd`, "utf8"))) return;
  await appendFile(`${etc}/group`, "libvirt-qemu:x:64055:\n");
  await appendFile(`${etc}/passwd`, "libvirt-qemu:x:64055:64055::/var/lib/libvirt:/usr/sbin/nologin\n");
}

const MARK = "# Written by the Sinter laboratory when the host was made.";

async function writeOnce(path: string, lines: readonly string[]): Promise<void> {
  const before = await readFile(path, "utf8").catch(() => "");
  if (before.startsWith(MARK)) return;
  await writeFile(path, `${[MARK, ...lines].join("\n")}\n`, { mode: 0o600 });
}

/** For a file of an older lab as well, unless somebody has given that setting another value. */
async function ensureLine(path: string, line: string): Promise<void> {
  const before = await readFile(path, "utf8");
  const name = line.split(" ")[0] ?? line;
  if (new RegExp(`^\\s*${name}\\s*=`, "m").test(before)) return;
  await appendFile(path, `${line}\n`);
}
