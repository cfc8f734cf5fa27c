import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AppError, readIfThere, writeFileAtomic } from "@sinter/kit";
import type { HostReport } from "@sinter/southbound";
import { type ProgramName, runProgram } from "../programs.ts";

/** How guests run here; the reason says why not under KVM and is null with it. */
export interface AcceleratorChoice {
  readonly accelerator: HostReport["accelerator"];
  readonly reason: string | null;
}

const PROBE_MS_MAX = 5_000;
/** isa-debug-exit ends QEMU with code (value << 1) | 1; the guest below writes 0x15. */
const GUEST_EXIT_CODE = (0x15 << 1) | 1;

/**
 * A boot sector that enters 64-bit mode, counts to four million there and ends its machine. A device file that opens
 * proves nothing: there are hosts whose /dev/kvm takes a guest and never gets through its first loop.
 */
const BOOT_SECTOR = Buffer.from(
  [
    "fa31c08ed88ec08ed0bc0070", // interrupts off; flat segments; a stack
    "bf0080b90018fcf3ab", // clear three page tables at 0x8000
    "66c706008003900000", // level 4 -> level 3
    "66c706009003a00000", // level 3 -> level 2
    "66c70600a083000000", // level 2: the first 2 MiB as one page
    "66b8a00000000f22e0", // CR4: physical address extension
    "66b8008000000f22d8", // CR3: the tables
    "66b9800000c00f32660d000100000f30", // EFER: long mode
    "0f0116887c", // load the segment table
    "66b8010000800f22c0", // CR0: protection and paging
    "ea657c0800", // jump into the 64-bit segment
    "b90000400031d201cae2fc", // add and loop, 0x400000 times
    "b015e6f4f4ebfd90", // write 0x15 to the exit port; halt
    "000000000000000000000000009a2000", // segments: none, 64-bit code
    "0f00787c0000", // where they are, for the load above
  ].join(""),
  "hex",
);

/** Boots a guest under KVM, or remembers that it did since this start of the host and with this QEMU. */
export async function chooseAccelerator(options: {
  readonly stateDir: string;
  readonly bootId: string;
  readonly architecture: HostReport["architecture"];
  readonly qemuVersion: string;
}): Promise<AcceleratorChoice> {
  const path = join(options.stateDir, "accelerator.json");
  const key = `${options.bootId} ${options.qemuVersion}`;
  const kept = parseKept(await readIfThere(path));
  if (kept?.key === key) return kept.choice;
  const choice = await probe(options.architecture);
  await writeFileAtomic(path, `${JSON.stringify({ key, choice })}\n`);
  return choice;
}

function parseKept(text: string | undefined): { key: string; choice: AcceleratorChoice } | undefined {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as { key: string; choice: AcceleratorChoice }; // our own file, compared by its key
  } catch {
    return undefined; // half a file of another age: probe again
  }
}

async function probe(architecture: HostReport["architecture"]): Promise<AcceleratorChoice> {
  const device = await stat("/dev/kvm").catch(() => undefined);
  if (!device?.isCharacterDevice()) {
    return emulated("There is no /dev/kvm: virtualization is off in the firmware, or hidden from this host.");
  }
  // The guest above is for x86; elsewhere the device is all there is to go by.
  if (architecture !== "x86_64") return { accelerator: "kvm", reason: null };
  const directory = await mkdtemp(join(tmpdir(), "sinter-kvm-"));
  try {
    await bootTestGuest(directory, "kvm", PROBE_MS_MAX);
    return { accelerator: "kvm", reason: null };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    if (error.code === "PROGRAM_MISSING") return emulated(error.message);
    return emulated(
      error.params["signal"] === "SIGKILL"
        ? `There is a /dev/kvm, but a test guest did not get through in ${PROBE_MS_MAX / 1000} s.`
        : `There is a /dev/kvm, but a test guest did not run: ${error.message}`,
    );
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Resolves when the guest has run to its end; `directory` takes its disk. */
export async function bootTestGuest(
  directory: string,
  accelerator: "kvm" | "tcg",
  timeoutMs: number,
): Promise<void> {
  const image = join(directory, "guest");
  await writeFile(image, bootImage());
  const machine = ["-accel", accelerator, "-machine", "pc", "-m", "16", "-nodefaults", "-display", "none"];
  const devices = [
    "-device",
    "isa-debug-exit,iobase=0xf4,iosize=1",
    "-drive",
    `file=${image},format=raw,if=ide`,
  ];
  await runProgram("qemu-system-x86_64", [...machine, "-no-reboot", ...devices], {
    timeoutMs,
    okCodes: [GUEST_EXIT_CODE],
  });
}

function emulated(reason: string): AcceleratorChoice {
  return { accelerator: "emulated", reason };
}

function bootImage(): Buffer {
  const sector = Buffer.alloc(512);
  BOOT_SECTOR.copy(sector);
  sector.set([0x55, 0xaa], 510); // what the firmware looks for
  return sector;
}

/** The emulator of an architecture, as a program of the list. */
export function emulatorOf(architecture: HostReport["architecture"]): ProgramName {
  return architecture === "x86_64" ? "qemu-system-x86_64" : "qemu-system-aarch64";
}
