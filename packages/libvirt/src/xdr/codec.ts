import { XdrError } from "./error.ts";
import { XdrReader } from "./reader.ts";
import { XdrWriter } from "./writer.ts";

/** How one type travels: a pair of functions. Layouts are values of this type, put together by the functions below. */
export interface Codec<T> {
  readonly write: (writer: XdrWriter, value: T) => void;
  readonly read: (reader: XdrReader) => T;
}

/** The TypeScript type of a codec: `type Domain = Value<typeof domain>`. */
export type Value<C> = C extends Codec<infer T> ? T : never;

// biome-ignore lint/suspicious/noExplicitAny: the element type is recovered by Value<>, which needs it unconstrained
type AnyCodec = Codec<any>;

/** No bytes at all: procedures without arguments or without a reply. */
export const nothing: Codec<void> = { write: () => {}, read: () => {} };

export const u32: Codec<number> = {
  write: (writer, value) => writer.u32(integer(value, 0, 0xffff_ffff, "u32")),
  read: (reader) => reader.u32(),
};

export const i32: Codec<number> = {
  write: (writer, value) => writer.i32(integer(value, -0x8000_0000, 0x7fff_ffff, "i32")),
  read: (reader) => reader.i32(),
};

/**
 * 64-bit integers are `bigint` on the wire, always: libvirt counts bytes and nanoseconds in them, and
 * 2^53 ns is only 104 days. The convenience methods turn those into numbers that cannot get that large.
 */
export const u64: Codec<bigint> = {
  write: (writer, value) => writer.u64(big(value, 0n, 0xffff_ffff_ffff_ffffn, "u64")),
  read: (reader) => reader.u64(),
};

/** Signed; see {@link u64} for why it is a `bigint`. */
export const i64: Codec<bigint> = {
  write: (writer, value) => writer.i64(big(value, -(1n << 63n), (1n << 63n) - 1n, "i64")),
  read: (reader) => reader.i64(),
};

export const f64: Codec<number> = {
  write: (writer, value) => writer.f64(value),
  read: (reader) => reader.f64(),
};

/** XDR allows 0 and 1 and nothing else. */
export const bool: Codec<boolean> = {
  write: (writer, value) => writer.u32(value ? 1 : 0),
  read: (reader) => {
    const value = reader.u32();
    if (value > 1) throw new XdrError(`${value} is not a boolean`);
    return value === 1;
  },
};

/** Exactly `length` bytes, without a length word. */
export function opaque(length: number): Codec<Uint8Array> {
  return {
    write: (writer, value) => {
      if (value.length !== length) throw new XdrError(`${value.length} bytes given for opaque[${length}]`);
      writer.opaque(value);
    },
    // A copy, so that keeping a small field does not keep the whole packet.
    read: (reader) => Uint8Array.from(reader.opaque(length)),
  };
}

/** Up to `max` bytes after a length word. */
export function bytes(max: number): Codec<Uint8Array> {
  return {
    write: (writer, value) => {
      writer.u32(within(value.length, max, "opaque data"));
      writer.opaque(value);
    },
    read: (reader) => Uint8Array.from(reader.opaque(reader.length(max, "opaque data"))),
  };
}

/** UTF-8 text of at most `max` bytes. libvirt's strings end at a NUL, so one inside is refused. */
export function text(max: number): Codec<string> {
  return {
    write: (writer, value) => {
      if (value.includes("\0")) throw new XdrError("a string must not contain a NUL character");
      const encoded = Buffer.from(value, "utf8");
      writer.u32(within(encoded.length, max, "string"));
      writer.opaque(encoded);
    },
    read: (reader) => reader.opaque(reader.length(max, "string")).toString("utf8"),
  };
}

/** A C `char[length]`, which XDR spells as one word per character; text up to the first NUL. */
export function charArray(length: number): Codec<string> {
  return {
    write: (writer, value) => {
      const encoded = Buffer.from(value, "latin1");
      within(encoded.length, length, "char array");
      for (let index = 0; index < length; index++) writer.i32(encoded[index] ?? 0);
    },
    read: (reader) => {
      const codes = Array.from({ length }, () => reader.i32() & 0xff);
      const end = codes.indexOf(0);
      return Buffer.from(end < 0 ? codes : codes.slice(0, end)).toString("latin1");
    },
  };
}

