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
    mustChangePassword: Type.Boolean({
      description: "The session is good for PUT /sinter/v1/session/password and for logging out only.",
    }),
    siteId: Type.String(),
    siteName: Type.String(),
    siteUrn: Type.String(),
    version: Type.String({ description: "Of the manager." }),
    csrf: Type.String({
      description:
        "With a cookie session: what the header X-Sinter-Csrf of each request but GET must say; else empty.",
    }),
  },
  { title: "CurrentSession" },
);
export type CurrentSession = Static<typeof CurrentSession>;

/** Ours: logging in with a body, as browsers do. */
export const LoginRequest = Type.Object(
  { userName: Type.String({ maxLength: 256 }), password: Type.String({ maxLength: 256 }) },
  { title: "LoginRequest" },
);

export const ChangeOwnPasswordRequest = Type.Object(
  { oldPassword: Type.String({ maxLength: 256 }), newPassword: Type.String({ maxLength: 256 }) },
  { title: "ChangeOwnPasswordRequest" },
);
