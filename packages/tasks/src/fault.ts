import type { AppError } from "@sinter/kit";

/** A place where a test may interfere. Phases lie around the body of a step, inside what the engine records. */
export interface FaultPoint {
  readonly taskId: number;
  readonly type: string;
  readonly step: string;
  readonly phase: "before-run" | "after-run" | "before-undo" | "after-undo";
  readonly attempt: number;
}

/**
 * - `fail`, or an error: the step fails there; after its body that is an effect without an answer.
 * - `crash`: the engine behaves from that instant as a killed process does.
 * - `twice`: the body runs a second time, as after a crash between effect and record. Only before a body. For a
 *   database step the first time is rolled back, as it would be then.
 */
export type Fault = "fail" | "crash" | "twice" | AppError | undefined;
export type FaultHook = (point: FaultPoint) => Fault | Promise<Fault>;
