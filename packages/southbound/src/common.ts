import { Type, type Static, type TSchema } from "typebox";

/**
 * Version of this contract. The first path segment of every call is `v<major>`; an agent of another major version
 * is shown as incompatible and left alone.
 */
export const CONTRACT_VERSION = "1.0";

/** A pattern, because the format "uuid" also lets upper case and `urn:uuid:` through, and ids become paths and keys. */
export const Uuid = Type.String({
  pattern: "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
  description: "Lower-case RFC 4122 UUID.",
});
/** Ids that become file or interface names on a node: nothing in them can climb out of a folder. */
export const SafeId = Type.String({ pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$" });
export const Mac = Type.String({
  pattern: "^[0-9a-f]{2}(:[0-9a-f]{2}){5}$",
  description: "Lower case, colons.",
});
export const Bytes = Type.Integer({ minimum: 0 });
export const Timestamp = Type.Integer({ minimum: 0, description: "Epoch milliseconds UTC." });

export function nullable<T extends TSchema>(schema: T) {
  return Type.Union([schema, Type.Null()]);
}

export const Empty = Type.Object({});
export type Empty = Static<typeof Empty>;

/**
 * How a failure travels. `code` is one of SOUTHBOUND_ERRORS or a code of the agent's own; `kind` says what the
 * caller can do about it (see kit's ERROR_KINDS).
 */
export const ErrorReply = Type.Object({
  kind: Type.String(),
  code: Type.String(),
  message: Type.String(),
  params: Type.Record(Type.String(), Type.Unknown()),
});
