import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { AppError, mapLimited, run } from "@sinter/kit";

/**
 * Fetches packages and unpacks them into one tree without installing anything on this machine.
 * Answers with their file names, NAME_VERSION_ARCHITECTURE. Throws `unavailable` PACKAGES_UNREACHABLE.
 */
export async function unpackPackages(
  into: string,
  packages: readonly string[],
  kernelMetaPackage: string,
): Promise<readonly string[]> {
  const downloads = `${into}.debs`;
  await mkdir(downloads);
  await mkdir(into);
  await download(downloads, [...packages, await kernelPackage(kernelMetaPackage)]);
  const files = (await readdir(downloads)).filter((name) => name.endsWith(".deb")).toSorted();
  await mapLimited(files, 2, (file) => run("dpkg-deb", ["--extract", join(downloads, file), into]));
  return files.map((file) => decodeURIComponent(file.slice(0, -".deb".length)));
}

/** The kernel that the meta package stands for at present. */
async function kernelPackage(metaPackage: string): Promise<string> {
  const { stdout } = await run("apt-cache", ["depends", metaPackage]);
  const name = /Depends: (linux-image-\S+)/.exec(stdout)?.[1];
  if (name !== undefined) return name;
  throw new AppError(
    "unavailable",
    "PACKAGES_UNREACHABLE",
    `APT does not know ${metaPackage}; its package lists are missing (apt-get update).`,
  );
}

async function download(dir: string, packages: readonly string[]): Promise<void> {
  const fetch = (): Promise<unknown> =>
    run("apt-get", ["download", "-q", "-o", "APT::Sandbox::User=root", ...packages], {
      cwd: dir,
      timeoutMs: 600_000,
    });
  try {
    await fetch();
  } catch {
    // Most often the lists are old and name files that are no longer there.
    await run("apt-get", ["update", "-q"], { timeoutMs: 600_000 });
    try {
      await fetch();
    } catch (cause) {
      throw new AppError(
        "unavailable",
        "PACKAGES_UNREACHABLE",
        "The packages of the guest image could not be fetched; this needs a Debian mirror in reach.",
        { cause },
      );
    }
  }
}
