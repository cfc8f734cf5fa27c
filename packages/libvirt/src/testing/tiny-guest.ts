import { writeFile } from "node:fs/promises";
import { buildDomainXml, type DomainXml } from "../xml/domain-xml.ts";

/** What the tiny guest says on its serial port once it runs. */
export const TINY_GUEST_GREETING = "tiny guest ready\r\n";

const LOAD_ADDRESS = 0x7c00;
const CODE = [
  [0x31, 0xc0], // xor ax, ax
  [0x8e, 0xd8], // mov ds, ax
  [0x8e, 0xd0], // mov ss, ax
  [0xbc, 0x00, 0x7c], // mov sp, 0x7c00
  [0xfc], // cld
  [0xbe, "greeting"], // mov si, greeting
  [0xac], // next: lodsb
  [0x84, 0xc0], // test al, al
  [0x74, 0x05], // jz idle
  [0xe8, 0x15, 0x00], // call put
  [0xeb, 0xf6], // jmp next
  [0xfb], // idle: sti
  [0xf4], // hlt, until the timer's next tick: an idle guest costs next to nothing
  [0xba, 0xfd, 0x03], // poll: mov dx, 0x3fd: line status of COM1
  [0xec], // in al, dx
  [0xa8, 0x01], // test al, 1: is there a byte?
  [0x74, 0xf6], // jz idle
  [0xba, 0xf8, 0x03], // mov dx, 0x3f8: data of COM1
  [0xec], // in al, dx
  [0xe8, 0x02, 0x00], // call put
  [0xeb, 0xef], // jmp poll
  [0x88, 0xc4], // put: mov ah, al
  [0xba, 0xfd, 0x03], // mov dx, 0x3fd
  [0xec], // wait: in al, dx
  [0xa8, 0x20], // test al, 0x20: has the last byte left?
  [0x74, 0xfb], // jz wait
  [0x88, 0xe0], // mov al, ah
  [0xba, 0xf8, 0x03], // mov dx, 0x3f8
  [0xee], // out dx, al
  [0xc3], // ret
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
