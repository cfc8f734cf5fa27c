import { Type } from "typebox";

/* Folders and security groups on the wire (contract 2.23 and 2.24): there are none, and clients are told so. */

export const FolderList = Type.Object(
  {
    folders: Type.Array(
      Type.Object({
        urn: Type.String(),
        uri: Type.String(),
        name: Type.String(),
        parentObjUrn: Type.String(),
      }),
    ),
  },
  { title: "FolderList" },
);

export const SecurityGroupList = Type.Object(
  {
    securityGroups: Type.Array(
      Type.Object({
        sgId: Type.String(),
        sgName: Type.String(),
        vmList: Type.Array(Type.Object({ vmUrn: Type.String() })),
      }),
    ),
  },
  { title: "SecurityGroupList" },
);
