import { spawn } from "node:child_process";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readIfThere, writeFileAtomic } from "@sinter/kit";
import { bootId } from "./lab-state.ts";

export interface KvmProbe {
  readonly usable: boolean;
  /** For a person: why not, or how it was shown. */
  readonly reason: string;
}

const EMULATOR = "qemu-system-x86_64";
const PROBE_TIMEOUT_MS = 5_000;
/** isa-debug-exit ends QEMU with (value << 1) | 1; the guest below writes 0x2a. */
const PROBE_EXIT_CODE = (0x2a << 1) | 1;

/**
 * Whether guests really run under KVM here. A /dev/kvm that opens proves nothing: nested without the processor's help
 * it takes a guest and hardly runs it. So a tiny guest is run that does nothing but end its machine.
 */
export async function probeKvm(): Promise<KvmProbe> {
  if ((await stat("/dev/kvm").catch(() => undefined)) === undefined) {
    return {
      usable: false,
      reason: "There is no /dev/kvm: the processor's virtualization is off or hidden.",
    };
  }
  return await probeAccelerator("kvm");
}

/** The probe itself, with QEMU's name of an accelerator; "tcg" shows whether the probe works. */
export async function probeAccelerator(accelerator: "kvm" | "tcg"): Promise<KvmProbe> {
  const dir = await mkdtemp(join(tmpdir(), "sinter-kvm-"));
  try {
    await writeFile(join(dir, "boot"), bootSector());
    return await bootOnce(join(dir, "boot"), accelerator);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** The same, asked once per boot of the machine. */
export async function probeKvmOnce(cacheDir: string): Promise<KvmProbe> {
  const path = join(cacheDir, "kvm-probe.json");
  const known = await readIfThere(path);
  const boot = await bootId();
  if (known !== undefined) {
    const { bootId: when, ...probe } = JSON.parse(known) as KvmProbe & { bootId: string };
    if (when === boot) return probe;
  }
  const probe = await probeKvm();
  await writeFileAtomic(path, JSON.stringify({ bootId: boot, ...probe }));
  return probe;
}

/**
 * Enters 64-bit mode with paging, counts to 16 million there, and ends the machine. The counting is the point: a
 * hypervisor that only emulates such a guest, instruction by instruction, gets through everything else.
 * Real KVM needs some milliseconds, plain emulation by QEMU a tenth of a second.
 */
const BOOT_SECTOR_CODE = [
  "fa31c08ed88ec08ed0bc007c", // cli; ds = es = ss = 0; sp = 0x7c00
  "bf0010b90018fcf3ab", // zero the page tables, 0x1000 to 0x3fff
  "66c706001003200000", // level 4 -> level 3
  "66c706002003300000", // level 3 -> level 2
  "66c706003083000000", // level 2: the first 2 MiB, one page
  "0f20e06683c8200f22e0", // cr4.PAE = 1
  "66b8001000000f22d8", // cr3 = 0x1000
  "66b9800000c00f32660d000100000f30", // EFER.LME = 1
  "0f0116887c", // lgdt
  "0f20c0660d010000800f22c0", // cr0.PE = cr0.PG = 1
  "ea697c0800", // far jump into the 64-bit segment
  "b900000001ffc975fc", // ecx = 0x1000000; loop until it is zero
  "b02ae6f4f4", // out 0xf4, 0x2a; hlt
].join("");
/** The segment table (null, 64-bit code) and its descriptor for lgdt, at their place in the sector. */
const BOOT_SECTOR_TABLE = { offset: 0x78, bytes: "000000000000000000000000009a20000f00787c0000" };

function bootSector(): Buffer {
  const sector = Buffer.alloc(512);
  sector.write(BOOT_SECTOR_CODE, "hex");
  sector.write(BOOT_SECTOR_TABLE.bytes, BOOT_SECTOR_TABLE.offset, "hex");
  // What the firmware looks for before it starts a sector.
  sector.set([0x55, 0xaa], 510);
  return sector;
}

function bootOnce(image: string, accelerator: string): Promise<KvmProbe> {
  const machine = [
    "-accel",
    accelerator,
    "-machine",
    "pc",
    "-m",
    "16",
    "-nodefaults",
    "-display",
    "none",
    "-no-reboot",
  ];
  const devices = [
    "-device",
    "isa-debug-exit,iobase=0xf4,iosize=1",
    "-drive",
    `file=${image},format=raw,if=ide`,
  ];
  return new Promise((resolve) => {
    const qemu = spawn(EMULATOR, [...machine, ...devices], { stdio: ["ignore", "ignore", "pipe"] });
    let complaint = "";
    qemu.stderr.on("data", (chunk: Buffer) => {
      complaint += chunk.toString();
    });
    const timer = setTimeout(() => qemu.kill("SIGKILL"), PROBE_TIMEOUT_MS);
    qemu.once("error", (error) => {
      clearTimeout(timer);
      resolve({ usable: false, reason: `${EMULATOR} could not be started: ${error.message}` });
    });
    qemu.once("close", (code, signal) => {
      clearTimeout(timer);
      if (code === PROBE_EXIT_CODE) resolve({ usable: true, reason: `A guest ran under ${accelerator}.` });
      else if (signal === "SIGKILL") {
        resolve({
          usable: false,
          reason: `/dev/kvm opens, but a guest did not run within ${PROBE_TIMEOUT_MS} ms.`,
        });
      } else resolve({ usable: false, reason: `QEMU cannot use /dev/kvm: ${complaint.trim()}` });
    });
  });
}
