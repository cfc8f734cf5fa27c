import { Type, type Static } from "typebox";
import { coded } from "./read.ts";

/* Roles and rights (contract 2.28). `popedom` is the wire's word for the rights of a role. */

const O = Type.Optional;
const description = coded(Type.String({ maxLength: 1024 }), "10100509");
const popedom = coded(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 256 }), "10100504");

export const AddRoleRequest = Type.Object(
  {
    roleName: coded(Type.String({ maxLength: 1024 }), "10100508"),
    rightType: O(coded(Type.Integer({ minimum: 1, maximum: 5 }), "10100058")),
    description: O(description),
    popedom: O(popedom),
  },
  { title: "AddRoleRequest" },
);

export const ModifyRoleRequest = Type.Object(
  {
    roleName: coded(Type.String({ maxLength: 1024 }), "10100508"),
    description: O(description),
    popedom: O(popedom),
  },
  { title: "ModifyRoleRequest" },
);

export const RoleReference = Type.Object(
  { roleName: coded(Type.String({ maxLength: 1024 }), "10100508") },
  { title: "RoleReference" },
);

export const WireRole = Type.Object(
  {
    roleName: Type.String(),
    rightType: Type.Integer(),
    description: Type.String(),
    createTime: Type.String({ description: "Epoch seconds." }),
    popedom: Type.Array(Type.String(), { description: "Ids of the rights of the role." }),
  },
  { title: "Role" },
);
export type WireRole = Static<typeof WireRole>;

export const RoleList = Type.Object(
  { total: Type.Integer(), itemSize: Type.Integer(), items: Type.Array(WireRole) },
  { title: "RoleList" },
);
export type RoleList = Static<typeof RoleList>;

/** The tree has two levels: areas, and the rights that roles are made of. */
export const WireRight = Type.Object(
  {
    rightId: Type.String(),
    rightName: Type.String(),
    subitems: Type.Array(
      Type.Object({
        rightId: Type.String(),
        rightName: Type.String(),
        subitems: Type.Array(Type.Unknown()),
      }),
    ),
  },
  { title: "Right" },
);
export type WireRight = Static<typeof WireRight>;

export const RightList = Type.Object(
  { total: Type.Integer(), itemSize: Type.Integer(), items: Type.Array(WireRight) },
  { title: "RightList" },
);
export type RightList = Static<typeof RightList>;
