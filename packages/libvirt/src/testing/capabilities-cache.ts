import { constants } from "node:fs";
import { access, copyFile, mkdir, readdir, readFile, rename, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** One for each user, since root must not believe what others left in the temporary directory. */
export function defaultCapabilitiesCache(): string {
  return join(tmpdir(), `libvirt-capabilities-${process.getuid?.() ?? 0}`);
}

/**
 * Carries what libvirt found out about QEMU from one private daemon to the next, which saves each some two
 * seconds. libvirt itself sees whether an entry still fits the binaries, the kernel and /dev/kvm.
 */
export class CapabilitiesCache {
  readonly #own: string;
  readonly #kept: string;

  constructor(own: string, kept: string) {
    this.#own = own;
    this.#kept = kept;
  }

  /** Before the daemon starts. */
  async seed(): Promise<void> {
    if (!(await this.#isOurs())) return;
    await mkdir(this.#own, { recursive: true });
    for (const file of await readdir(this.#kept)) {
      if (file.endsWith(".xml")) await copyFile(join(this.#kept, file), join(this.#own, file));
    }
  }

  /** After the daemon ended. */
  async keep(): Promise<void> {
    if (!(await isThere(this.#own))) return;
    await mkdir(this.#kept, { recursive: true, mode: 0o700 });
    if (!(await this.#isOurs())) return;
    for (const file of await readdir(this.#own)) {
      const own = join(this.#own, file);
      const kept = join(this.#kept, file);
      if (await sameContent(own, kept)) continue;
      // Others may read it meanwhile, so it appears whole or not at all.
      const draft = `${kept}.${process.pid}`;
      await copyFile(own, draft);
      await rename(draft, kept);
    }
  }

  async #isOurs(): Promise<boolean> {
    return (await isThere(this.#kept)) && (await stat(this.#kept)).uid === process.getuid?.();
  }
}

export async function isThere(path: string, mode = constants.F_OK): Promise<boolean> {
  return await access(path, mode).then(
    () => true,
    () => false,
  );
}

async function sameContent(one: string, other: string): Promise<boolean> {
  if (!(await isThere(other))) return false;
  return (await readFile(one)).equals(await readFile(other));
}
