import { CALLS, type CallInput, type CallName } from "@sinter/southbound";
import { Compile, type Validator } from "typebox/compile";
import { linkErrors } from "./errors.ts";

/**
 * The input of a call is one flat object; on the wire it is split between path and body. Both sides, and the
 * simulated agent without any wire, use these functions, so that an input is refused for the same reason everywhere.
 */
export const CALL_NAMES = Object.keys(CALLS) as CallName[]; // Object.keys forgets the key type

type Fields = Readonly<Record<string, unknown>>;

/** Whether the call's body is bytes (see RawBody). */
export function isRaw(name: CallName): boolean {
  return "isRaw" in CALLS[name];
}

/** Path with its parameters filled in. */
export function pathOf(name: CallName, input: Fields): string {
  return CALLS[name].path.replace(/:(\w+)/g, (_, key: string) => encodeURIComponent(String(input[key])));
}

/** The part of the input that travels as JSON in the body; undefined for a call without one, or with bytes instead. */
export function bodyOf(name: CallName, input: Fields): Record<string, unknown> | undefined {
  const keys = Object.keys(CALLS[name].body.properties);
  if (keys.length === 0 || isRaw(name)) return undefined;
  return Object.fromEntries(keys.filter((key) => input[key] !== undefined).map((key) => [key, input[key]]));
}

/**
 * Joins path parameters and body, and checks them. Unknown fields are left out: a newer manager may send them.
 * Throws `invalid` BAD_REQUEST naming the first field that does not fit.
 */
export function readInput<N extends CallName>(name: N, params: unknown, body: unknown): CallInput<N> {
  const validators = validatorsOf(name);
  requireFit(name, validators.params, params);
  // A call without a body may still carry an empty one.
  const content = validators.hasBody ? (isRaw(name) ? { data: bytesOf(name, body) } : body) : {};
  requireFit(name, validators.body, content);
  const joined: Record<string, unknown> = {};
  for (const key of Object.keys(CALLS[name].body.properties)) {
    if (Object.hasOwn(content, key)) joined[key] = content[key];
  }
  for (const [key, value] of Object.entries(params)) {
    if (joined[key] !== undefined && joined[key] !== value) {
      throw linkErrors.badRequest(name, key, "is one thing in the path and another in the body");
    }
    joined[key] = value;
  }
  return joined as CallInput<N>; // both parts fit their schemas, and CallInput is their intersection
}

function bytesOf(name: CallName, body: unknown): Uint8Array {
  if (body instanceof Uint8Array) return body;
  throw linkErrors.badRequest(name, "data", "is missing");
}

/** Faults of a reply against its schema; for tests, since the manager trusts the shape of an enrolled agent's words. */
export function replyFaults(name: CallName, reply: unknown): string[] {
  const validator = Compile(CALLS[name].reply);
  if (validator.Check(reply)) return [];
  return validator.Errors(reply).map((error) => `${name}${error.instancePath}: ${error.message}`);
}

interface CallValidators {
  readonly params: Validator;
  readonly body: Validator;
  readonly hasBody: boolean;
}

const compiled = new Map<CallName, CallValidators>();

/** Compiled at first use: an agent that never migrates need not pay for it at start. */
function validatorsOf(name: CallName): CallValidators {
  const known = compiled.get(name);
  if (known) return known;
  const { params, body } = CALLS[name];
  const fresh = {
    params: Compile(params),
    body: Compile(body),
    hasBody: Object.keys(body.properties).length > 0,
  };
  compiled.set(name, fresh);
  return fresh;
}

function requireFit(name: CallName, validator: Validator, value: unknown): asserts value is Fields {
  if (validator.Check(value)) return;
  const errors = validator.Errors(value);
  // Of a union that fits nowhere each branch complains; the union's own complaint, which comes last, names the field best.
  const first = errors[0];
  const error = errors.find((e) => e.keyword === "anyOf" && e.instancePath === first?.instancePath) ?? first;
  if (error === undefined) throw linkErrors.badRequest(name, "", "does not fit");
  const path = error.instancePath.slice(1).replaceAll("/", ".");
  if (error.keyword === "required") {
    const missing = error.params.requiredProperties[0] ?? "";
    throw linkErrors.badRequest(name, path === "" ? missing : `${path}.${missing}`, "is missing");
  }
  throw linkErrors.badRequest(
    name,
    path,
    error.keyword === "anyOf" ? "is none of what it may be" : error.message,
  );
}
