import { Type, type Static } from "typebox";

/* Ours: what was changed by whom, and whether the record of it is whole. */

export const WireAuditRecord = Type.Object(
  {
    sequence: Type.Integer({ minimum: 1 }),
    at: Type.String({ description: "Epoch milliseconds." }),
    userName: Type.String({ description: "Of a failed login: the name that was tried." }),
    clientAddress: Type.String(),
    method: Type.String(),
    path: Type.String({ description: "Without query." }),
    status: Type.Integer(),
    errorCode: Type.String(),
    taskUrn: Type.String(),
    hash: Type.String(),
  },
  { title: "AuditRecord" },
);
export type WireAuditRecord = Static<typeof WireAuditRecord>;

export const AuditList = Type.Object(
  { total: Type.Integer(), records: Type.Array(WireAuditRecord) },
  { title: "AuditList" },
);
export type AuditList = Static<typeof AuditList>;

export const AuditVerification = Type.Object(
  {
    intact: Type.Boolean(),
    records: Type.Integer({ description: "Records that were checked." }),
    brokenAt: Type.Union([Type.Integer(), Type.Null()], {
      description: "Sequence number of the first record that does not fit.",
    }),
    reason: Type.String(),
  },
  { title: "AuditVerification" },
);
export type AuditVerification = Static<typeof AuditVerification>;
