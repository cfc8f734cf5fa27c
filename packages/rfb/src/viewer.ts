import type { Duplex } from "node:stream";
import { setTimeout } from "node:timers/promises";
import { joinServer, type JoinOptions } from "./join-server.ts";
import { RfbError } from "./protocol.ts";
import { readExactly } from "./read-exactly.ts";

/** Four bytes a pixel: blue, green, red, nothing. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly pixels: Buffer;
}

const CLIENT = { setPixelFormat: 0, setEncodings: 2, updateRequest: 3, keyEvent: 4 } as const;
const SERVER = { update: 0, colours: 1, bell: 2, cutText: 3 } as const;
const KEY = { return: 0xff0d, shift: 0xffe1 } as const;
/** A guest's keyboard has a short memory. */
const KEYSTROKE_MS = 25;
const RAW = 0;
const DESKTOP_SIZE = -223;
/** 32 bits, 24 of colour, little endian, red shifted by 16. */
const PIXEL_FORMAT = Buffer.from([32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0]);
const SIDE_MAX = 16_384;
const TEXT_BYTES_MAX = 1024 * 1024;

/** A viewer without a window, for checks and tests: looks once when asked, and types. */
export class Viewer implements Disposable {
  readonly name: string;
  #width: number;
  #height: number;
  readonly #server: Duplex;
  readonly #signal: AbortSignal | undefined;

  private constructor(server: Duplex, init: ScreenInit, signal: AbortSignal | undefined) {
    this.#server = server;
    this.#signal = signal;
    this.name = init.name;
    this.#width = init.width;
    this.#height = init.height;
  }

  /** Handshake and first words. Throws RfbError; the signal also ends what is asked later. */
  static async open(server: Duplex, options: JoinOptions = {}): Promise<Viewer> {
    const { signal } = options;
    await joinServer(server, options);
    try {
      const isShared = 1;
      server.write(Buffer.from([isShared]));
      const init = await readExactly(server, 24, signal);
      const nameLength = init.readUInt32BE(20);
      if (nameLength > TEXT_BYTES_MAX) throw new RfbError("The screen's name is too long.");
      const name = (await readExactly(server, nameLength, signal)).toString("utf8");
      server.write(Buffer.concat([Buffer.from([CLIENT.setPixelFormat, 0, 0, 0]), PIXEL_FORMAT]));
      const encodings = Buffer.from([CLIENT.setEncodings, 0, 0, 2, 0, 0, 0, RAW, 0, 0, 0, 0]);
      encodings.writeInt32BE(DESKTOP_SIZE, 8);
      server.write(encodings);
      return new Viewer(server, { name, width: init.readUInt16BE(0), height: init.readUInt16BE(2) }, signal);
    } catch (error) {
      server.destroy();
      throw error;
    }
  }

  get size(): { width: number; height: number } {
    return { width: this.#width, height: this.#height };
  }

  /** The whole screen as it is now. */
  async look(): Promise<Picture> {
    for (;;) {
      const { width, height } = this.size;
      const pixels = Buffer.alloc(width * height * 4);
      this.#requestAll();
      for (let seen = 0; seen < width * height; ) {
        const area = await this.#readUpdate({ width, height, pixels });
        if (area === "resized") break;
        seen += area;
        if (seen >= width * height) return { width, height, pixels };
      }
      if (width * height === 0) throw new RfbError("The screen has no size.");
    }
  }

  /** Types printable ASCII and line ends (Return) as on an American keyboard, no faster than a keyboard can. */
  async type(text: string): Promise<void> {
    for (const character of text) {
      const keysym = character === "\n" ? KEY.return : (character.codePointAt(0) ?? 0);
      const isShifted = /[A-Z~!@#$%^&*()_+{}|:"<>?]/.test(character);
      if (isShifted) this.key(KEY.shift, true);
      this.key(keysym, true);
      this.key(keysym, false);
      if (isShifted) this.key(KEY.shift, false);
      await setTimeout(KEYSTROKE_MS, undefined, this.#signal ? { signal: this.#signal } : {});
    }
  }

  key(keysym: number, isDown: boolean): void {
    const event = Buffer.from([CLIENT.keyEvent, isDown ? 1 : 0, 0, 0, 0, 0, 0, 0]);
    event.writeUInt32BE(keysym, 4);
    this.#server.write(event);
  }

  [Symbol.dispose](): void {
    this.#server.destroy();
  }

  #requestAll(): void {
    const request = Buffer.alloc(10);
    request[0] = CLIENT.updateRequest; // the next byte: not incremental
    request.writeUInt16BE(this.#width, 6);
    request.writeUInt16BE(this.#height, 8);
    this.#server.write(request);
  }

  /** Reads up to the next update and paints it; gives how many pixels it had. */
  async #readUpdate(picture: Picture): Promise<number | "resized"> {
    for (;;) {
      const [type] = await this.#read(1);
      switch (type) {
        case SERVER.update:
          return await this.#readRectangles(picture);
        case SERVER.colours: {
          const head = await this.#read(5);
          await this.#read(head.readUInt16BE(3) * 6);
          break;
        }
        case SERVER.bell:
          break;
        case SERVER.cutText: {
          const head = await this.#read(7);
          const length = head.readUInt32BE(3);
          if (length > TEXT_BYTES_MAX) throw new RfbError("The clipboard is too long.");
          await this.#read(length);
          break;
        }
        default:
          throw new RfbError(`The VNC server sent a message of the unknown type ${type}.`);
      }
    }
  }

  async #readRectangles(picture: Picture): Promise<number | "resized"> {
    const count = (await this.#read(3)).readUInt16BE(1);
    let area = 0;
    let isResized = false;
    for (let index = 0; index < count; index++) {
      const head = await this.#read(12);
      const [x, y, width, height] = [0, 2, 4, 6].map((at) => head.readUInt16BE(at)) as Rectangle;
      const encoding = head.readInt32BE(8);
      if (width > SIDE_MAX || height > SIDE_MAX) throw new RfbError("The screen is too large.");
      if (encoding === DESKTOP_SIZE) {
        isResized ||= width !== this.#width || height !== this.#height;
        this.#width = width;
        this.#height = height;
      } else if (encoding === RAW) {
        paint(picture, [x, y, width, height], await this.#read(width * height * 4));
        area += width * height;
      } else {
        throw new RfbError(`The VNC server used the encoding ${encoding}, which was not offered.`);
      }
    }
    return isResized ? "resized" : area;
  }

  #read(length: number): Promise<Buffer> {
    return readExactly(this.#server, length, this.#signal);
  }
}

type ScreenInit = { readonly name: string; readonly width: number; readonly height: number };
type Rectangle = [x: number, y: number, width: number, height: number];

function paint(picture: Picture, [x, y, width, height]: Rectangle, pixels: Buffer): void {
  // A rectangle of before a change of size may stand out.
  if (x + width > picture.width || y + height > picture.height) return;
  for (let row = 0; row < height; row++) {
    pixels.copy(picture.pixels, ((y + row) * picture.width + x) * 4, row * width * 4, (row + 1) * width * 4);
  }
}
