import { Type, type Static } from "typebox";
import { Bytes, SafeId, Timestamp, Uuid } from "./common.ts";

/** Removable media: ISO files in a datastore's `isos` folder, and files that stay with a person's browser (CMP-29). */

/** Longest name of an ISO file, its ending included. */
export const ISO_NAME_LENGTH_MAX = 128;
/**
 * One plain file name that ends in `.iso`: letters, digits, `.`, `_`, `-` and blanks. Nothing hidden, no folder, and no
 * character that means something to a path, a URL or the contract's `<datastore>@<name>`.
 */
export const IsoName = Type.String({
  pattern: "^[A-Za-z0-9_-][A-Za-z0-9._ -]{0,122}\\.[iI][sS][oO]$",
  maxLength: ISO_NAME_LENGTH_MAX,
});

/** What lies in a VM's CD drive. */
export const CdromMedium = Type.Union([
  Type.Object({ kind: Type.Literal("iso"), datastoreId: SafeId, name: IsoName }),
  /** A file that a browser hands out piece by piece through MEDIA_PATH. */
  Type.Object({
    kind: Type.Literal("browser"),
    mediaId: Uuid,
    sizeBytes: Type.Integer({ minimum: 1 }),
  }),
]);
export type CdromMedium = Static<typeof CdromMedium>;

/** What is found in the drive. */
export const CdromObservation = Type.Union([
  Type.Object({ kind: Type.Literal("iso"), datastoreId: SafeId, name: Type.String() }),
  Type.Object({
    kind: Type.Literal("browser"),
    mediaId: Uuid,
    /** False: the browser is gone for good, and every read fails until the medium is taken out. */
    isOpen: Type.Boolean(),
  }),
]);
export type CdromObservation = Static<typeof CdromObservation>;

/** An ISO file in the `isos` folder of a datastore. */
export const IsoFile = Type.Object({
  name: Type.String(),
  sizeBytes: Bytes,
  modifiedAt: Timestamp,
});
export type IsoFile = Static<typeof IsoFile>;

/** Largest piece of an upload; calls with raw bytes as body take no more. */
export const PIECE_BYTES_MAX = 4 * 1024 * 1024;

/**
 * The body of a call that is bytes rather than JSON: it travels as it is (`application/octet-stream`) and is the field
 * `data` of the call's input. Everything else of such a call stands in its path.
 */
export const RawBody = Type.Object({ data: Type.Unsafe<Uint8Array>({}) });

/**
 * Path of a browser's medium: a WebSocket between manager and agent over which the agent asks for pieces and the
 * manager passes on what the browser answers. Either side's messages are those of the browser's protocol: text
 * `{"id":n,"offset":o,"length":l}` from the agent; binary, four bytes of id (big-endian) and the piece, or text
 * `{"id":n,"error":"…"}` towards it.
 */
export const MEDIA_PATH = "/v1/media/:mediaId/:sizeBytes";
/** Close code towards the agent: the browser is gone for good. Any other end may be followed by a new connection. */
export const MEDIA_ENDED = 4000;
/** Close code from the agent: the medium was taken out of the drive. */
export const MEDIA_DETACHED = 4001;
/** How long reads wait for a browser that was lost. */
export const MEDIA_GRACE_MS = 20_000;

/** A message channel such as a WebSocket, in the little that passing on pieces needs of one. */
export interface MediaChannel {
  send(message: string | Uint8Array): void;
  /** Text comes as string, binary as bytes. One listener. */
  onMessage(listener: (message: string | Buffer) => void): void;
  /** Each listener is called once, also when it was closed already. */
  onClose(listener: (code: number) => void): void;
  close(code: number, reason: string): void;
}
