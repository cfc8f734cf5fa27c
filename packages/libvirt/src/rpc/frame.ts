import { ProtocolError } from "../errors.ts";
import type { Codec } from "../xdr/codec.ts";
import { XdrWriter } from "../xdr/writer.ts";

/** virNetMessageType. */
export const MESSAGE_TYPE = { call: 0, reply: 1, message: 2, stream: 3, streamHole: 6 } as const;

/** virNetMessageStatus. */
export const MESSAGE_STATUS = { ok: 0, error: 1, continue: 2 } as const;

/** Length word and six header words; the length counts itself. */
export const FRAME_HEADER_BYTES = 28;
/** VIR_NET_MESSAGE_MAX plus the length word. libvirtd drops a client that sends more. */
export const FRAME_MAX_BYTES = 32 * 1024 * 1024 + 4;
/** What libvirt puts into one stream packet at most (VIR_NET_MESSAGE_LEGACY_PAYLOAD_MAX). */
export const STREAM_CHUNK_MAX_BYTES = 262_120;

export interface FrameHeader {
  readonly program: number;
  readonly version: number;
  readonly procedure: number;
  readonly type: number;
  readonly serial: number;
  readonly status: number;
}

export interface Frame extends FrameHeader {
  readonly payload: Buffer;
}

/** One packet, ready for the socket. Throws XdrError for values that do not fit, ProtocolError over 32 MiB. */
export function encodeFrame<T>(header: FrameHeader, codec: Codec<T>, value: T): Buffer {
  const writer = new XdrWriter(FRAME_HEADER_BYTES);
  codec.write(writer, value);
  return withHeader(writer.finish(), header);
}

/** Stream data travels as it is, without a length word and padding of its own. */
export function encodeRawFrame(header: FrameHeader, payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + payload.length);
  frame.set(payload, FRAME_HEADER_BYTES);
  return withHeader(frame, header);
}

function withHeader(frame: Buffer, header: FrameHeader): Buffer {
  if (frame.length > FRAME_MAX_BYTES) {
    throw new ProtocolError(`A packet of ${frame.length} bytes exceeds libvirt's limit of 32 MiB.`);
  }
  frame.writeUInt32BE(frame.length, 0);
  frame.writeUInt32BE(header.program, 4);
  frame.writeUInt32BE(header.version, 8);
  frame.writeInt32BE(header.procedure, 12);
  frame.writeUInt32BE(header.type, 16);
  frame.writeUInt32BE(header.serial, 20);
  frame.writeUInt32BE(header.status, 24);
  return frame;
}

/**
 * Cuts a byte stream into packets. Bytes are kept in the pieces they came in until a packet is whole, so a
 * large length word costs nothing before its bytes have really arrived.
 */
export class FrameDecoder {
  #pieces: Buffer[] = [];
  #bytes = 0;
  /** Length of the packet being collected; 0 until its first word is here. */
  #wanted = 0;

  /** The packets that `chunk` completes. Throws ProtocolError on an impossible length: the stream is then lost. */
  push(chunk: Buffer): Frame[] {
    this.#pieces.push(chunk);
    this.#bytes += chunk.length;
    const frames: Frame[] = [];
    for (;;) {
      if (this.#wanted === 0) {
        if (this.#bytes < 4) return frames;
        this.#wanted = this.#readLength();
      }
      if (this.#bytes < this.#wanted) return frames;
      const joined = this.#joined();
      frames.push(parseFrame(joined.subarray(0, this.#wanted)));
      const rest = joined.subarray(this.#wanted);
      this.#pieces = rest.length > 0 ? [rest] : [];
      this.#bytes = rest.length;
      this.#wanted = 0;
    }
  }

  #readLength(): number {
    const length = this.#joined().readUInt32BE(0);
    if (length < FRAME_HEADER_BYTES || length > FRAME_MAX_BYTES) {
      throw new ProtocolError(`The other side announced a packet of ${length} bytes.`);
    }
    return length;
  }

  #joined(): Buffer {
    const [first] = this.#pieces;
    if (this.#pieces.length === 1 && first) return first;
    const joined = Buffer.concat(this.#pieces, this.#bytes);
    this.#pieces = [joined];
    return joined;
  }
}

function parseFrame(packet: Buffer): Frame {
  return {
    program: packet.readUInt32BE(4),
    version: packet.readUInt32BE(8),
    procedure: packet.readInt32BE(12),
    type: packet.readUInt32BE(16),
    serial: packet.readUInt32BE(20),
    status: packet.readUInt32BE(24),
    payload: packet.subarray(FRAME_HEADER_BYTES),
  };
}
