import { Type, type Static } from "typebox";
import { coded } from "./read.ts";

/* Metric queries on the wire (contract 2.27): bodies are lists, all figures are text, times are epoch seconds. */

const urn = coded(Type.String({ minLength: 1, maxLength: 256 }), "11000027");
const metric = coded(Type.String({ minLength: 1, maxLength: 128 }), "11000020");
const seconds = (errorCode: string) => coded(Type.String({ pattern: "^\\s*\\d{1,13}\\s*$" }), errorCode);

export const RealtimeQuery = coded(
  Type.Array(
    Type.Object({
      urn,
      metricId: coded(Type.Array(metric, { maxItems: 200 }), "11000020"),
    }),
    { maxItems: 1000 },
  ),
  "11000006",
);
export type RealtimeQuery = Static<typeof RealtimeQuery>;

export const CurveQuery = coded(
  Type.Array(
    Type.Object({
      urn,
      metricId: metric,
      startTime: seconds("11000038"),
      endTime: seconds("11000039"),
      interval: seconds("11000040"),
    }),
    { maxItems: 1000 },
  ),
  "11000006",
);
export type CurveQuery = Static<typeof CurveQuery>;

export const TopQuery = coded(
  Type.Array(
    Type.Object({
      /** A cluster, or the site. */
      urn,
      metricId: metric,
      objectType: coded(Type.Unsafe<"hosts">({ type: "string", enum: ["hosts"] }), "11000030"),
      topN: coded(Type.String({ pattern: "^\\s*([1-9]|10)\\s*$" }), "11000049"),
      topOrder: coded(Type.Unsafe<"DESC" | "ASC">({ type: "string", enum: ["DESC", "ASC"] }), "11000050"),
      topType: coded(Type.Unsafe<"top" | "btop">({ type: "string", enum: ["top", "btop"] }), "11000048"),
      startTime: seconds("11000038"),
      endTime: seconds("11000039"),
      interval: seconds("11000040"),
    }),
    { maxItems: 1000 },
  ),
  "11000006",
);
export type TopQuery = Static<typeof TopQuery>;

const text = { unit: Type.String(), urn: Type.String(), objectName: Type.String() };

export const RealtimeAnswer = Type.Object(
  {
    total: Type.Integer(),
    result: Type.String(),
    items: Type.Array(
      Type.Object({
        urn: Type.String(),
        objectName: Type.String(),
        value: Type.Array(
          Type.Object({ unit: Type.String(), metricId: Type.String(), metricValue: Type.String() }),
        ),
        errorCode: Type.Optional(Type.String()),
        errorDes: Type.Optional(Type.String()),
      }),
    ),
  },
  { title: "RealtimeAnswer" },
);
export type RealtimeAnswer = Static<typeof RealtimeAnswer>;

export const CurveAnswer = Type.Object(
  {
    total: Type.Integer(),
    result: Type.String(),
    items: Type.Array(
      Type.Object({
        ...text,
        metricId: Type.String(),
        metricName: Type.String(),
        metricValue: Type.Array(Type.Object({ time: Type.String(), value: Type.String() })),
        errorCode: Type.Optional(Type.String()),
        errorDes: Type.Optional(Type.String()),
      }),
    ),
  },
  { title: "CurveAnswer" },
);
export type CurveAnswer = Static<typeof CurveAnswer>;

export const TopAnswer = Type.Object(
  {
    total: Type.Integer(),
    result: Type.String(),
    items: Type.Array(
      Type.Object({
        ...text,
        objectType: Type.String(),
        metricId: Type.String(),
        metricName: Type.String(),
        metricValue: Type.Array(Type.Object({ name: Type.String(), value: Type.String() })),
        result: Type.String(),
        errorCode: Type.String(),
        errorDes: Type.String(),
      }),
    ),
  },
  { title: "TopAnswer" },
);
export type TopAnswer = Static<typeof TopAnswer>;

export const SystemTime = Type.Object(
  {
    result: Type.String(),
    currentUtcTime: Type.String(),
    zoneOffset: Type.Integer(),
    dstOffset: Type.Integer(),
    currentLocalTime: Type.String(),
  },
  { title: "SystemTime" },
);
