import { Type, type Static } from "typebox";

/* Ours: one-time tokens by which hosts join. */

const O = Type.Optional;

export const CreateJoinTokenRequest = Type.Object(
  {
    clusterUrn: O(Type.String({ maxLength: 256 })),
    /** Life of the token; default 60. */
    validMinutes: O(Type.Integer({ minimum: 1, maximum: 1440 })),
    /** An enrolled host that may join again with this token although it is connected, for instance from a new address. */
    rejoiningHostUrn: O(Type.String({ maxLength: 256 })),
  },
  { title: "CreateJoinTokenRequest" },
);
export type CreateJoinTokenRequest = Static<typeof CreateJoinTokenRequest>;

export const CreatedJoinToken = Type.Object(
  {
    id: Type.String(),
    token: Type.String({ description: "Shown this once; works once." }),
    expiresAt: Type.String({ description: "Epoch milliseconds." }),
    command: Type.String({ description: "To paste into a root shell on the host." }),
  },
  { title: "CreatedJoinToken" },
);
export type CreatedJoinToken = Static<typeof CreatedJoinToken>;

export const WireJoinToken = Type.Object(
  {
    id: Type.String(),
    clusterUrn: Type.Union([Type.String(), Type.Null()]),
    rejoiningHostUrn: Type.Union([Type.String(), Type.Null()]),
    createdBy: Type.String(),
    createdAt: Type.String({ description: "Epoch milliseconds." }),
    expiresAt: Type.String({ description: "Epoch milliseconds." }),
    status: Type.String({ description: "valid, used or expired." }),
    usedByHost: Type.Union([Type.String(), Type.Null()], { description: "UUID of the host that joined." }),
  },
  { title: "JoinToken" },
);
export type WireJoinToken = Static<typeof WireJoinToken>;

export const JoinTokenList = Type.Object(
  { total: Type.Integer(), joinTokens: Type.Array(WireJoinToken) },
  { title: "JoinTokenList" },
);
