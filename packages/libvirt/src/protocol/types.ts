import {
  type Codec,
  f64,
  i32,
  i64,
  mapped,
  opaque,
  struct,
  text,
  u32,
  u64,
  union,
  type Value,
} from "../xdr/codec.ts";

/** libvirt's limit for every string on the wire, in bytes (REMOTE_STRING_MAX). */
export const STRING_MAX = 4_194_304;

export const string: Codec<string> = text(STRING_MAX);

/** A UUID as the usual 36 characters in lower case; sixteen bytes on the wire. */
export const uuid: Codec<string> = mapped(opaque(16), uuidToBytes, uuidFromBytes);

/** The value of a virTypedParameter. `boolean` travels as an int. */
const typedParamValue = union({
  int: { tag: 1, codec: i32 },
  uint: { tag: 2, codec: u32 },
  llong: { tag: 3, codec: i64 },
  ullong: { tag: 4, codec: u64 },
  double: { tag: 5, codec: f64 },
  boolean: {
    tag: 6,
    codec: mapped(
      i32,
      (value: boolean) => (value ? 1 : 0),
      (value) => value !== 0,
    ),
  },
  string: { tag: 7, codec: string },
});

/** virTypedParameter: a named value whose type travels with it. Names are at most 80 bytes in libvirt. */
export const typedParam = struct({ field: string, value: typedParamValue });
export type TypedParam = Value<typeof typedParam>;

function uuidToBytes(value: string): Uint8Array {
  const hex = value.replaceAll("-", "");
  if (!/^[0-9a-f]{32}$/i.test(hex)) throw new TypeError(`"${value}" is not a UUID`);
  return Buffer.from(hex, "hex");
}

function uuidFromBytes(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
