import { Type, type Static } from "typebox";
import { coded } from "./read.ts";

/* Users (contract 2.28). Passwords travel in clear inside TLS in these bodies. */

const O = Type.Optional;
/** Longer than any password policy allows; only keeps a body from becoming work. */
const secret = (errorCode: string) => coded(Type.String({ maxLength: 1024 }), errorCode);
const roleNames = coded(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 32 }), "10100306");
const connections = coded(Type.Integer({ minimum: 0, maximum: 65_535 }), "10100055");
const rightType = coded(Type.Integer({ minimum: 1, maximum: 5 }), "10100058");

const contactFields = {
  email: O(coded(Type.String({ maxLength: 254 }), "10100303")),
  contact: O(coded(Type.String({ maxLength: 64 }), "10100302")),
  description: O(coded(Type.String({ maxLength: 1024 }), "10100304")),
  connectNum: O(connections),
};

export const CreateUserRequest = Type.Object(
  {
    /** 0 local (default), 1 domain, 2 interconnection; also as a number. */
    userType: O(coded(Type.String({ pattern: "^[012]$" }), "10100337")),
    userName: coded(Type.String({ maxLength: 1024 }), "10100309"),
    password: O(secret("10100122")),
    roles: O(roleNames),
    ...contactFields,
    rightType: O(rightType),
  },
  { title: "CreateUserRequest" },
);
export type CreateUserRequest = Static<typeof CreateUserRequest>;

export const CreatedUser = Type.Object(
  { userId: Type.String(), userName: Type.String() },
  { title: "CreatedUser" },
);

export const ModifyUserRequest = Type.Object(
  {
    userName: O(coded(Type.String({ maxLength: 1024 }), "10100309")),
    roles: O(roleNames),
    ...contactFields,
    /** Ours: 0 may log in, 2 locked by an administrator, 3 inactive. */
    manageStatus: O(coded(Type.Integer({ minimum: 0, maximum: 3 }), "10100308")),
  },
  { title: "ModifyUserRequest" },
);
export type ModifyUserRequest = Static<typeof ModifyUserRequest>;

export const SetRolesRequest = Type.Object(
  { roles: roleNames, rightType: O(rightType) },
  { title: "SetRolesRequest" },
);

export const ModifyPasswordRequest = Type.Object(
  {
    userId: O(coded(Type.String({ maxLength: 64 }), "10100307")),
    /** Ours, for someone who cannot log in before the change and so does not know the id. */
    userName: O(coded(Type.String({ maxLength: 1024 }), "10100307")),
    oldPassword: secret("10100318"),
    password: secret("10100122"),
  },
  { title: "ModifyPasswordRequest" },
);

export const ResetPasswordRequest = Type.Object(
  { userId: coded(Type.String({ maxLength: 64 }), "10100307"), password: secret("10100122") },
  { title: "ResetPasswordRequest" },
);

/** Body of lockUser and unLockUser. */
export const UserReference = Type.Object(
  { userId: coded(Type.String({ maxLength: 64 }), "10100307") },
  { title: "UserReference" },
);

export const WireUser = Type.Object(
  {
    userId: Type.String(),
    userType: Type.String({ description: "0 local, 1 domain, 2 interconnection." }),
    userName: Type.String(),
    roles: Type.Array(Type.String()),
    email: Type.String(),
    contact: Type.String(),
    description: Type.String(),
    createTime: Type.String({ description: "Epoch seconds." }),
    connectNum: Type.Integer({ description: "Most sessions at once; 0 = no limit." }),
    rightType: Type.Integer(),
    manageStatus: Type.Integer({
      description: "0 normal, 1 locked after wrong passwords, 2 locked by an administrator, 3 inactive.",
    }),
  },
  { title: "User" },
);
export type WireUser = Static<typeof WireUser>;

export const UserList = Type.Object(
  { total: Type.Integer(), itemSize: Type.Integer(), users: Type.Array(WireUser) },
  { title: "UserList" },
);
export type UserList = Static<typeof UserList>;
