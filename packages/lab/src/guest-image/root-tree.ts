import { cp, mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { AppError, run } from "@sinter/kit";
import { unpackPackages } from "./debian-packages.ts";
import { copyModules } from "./kernel-modules.ts";

const FILES = fileURLToPath(new URL("files", import.meta.url));

/** Debian's packages the guest is made of, besides the kernel. */
const PACKAGES = [
  "busybox-static",
  "qemu-guest-agent",
  "e2fsprogs",
  // Libraries of the two above.
  "libc6",
  "libglib2.0-0",
  "libpcre2-8-0",
  "liburing2",
  "libudev1",
  "libnuma1",
  "libext2fs2",
  "libcom-err2",
  "libblkid1",
  "libuuid1",
];
const LIBRARY_DIR = "lib/x86_64-linux-gnu";
const PROGRAMS = ["usr/sbin/qemu-ga", "sbin/mke2fs", "sbin/resize2fs", "sbin/e2fsck"];

/** Loaded at every start, where the machine does not tell that it needs them. */
const ALWAYS = ["button", "evdev", "loop"];
/** Loaded when a device asks for them, or by hand. */
const ON_DEMAND = [
  "virtio_pci",
  "virtio_blk",
  "virtio_scsi",
  "virtio_net",
  "virtio_balloon",
  "virtio_console",
  "virtio_mem",
  "virtio-rng",
  "virtio_input",
  "vmw_pvscsi",
  "vmxnet3",
  "ata_piix",
  "ata_generic",
  "sd_mod",
  "sr_mod",
  "sg",
  "isofs",
  "vfat",
  "nls_ascii",
  "nls_cp437",
  "nls_utf8",
  "pvpanic-mmio",
  "pvpanic-pci",
  "qemu_fw_cfg",
];
/** What it takes to see the root disk on any controller. */
const FOR_ROOT = [
  "virtio_pci",
  "virtio_blk",
  "virtio_scsi",
  "vmw_pvscsi",
  "ata_piix",
  "ata_generic",
  "sd_mod",
];

/**
 * What no password hashes to, since no hash is "*". The usual "!" is as safe, but busybox's login ends over it before
 * it has said that the login failed.
 */
const NO_PASSWORD = "$6$none$*";

export interface GuestTree {
  /** Everything on the root file system. */
  readonly rootDir: string;
  /** Kernel, initial RAM disk and boot loader configuration. */
  readonly bootDir: string;
  readonly packages: readonly string[];
}

export async function buildRootTree(work: string, onProgress: (step: string) => void): Promise<GuestTree> {
  onProgress("guest image: fetching packages");
  const unpacked = join(work, "packages");
  const packages = await unpackPackages(unpacked, PACKAGES, "linux-image-cloud-amd64");

  onProgress("guest image: putting the system together");
  const rootDir = join(work, "root");
  const bootDir = join(work, "boot");
  const initrdDir = join(work, "initrd");
  await makeDirectories(rootDir);
  await copyPrograms(unpacked, rootDir);
  await cp(FILES, rootDir, { recursive: true });
  await run("rm", ["-rf", join(rootDir, "boot"), join(rootDir, "initrd-init")]);
  await writeFile(join(rootDir, "etc/shadow"), `root:${NO_PASSWORD}:20000:0:99999:7:::\n`, { mode: 0o600 });
  await writeFile(join(rootDir, "etc/modules"), `${ALWAYS.join("\n")}\n`);
  await symlink("/run/resolv.conf", join(rootDir, "etc/resolv.conf"));
  const busybox = join(rootDir, "bin/busybox");
  const kernel = await copyModules(unpacked, rootDir, [...ALWAYS, ...ON_DEMAND], busybox);

  for (const dir of ["bin", "etc", "proc", "sys", "dev", "root"])
    await mkdir(join(initrdDir, dir), { recursive: true });
  await cp(busybox, join(initrdDir, "bin/busybox"));
  await linkApplets(busybox, join(initrdDir, "bin"), "/bin/busybox");
  await cp(join(FILES, "initrd-init"), join(initrdDir, "init"));
  await writeFile(join(initrdDir, "etc/modules"), `${FOR_ROOT.join("\n")}\n`);
  await copyModules(unpacked, initrdDir, FOR_ROOT, busybox);

  await mkdir(bootDir);
  await cp(join(unpacked, `boot/vmlinuz-${kernel}`), join(bootDir, "vmlinuz"));
  await cp(join(FILES, "boot/syslinux.cfg"), join(bootDir, "syslinux.cfg"));
  await packInitrd(initrdDir, join(bootDir, "initrd"), busybox);
  await assertProgramsRun(rootDir);
  return { rootDir, bootDir, packages };
}

async function makeDirectories(rootDir: string): Promise<void> {
  const dirs = [
    "bin",
    "sbin",
    "usr/bin",
    "usr/sbin",
    LIBRARY_DIR,
    "lib64",
    "etc",
    "root",
    "mnt",
    "var/lib",
    "var/log",
  ];
  for (const dir of [...dirs, "proc", "sys", "dev", "run", "tmp", "boot"]) {
    await mkdir(join(rootDir, dir), { recursive: true });
  }
  await symlink("/run", join(rootDir, "var/run"));
}

async function copyPrograms(unpacked: string, rootDir: string): Promise<void> {
  for (const program of PROGRAMS) await cp(join(unpacked, program), join(rootDir, program));
  for (const dir of [LIBRARY_DIR, `usr/${LIBRARY_DIR}`]) {
    for (const name of await readdir(join(unpacked, dir))) {
      if (!/\.so(\.|$)/.test(name)) continue;
      await cp(join(unpacked, dir, name), join(rootDir, LIBRARY_DIR, name), { verbatimSymlinks: true });
    }
  }
  await symlink(`/${LIBRARY_DIR}/ld-linux-x86-64.so.2`, join(rootDir, "lib64/ld-linux-x86-64.so.2"));
  await symlink("mke2fs", join(rootDir, "sbin/mkfs.ext4"));
  await cp(join(unpacked, "etc/mke2fs.conf"), join(rootDir, "etc/mke2fs.conf"));
  const busybox = join(rootDir, "bin/busybox");
  await cp(join(unpacked, "bin/busybox"), busybox);
  await linkApplets(busybox, join(rootDir, "bin"), "/bin/busybox");
  // Where the kernel and other programs look for these by path. Programs of ours take the place of the others later.
  for (const name of ["init", "getty", "modprobe", "ip", "udhcpc"]) {
    await symlink("/bin/busybox", join(rootDir, "sbin", name));
  }
}

/** Links every applet to busybox, except those that are real programs, or ours, elsewhere. */
async function linkApplets(busybox: string, binDir: string, target: string): Promise<void> {
  const elsewhere = ["busybox", "poweroff", "reboot", "halt", "mke2fs"];
  const applets = (await run(busybox, ["--list"])).stdout.trim().split("\n");
  for (const applet of applets.filter((name) => !elsewhere.includes(name))) {
    await symlink(target, join(binDir, applet));
  }
}

async function packInitrd(dir: string, path: string, busybox: string): Promise<void> {
  const names = (await readdir(dir, { recursive: true })).toSorted();
  const plain = `${path}.cpio`;
  await run(busybox, ["cpio", "-o", "-H", "newc", "-F", plain], { cwd: dir, input: `${names.join("\n")}\n` });
  await run("zstd", ["-q", "-19", "--rm", plain, "-o", path]);
}

/** A library that a new version of a package needs besides would show only when a guest has booted. */
async function assertProgramsRun(rootDir: string): Promise<void> {
  const loader = join(rootDir, LIBRARY_DIR, "ld-linux-x86-64.so.2");
  for (const program of PROGRAMS) {
    const args = ["--list", join(rootDir, program)];
    const { stdout } = await run(loader, ["--library-path", join(rootDir, LIBRARY_DIR), ...args]);
    const foreign = stdout
      .split("\n")
      .find((line) => line.includes("not found") || / => \/(?!.*guest-build-)/.test(line));
    if (foreign !== undefined) {
      throw new AppError(
        "internal",
        "GUEST_LIBRARY_MISSING",
        `${program} of the guest image lacks: ${foreign.trim()}`,
      );
    }
  }
}
