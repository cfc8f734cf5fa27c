import { Type, type Static } from "typebox";

/** Answer of an operation that goes on as a task. `urn` and `uri` are those of the object, not of the task. */
export const TaskAnswer = Type.Object(
  {
    urn: Type.Optional(Type.String()),
    uri: Type.Optional(Type.String()),
    taskUrn: Type.String(),
    taskUri: Type.String(),
  },
  { title: "TaskAnswer" },
);
export type TaskAnswer = Static<typeof TaskAnswer>;

/** Answer of a synchronous creation. */
export const CreatedAnswer = Type.Object(
  { urn: Type.String(), uri: Type.String() },
  { title: "CreatedAnswer" },
);
export type CreatedAnswer = Static<typeof CreatedAnswer>;

/** Success without content is `{}`: clients that expect an object fail on an empty body. */
export const VoidAnswer = Type.Object({}, { title: "VoidAnswer" });

export const ErrorAnswer = Type.Object(
  {
    errorCode: Type.String({ description: "Eight digits, see the table of error codes." }),
    errorDes: Type.String(),
  },
  { title: "ErrorAnswer" },
);

/** A text that may be null on the wire when unset. */
export const NullableText = Type.Union([Type.String(), Type.Null()]);

/** Free map; values are always text on the wire. */
export const TextMap = Type.Record(Type.String(), Type.String());
