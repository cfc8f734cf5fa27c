import { AppError } from "@sinter/kit";
import type { WireError } from "@sinter/northbound";

export const monitorErrors = {
  intervalInvalid: (text: string) =>
    new AppError(
      "invalid",
      "METRIC_INTERVAL_INVALID",
      `The interval ${text} is none of 60, 300, 1800, 3600, 86400, 604800, 2592000 and 31536000 seconds.`,
    ),
  timeInvalid: () =>
    new AppError("invalid", "METRIC_TIME_INVALID", "startTime must not lie after endTime (epoch seconds)."),
  tooMany: (what: string) =>
    new AppError("invalid", "METRIC_QUERY_TOO_LARGE", `The query asks for too much: ${what}.`),
};

export const monitorWireErrors = {
  METRIC_INTERVAL_INVALID: { code: "11000088", http: 400 },
  METRIC_TIME_INVALID: { code: "11000047", http: 400 },
  METRIC_QUERY_TOO_LARGE: { code: "11000096", http: 400 },
} as const satisfies Record<string, WireError>;
