import type { Duplex } from "node:stream";
import { guardedScreen, linkedPair, readExactly } from "@sinter/rfb";
import type { SimVm } from "./sim-vm.ts";

/** Small, but large enough for a test to see that it is no blank. */
export const SIM_SCREEN = { width: 64, height: 48 } as const;
const { width: WIDTH, height: HEIGHT } = SIM_SCREEN;
const BAND_HEIGHT = 8;

/** Types of the viewer's messages. */
const PIXEL_FORMAT = 0;
const ENCODINGS = 2;
const UPDATE_REQUEST = 3;
const KEY = 4;
const POINTER = 5;
const CUT_TEXT = 6;
const TEXT_BYTES_MAX = 1024 * 1024;

/** 32 bits, 24 of colour, little endian. */
const DEFAULT_FORMAT = Buffer.from([32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0]);

/**
 * The screen of a simulated VM, behind a password as a real one is: a picture that differs from VM to VM, and whose
 * upper band changes with every key that is pressed.
 */
export function openSimScreen(vm: SimVm, password: string): Duplex {
  return guardedScreen({ password, open: async () => serveScreen(vm) });
}

function serveScreen(vm: SimVm): Duplex {
  const [far, near] = linkedPair();
  talk(near, vm).catch(() => near.destroy()); // the viewer has left, or does not speak RFB
  return far;
}

async function talk(viewer: Duplex, vm: SimVm): Promise<void> {
  let format: Buffer = DEFAULT_FORMAT;
  let keysPressed = 0;
  let shown = -1;
  let isWaiting = false;
  const show = (): void => {
    isWaiting = false;
    shown = keysPressed;
    viewer.write(updateOf(paint(vm.spec.vmUuid, keysPressed), format));
  };

  await readExactly(viewer, 1);
  viewer.write(greetingOf(vm.spec.name));
  for (;;) {
    const [type] = await readExactly(viewer, 1);
    switch (type) {
      case PIXEL_FORMAT:
        format = (await readExactly(viewer, 19)).subarray(3);
        if (format[3] === 0) throw new Error("no colour map");
        break;
      case ENCODINGS:
        await readExactly(viewer, (await readExactly(viewer, 3)).readUInt16BE(1) * 4);
        break;
      case UPDATE_REQUEST: {
        const isIncremental = (await readExactly(viewer, 9))[0] !== 0;
        if (isIncremental && shown === keysPressed) isWaiting = true;
        else show();
        break;
      }
      case KEY: {
        const isDown = (await readExactly(viewer, 7))[0] !== 0;
        if (isDown) keysPressed++;
        if (isDown && isWaiting) show();
        break;
      }
      case POINTER:
        await readExactly(viewer, 5);
        break;
      case CUT_TEXT: {
        const length = (await readExactly(viewer, 7)).readUInt32BE(3);
        if (length > TEXT_BYTES_MAX) throw new Error("too long");
        await readExactly(viewer, length);
        break;
      }
      default:
        throw new Error("unknown message");
    }
  }
}

function greetingOf(name: string): Buffer {
  const text = Buffer.from(name, "utf8");
  const head = Buffer.alloc(24);
  head.writeUInt16BE(WIDTH, 0);
  head.writeUInt16BE(HEIGHT, 2);
  DEFAULT_FORMAT.copy(head, 4);
  head.writeUInt32BE(text.length, 20);
  return Buffer.concat([head, text]);
}

type Colour = readonly [red: number, green: number, blue: number];

function paint(seed: string, keysPressed: number): Colour[] {
  const tint = Number.parseInt(seed.slice(0, 2), 16);
  return Array.from({ length: WIDTH * HEIGHT }, (_, index): Colour => {
    const [x, y] = [index % WIDTH, Math.floor(index / WIDTH)];
    return y < BAND_HEIGHT ? [(keysPressed * 40) % 256, 200, (keysPressed * 90) % 256] : [x * 4, y * 5, tint];
  });
}

/** One rectangle, raw, in the format that the viewer asked for. */
function updateOf(pixels: readonly Colour[], format: Buffer): Buffer {
  const bytes = (format[0] ?? 32) / 8;
  const isBigEndian = format[2] !== 0;
  const maxima = [4, 6, 8].map((at) => format.readUInt16BE(at));
  const shifts = [10, 11, 12].map((at) => format[at] ?? 0);
  const head = Buffer.alloc(16);
  head.writeUInt16BE(1, 2);
  head.writeUInt16BE(WIDTH, 8);
  head.writeUInt16BE(HEIGHT, 10);
  const body = Buffer.alloc(pixels.length * bytes);
  for (const [index, pixel] of pixels.entries()) {
    let value = 0;
    for (const [part, level] of pixel.entries()) {
      value += Math.round((level * (maxima[part] ?? 255)) / 255) * 2 ** (shifts[part] ?? 0);
    }
    if (isBigEndian) body.writeUIntBE(value, index * bytes, bytes);
    else body.writeUIntLE(value, index * bytes, bytes);
  }
  return Buffer.concat([head, body]);
}
