import type { Static, TSchema } from "typebox";

/**
 * Reading what clients really send. Real clients differ in the case of field names, send booleans and numbers as
 * text, null for anything optional and fields nobody knows (northbound contract, JSON rules). This reader accepts all
 * of that and still refuses a value that cannot be what its field needs, naming field and error code.
 */

/** Why a body was refused. `errorCode` is the eight-digit code of the field, or 10000001. */
export class BodyError extends Error {
  readonly path: string;
  readonly errorCode: string;

  constructor(path: string, problem: string, errorCode: string) {
    super(path === "" ? `The request body ${problem}.` : `The field ${path} ${problem}.`);
    this.name = "BodyError";
    this.path = path;
    this.errorCode = errorCode;
  }
}

/** JSON Schema keywords that we look at, as TypeBox writes them; `errorCode` is ours (see `coded`). */
interface Schema {
  type?: string;
  properties?: Record<string, Schema>;
  patternProperties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  enum?: readonly string[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  maxItems?: number;
  pattern?: string;
  errorCode?: string;
}

const FORMAT_INVALID = "10000001";
/** Deeper nesting than any request of the contract needs; guards the stack. */
const DEPTH_MAX = 32;

/** Marks a field with the contract's error code for a wrong value: `coded(Type.Integer(...), "10300003")`. */
export function coded<T extends TSchema>(schema: T, errorCode: string): T {
  return { ...schema, errorCode };
}

/** Reads `value` by `schema`; unknown fields fall away, missing and null optional ones are absent. Throws BodyError. */
export function readBody<T extends TSchema>(schema: T, value: unknown): Static<T> {
  // The schema is the type: what `read` lets through has its shape.
  return read(schema, value ?? {}, "", FORMAT_INVALID, 0) as Static<T>;
}

function read(schema: Schema, value: unknown, path: string, inheritedCode: string, depth: number): unknown {
  const code = schema.errorCode ?? inheritedCode;
  if (depth > DEPTH_MAX) throw new BodyError(path, "is nested too deeply", code);
  if (schema.enum) return readEnum(schema.enum, value, path, code);
  switch (schema.type) {
    case "object":
      return readObject(schema, value, path, code, depth);
    case "array":
      return readArray(schema, value, path, code, depth);
    case "string":
      return readString(schema, value, path, code);
    case "integer":
    case "number":
      return readNumber(schema, value, path, code);
    case "boolean":
      return readBoolean(value, path, code);
    default:
      return value;
  }
}

function readObject(schema: Schema, value: unknown, path: string, code: string, depth: number): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new BodyError(path, "must be an object", code);
  }
  if (schema.patternProperties) {
    const valueSchema = Object.values(schema.patternProperties)[0] ?? {};
    const entries = Object.entries(value).filter(([, item]) => item !== null && item !== undefined);
    return Object.fromEntries(
      entries.map(([key, item]) => [key, read(valueSchema, item, join(path, key), code, depth + 1)]),
    );
  }
  const given = new Map<string, unknown>();
  for (const [key, item] of Object.entries(value)) {
    // An exact spelling wins over another case of the same name.
    const known = key.toLowerCase();
    if (!given.has(known) || schema.properties?.[key] !== undefined) given.set(known, item);
  }
  const result: Record<string, unknown> = {};
  for (const [key, propertySchema] of Object.entries(schema.properties ?? {})) {
    const item = given.get(key.toLowerCase());
    if (item === undefined || item === null) {
      if (schema.required?.includes(key)) {
        throw new BodyError(join(path, key), "is missing", propertySchema.errorCode ?? code);
      }
      continue;
    }
    result[key] = read(propertySchema, item, join(path, key), code, depth + 1);
  }
  return result;
}

function readArray(schema: Schema, value: unknown, path: string, code: string, depth: number): unknown {
  if (!Array.isArray(value)) throw new BodyError(path, "must be a list", code);
  if (schema.maxItems !== undefined && value.length > schema.maxItems) {
    throw new BodyError(path, `may have at most ${schema.maxItems} entries`, code);
  }
  return value.map((item, index) => read(schema.items ?? {}, item, `${path}[${index}]`, code, depth + 1));
}

function readString(schema: Schema, value: unknown, path: string, code: string): string {
  const text = typeof value === "number" ? String(value) : value;
  if (typeof text !== "string") throw new BodyError(path, "must be text", code);
  // Characters, not UTF-16 units: a limit of 256 is 256 Chinese characters and 256 emoji.
  const length = Array.from(text).length;
  if (schema.maxLength !== undefined && length > schema.maxLength) {
    throw new BodyError(path, `may have at most ${schema.maxLength} characters`, code);
  }
  if (schema.minLength !== undefined && length < schema.minLength) {
    throw new BodyError(path, `must have at least ${schema.minLength} characters`, code);
  }
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, "u").test(text)) {
    throw new BodyError(path, "has an invalid form", code);
  }
  if (text.includes("\0")) throw new BodyError(path, "contains a zero character", code);
  return text;
}

function readNumber(schema: Schema, value: unknown, path: string, code: string): number {
  const number = typeof value === "string" && /^\s*-?\d+(\.\d+)?\s*$/.test(value) ? Number(value) : value;
  if (typeof number !== "number" || !Number.isFinite(number))
    throw new BodyError(path, "must be a number", code);
  if (schema.type === "integer" && !Number.isSafeInteger(number)) {
    throw new BodyError(path, "must be a whole number", code);
  }
  if (
    (schema.minimum !== undefined && number < schema.minimum) ||
    (schema.maximum !== undefined && number > schema.maximum)
  ) {
    const range = `${schema.minimum ?? "any"} to ${schema.maximum ?? "any"}`;
    throw new BodyError(path, `must be within ${range}`, code);
  }
  return number;
}

function readBoolean(value: unknown, path: string, code: string): boolean {
  const text = typeof value === "string" ? value.trim().toLowerCase() : value;
  if (text === true || text === "true" || text === 1 || text === "1") return true;
  if (text === false || text === "false" || text === 0 || text === "0") return false;
  throw new BodyError(path, "must be true or false", code);
}

function readEnum(allowed: readonly string[], value: unknown, path: string, code: string): string {
  const found = allowed.find((item) => item === value);
  if (found === undefined) throw new BodyError(path, `must be one of ${allowed.join(", ")}`, code);
  return found;
}

function join(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}
