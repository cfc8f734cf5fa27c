import type { TypedParam } from "./types.ts";

export type PlainValue = number | boolean | string;
/** Typed parameters as an object. 64-bit counters become numbers: beyond 2^53 their last bits are rounded. */
export type PlainParams = Record<string, PlainValue>;

export function toPlainParams(params: readonly TypedParam[]): PlainParams {
  const plain: PlainParams = {};
  for (const { field, value } of params) {
    plain[field] = typeof value.value === "bigint" ? Number(value.value) : value.value;
  }
  return plain;
}

/**
 * Short ways to write typed parameters: `[param.ullong("cpu_shares", 512)]`. libvirt refuses a value of the
 * wrong type, and which one it wants stands with each constant in libvirt-domain.h.
 */
export const param = {
  int: (field: string, value: number): TypedParam => ({ field, value: { type: "int", value } }),
  uint: (field: string, value: number): TypedParam => ({ field, value: { type: "uint", value } }),
  llong: (field: string, value: number | bigint): TypedParam => ({
    field,
    value: { type: "llong", value: BigInt(value) },
  }),
  ullong: (field: string, value: number | bigint): TypedParam => ({
    field,
    value: { type: "ullong", value: BigInt(value) },
  }),
  double: (field: string, value: number): TypedParam => ({ field, value: { type: "double", value } }),
  boolean: (field: string, value: boolean): TypedParam => ({ field, value: { type: "boolean", value } }),
  string: (field: string, value: string): TypedParam => ({ field, value: { type: "string", value } }),
} as const;
