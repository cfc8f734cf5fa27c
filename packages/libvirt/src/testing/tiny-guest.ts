import { writeFile } from "node:fs/promises";
import { buildDomainXml, type DomainXml } from "../xml/domain-xml.ts";

/** What the tiny guest says on its serial port once it runs. */
export const TINY_GUEST_GREETING = "tiny guest ready\r\n";

const LOAD_ADDRESS = 0x7c00;
const CODE = [
  [0x31, 0xc0], // xor ax, ax
  [0x8e, 0xd8], // mov ds, ax
  [0xfc], // cld
  [0xbe, "greeting"], // mov si, greeting
  [0xba, 0xf8, 0x03], // mov dx, 0x3f8: COM1, data
  [0xac], // next: lodsb
  [0x84, 0xc0], // test al, al
  [0x74, 0x03], // jz echo
  [0xee], // out dx, al
  [0xeb, 0xf8], // jmp next
  [0xfb], // echo: sti
  [0xf4], // hlt, until the timer's next tick: an idle guest costs next to nothing
  [0xba, 0xfd, 0x03], // poll: mov dx, 0x3fd: line status
  [0xec], // in al, dx
  [0xa8, 0x01], // test al, 1: is there a byte?
  [0x74, 0xf6], // jz echo
  [0xba, 0xf8, 0x03], // mov dx, 0x3f8
  [0xec], // in al, dx
  [0xee], // out dx, al
  [0xeb, 0xf1], // jmp poll
];

/** A boot sector that greets on the first serial port and then sends back whatever it gets there. */
export function tinyGuestBootSector(): Buffer {
  const length = CODE.flat().length + 1; // the address takes two bytes
  const greeting = LOAD_ADDRESS + length;
  const code = CODE.flat().flatMap((byte) =>
    typeof byte === "number" ? [byte] : [greeting & 0xff, greeting >> 8],
  );
  const sector = Buffer.alloc(512);
  sector.set(code);
  sector.write(`${TINY_GUEST_GREETING}\0`, code.length, "latin1");
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}

/** Writes a raw disk of `sizeBytes` that boots into the tiny guest. */
export async function writeTinyGuestDisk(path: string, sizeBytes = 1024 * 1024): Promise<void> {
  const disk = Buffer.alloc(sizeBytes);
  tinyGuestBootSector().copy(disk);
  await writeFile(path, disk);
}

/** A domain for emulation that needs little and starts fast; `change` is laid over it. */
export function tinyGuest(name: string, change: Partial<DomainXml> = {}): DomainXml {
  return {
    type: "qemu",
    name,
    memoryKiB: 32 * 1024,
    vcpu: { count: 1 },
    os: { type: { arch: "x86_64", machine: "pc", value: "hvm" }, boot: [{ dev: "hd" }] },
    features: { acpi: true },
    ...change,
    devices: {
      serials: [{ type: "pty", target: { port: 0 } }],
      consoles: [{ type: "pty", target: { type: "serial", port: 0 } }],
      memoryBalloon: { model: "none" },
      controllers: [{ type: "usb", model: "none" }],
      ...change.devices,
    },
  };
}

export function tinyGuestXml(name: string, change: Partial<DomainXml> = {}): string {
  return buildDomainXml(tinyGuest(name, change));
}
