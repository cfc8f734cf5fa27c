import { Type, type Static } from "typebox";
import { TaskAnswer } from "./common.schema.ts";
import { coded } from "./read.ts";

/* CD drives of VMs (contract 2.9) and, of our own, the ISO library and media of browsers (CMP-29). */

const O = Type.Optional;

export const AttachCdromRequest = Type.Object(
  {
    /** `<datastore id>@<file name>` of an ISO file in the library. */
    devicePath: coded(Type.String({ minLength: 1, maxLength: 256 }), "10301035"),
    /** `file` or `datastore`; shares of other machines are not attached. */
    protocol: O(coded(Type.String({ maxLength: 32 }), "10300343")),
    username: O(Type.String({ maxLength: 63 })),
    password: O(Type.String({ maxLength: 63 })),
    /** A stopped VM has it at its next start in any case. */
    attachAtPowerOn: O(Type.Boolean()),
  },
  { title: "AttachCdromRequest" },
);
export type AttachCdromRequest = Static<typeof AttachCdromRequest>;

const CdKind = Type.Unsafe<"iso" | "browser">({ type: "string", enum: ["iso", "browser"] });

export const WireCd = Type.Object(
  {
    kind: CdKind,
    /** File name. */
    name: Type.String(),
    /** As attachCdrom takes it; of a browser's file its name. */
    devicePath: Type.String(),
    datastoreUrn: Type.Union([Type.String(), Type.Null()]),
    /** Of a browser's file: the browser is gone, and what the guest reads fails until it is detached. */
    isLost: Type.Boolean(),
    attachTime: Type.String(),
  },
  { title: "VmCd" },
);
export type WireCd = Static<typeof WireCd>;

export const DescribeCdromAnswer = Type.Object(
  {
    /** Empty when nothing is attached. */
    devicePath: Type.String(),
    attachCdromTime: Type.String(),
    cdRom: Type.Union([WireCd, Type.Null()]),
  },
  { title: "DescribeCdromAnswer" },
);

export const AttachBrowserCdromRequest = Type.Object(
  {
    /** Of the file, for people. */
    name: coded(Type.String({ minLength: 1, maxLength: 255 }), "10301035"),
    sizeBytes: coded(Type.Integer({ minimum: 1, maximum: 2 ** 47 }), "10000001"),
  },
  { title: "AttachBrowserCdromRequest" },
);
export type AttachBrowserCdromRequest = Static<typeof AttachBrowserCdromRequest>;

export const AttachBrowserCdromAnswer = Type.Intersect(
  [
    TaskAnswer,
    Type.Object({
      /** Of the WebSocket over which the browser hands the file out; good once, for a minute. */
      path: Type.String(),
    }),
  ],
  { title: "AttachBrowserCdromAnswer" },
);

export const CreateIsoRequest = Type.Object(
  {
    /** File name: letters, digits, `.`, `_`, `-` and blanks, at most 128 characters; `.iso` is added when missing. */
    name: coded(Type.String({ minLength: 1, maxLength: 128 }), "10301035"),
    datastoreUrn: coded(Type.String({ maxLength: 256 }), "10300068"),
    sizeBytes: coded(Type.Integer({ minimum: 1, maximum: 2 ** 47 }), "10000001"),
  },
  { title: "CreateIsoRequest" },
);
export type CreateIsoRequest = Static<typeof CreateIsoRequest>;

export const WireIso = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    datastoreUrn: Type.String(),
    /** As attachCdrom takes it. */
    devicePath: Type.String(),
    sizeBytes: Type.Integer(),
    /** Where an upload goes on. */
    receivedBytes: Type.Integer(),
    status: Type.Unsafe<"uploading" | "ready" | "failed" | "removing">({
      type: "string",
      enum: ["uploading", "ready", "failed", "removing"],
    }),
    /** Why it failed. */
    reason: Type.String(),
    /** Empty before all has arrived, and for a file that was not uploaded through the manager. */
    sha256: Type.String(),
    createdAt: Type.String(),
    /** VMs that have it in their drive. */
    attachedVms: Type.Array(Type.String()),
  },
  { title: "Iso" },
);
export type WireIso = Static<typeof WireIso>;

export const IsoList = Type.Object(
  { total: Type.Integer(), isos: Type.Array(WireIso) },
  { title: "IsoList" },
);
export type IsoList = Static<typeof IsoList>;
