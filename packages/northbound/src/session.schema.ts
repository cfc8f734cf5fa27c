import { Type, type Static } from "typebox";

/* Versions, login and logout (contract 1.2, 1.5, 1.6). */

export const VersionsAnswer = Type.Object(
  {
    versions: Type.Array(
      Type.Object({
        version: Type.String({ description: "`v` and two numeric parts; the newest stands last." }),
        loginUri: Type.String(),
      }),
    ),
  },
  { title: "Versions" },
);
export type VersionsAnswer = Static<typeof VersionsAnswer>;

/** Body of a successful login; the token itself is the header X-Auth-Token. */
export const SessionAnswer = Type.Object(
  {
    validity: Type.Integer({ description: "Life of the session after its last use, milliseconds." }),
    userId: Type.String(),
    userName: Type.String(),
    roleList: Type.Array(Type.String()),
    privilegeIds: Type.Array(Type.String(), {
      description: "Ids of the rights that the user does NOT have.",
    }),
    rightType: Type.Integer({ description: "1: ordinary mode." }),
  },
  { title: "Session" },
);
export type SessionAnswer = Static<typeof SessionAnswer>;

/** Ours: who the caller is, for portal and command line. */
export const CurrentSession = Type.Object(
  {
    userId: Type.String(),
    userName: Type.String(),
    roles: Type.Array(Type.String()),
    access: Type.String({ description: "session, read, operate or administer; each includes those before." }),
    privilegeIds: Type.Array(Type.String()),
  },
  { title: "CurrentSession" },
);
export type CurrentSession = Static<typeof CurrentSession>;