/** XDR's `*`: a word that says whether the value follows. Absent is `null`. */
export function optional<T>(inner: Codec<T>): Codec<T | null> {
  return {
    write: (writer, value) => {
      bool.write(writer, value !== null);
      if (value !== null) inner.write(writer, value);
    },
    read: (reader) => (bool.read(reader) ? inner.read(reader) : null),
  };
}

/** Up to `max` elements. Each takes a word at least, so the count is checked against the bytes that are left. */
export function array<T>(inner: Codec<T>, max: number): Codec<T[]> {
  return {
    write: (writer, values) => {
      writer.u32(within(values.length, max, "array"));
      for (const value of values) inner.write(writer, value);
    },
    read: (reader) => {
      const count = reader.length(max, "array");
      if (count * 4 > reader.remaining) {
        throw new XdrError(`an array of ${count} elements cannot be in the ${reader.remaining} bytes left`);
      }
      return Array.from({ length: count }, () => inner.read(reader));
    },
  };
}

/** Fields in the order of the table. */
export function struct<T extends Record<string, AnyCodec>>(
  fields: T,
): Codec<{ [K in keyof T]: Value<T[K]> }> {
  const entries = Object.entries(fields);
  return {
    write: (writer, value) => {
      let at = "";
      try {
        for (const [name, field] of entries) {
          at = name;
          field.write(writer, value[name]);
        }
      } catch (cause) {
        throw located(cause, at);
      }
    },
    read: (reader) => {
      const value: Record<string, unknown> = {};
      let at = "";
      try {
        for (const [name, field] of entries) {
          at = name;
          value[name] = field.read(reader);
        }
      } catch (cause) {
        throw located(cause, at);
      }
      return value as { [K in keyof T]: Value<T[K]> }; // filled from the same table the type is made of
    },
  };
}

/**
 * A discriminated union: a word that selects, then the selected type. The table's key names the case in
 * TypeScript, as `{ type, value }`.
 */
export function union<T extends Record<string, { tag: number; codec: AnyCodec }>>(
  cases: T,
): Codec<{ [K in keyof T]: { type: K; value: Value<T[K]["codec"]> } }[keyof T]> {
  const byTag = new Map(Object.entries(cases).map(([type, one]) => [one.tag, { type, codec: one.codec }]));
  return {
    write: (writer, { type, value }) => {
      const one = cases[type];
      if (!one) throw new XdrError(`the union has no case ${String(type)}`);
      writer.i32(one.tag);
      one.codec.write(writer, value);
    },
    read: (reader) => {
      const tag = reader.i32();
      const one = byTag.get(tag);
      if (!one) throw new XdrError(`the union has no case with tag ${tag}`);
      return { type: one.type, value: one.codec.read(reader) };
    },
  };
}

/** The same bytes seen as another type, e.g. sixteen bytes as a UUID string. */
export function mapped<A, B>(inner: Codec<A>, there: (value: B) => A, back: (value: A) => B): Codec<B> {
  return {
    write: (writer, value) => inner.write(writer, there(value)),
    read: (reader) => back(inner.read(reader)),
  };
}

export function encode<T>(codec: Codec<T>, value: T): Buffer {
  const writer = new XdrWriter();
  codec.write(writer, value);
  return writer.finish();
}

/** Throws {@link XdrError} when the bytes are short, too many, or not of that shape. */
export function decode<T>(codec: Codec<T>, buffer: Buffer): T {
  const reader = new XdrReader(buffer);
  const value = codec.read(reader);
  reader.end();
  return value;
}

function integer(value: number, min: number, max: number, type: string): number {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new XdrError(`${value} does not fit ${type}`);
  }
  return value;
}

function big(value: bigint, min: bigint, max: bigint, type: string): bigint {
  if (typeof value !== "bigint" || value < min || value > max) {
    throw new XdrError(`${value} does not fit ${type}`);
  }
  return value;
}

function within(length: number, max: number, what: string): number {
  if (length > max) throw new XdrError(`${what} of ${length} exceeds the limit of ${max}`);
  return length;
}

/** Names the field in the message, outermost first, so that "dom: uuid: …" says where two layouts differ. */
function located(cause: unknown, field: string): unknown {
  return cause instanceof XdrError ? new XdrError(`${field}: ${cause.message}`) : cause;
}
