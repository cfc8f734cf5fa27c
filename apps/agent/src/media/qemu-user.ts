import { chmod, chown, mkdir, readFile } from "node:fs/promises";

export interface QemuUser {
  readonly uid: number;
  readonly gid: number;
}

/** Under which libvirt's packages run QEMU, on Debian and on Fedora. */
const NAMES = ["libvirt-qemu", "qemu"];

/** The user that QEMU runs as; undefined where the host has none of the known ones, and then it runs as root. */
export async function findQemuUser(passwdPath = "/etc/passwd"): Promise<QemuUser | undefined> {
  const lines = (await readFile(passwdPath, "utf8")).split("\n").map((line) => line.split(":"));
  for (const name of NAMES) {
    const [, , uid, gid] = lines.find(([own]) => own === name) ?? [];
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  }
  return undefined;
}

/** A folder whose entries root and QEMU may use, and nobody else may even name. */
export async function makeQemuFolder(path: string, user: QemuUser | undefined): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o711 });
  await chmod(path, user === undefined ? 0o700 : 0o710);
  if (user !== undefined) await chown(path, 0, user.gid);
}

/** Lets QEMU connect to a socket; connecting needs the right to write. */
export async function giveToQemu(path: string, user: QemuUser | undefined): Promise<void> {
  await chmod(path, 0o600);
  if (user !== undefined) await chown(path, user.uid, user.gid);
}
