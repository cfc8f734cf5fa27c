import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError, TaskFailure } from "@sinter/client";
import { AppError } from "@sinter/kit/errors";
import type { WireTask } from "@sinter/northbound";
import { EXIT, exitCodeOf } from "./exit-codes.ts";
import { failureAsJson, failures, hintOf } from "./failures.ts";

const cases: [what: string, error: unknown, code: number][] = [
  ["a wrong command line", failures.usage("x"), 2],
  ["an ambiguous name", failures.nameAmbiguous("VM", "web", []), 2],
  ["nobody logged in", failures.notLoggedIn(), 3],
  ["an ended session", new ApiError(401, "10000002", "x"), 3],
  ["a wrong password", new ApiError(400, "10100103", "x"), 3],
  ["an unknown name", failures.nameUnknown("VM", "web", ""), 4],
  ["an unknown VM at the manager", new ApiError(400, "10300001", "x"), 4],
  ["a VM that runs already", new ApiError(400, "10300094", "x"), 5],
  ["a busy VM", new ApiError(400, "10300101", "x"), 5],
  ["a guest that cannot be asked", new ApiError(400, "10300026", "x"), 5],
  ["no host with room", new ApiError(400, "10800126", "x"), 1],
  ["a value that the manager refuses", new ApiError(400, "10300003", "x"), 1],
  ["a missing right", new ApiError(403, "10000003", "x"), 1],
  ["an inner failure of the manager", new ApiError(500, "10000010", "x"), 1],
  ["a host that is away", new ApiError(500, "10200300", "x"), 1],
  ["a manager that starts", new ApiError(503, "10000005", "x"), 6],
  ["a manager that is away", new AppError("unavailable", "MANAGER_UNREACHABLE", "x"), 6],
  ["a manager that is not trusted", new AppError("forbidden", "MANAGER_UNTRUSTED", "x"), 6],
  ["Ctrl-C", failures.interrupted(), 130],
  ["no to a question", failures.refused(), 1],
  [
    "a failed task, though its reason is that something is missing",
    new TaskFailure({ urn: "urn:x:tasks:1", reason: "10420004" } as WireTask),
    1,
  ],
  ["a defect", new TypeError("x"), 1],
];
for (const [what, error, code] of cases) {
  test(`exit code of ${what} is ${code}`, () => assert.equal(exitCodeOf(error), code));
}

test("the codes are those that README.md promises", () => {
  assert.deepEqual(Object.values(EXIT), [0, 1, 2, 3, 4, 5, 6, 130]);
});

test("a failure as JSON has the wire's names, and the next step", () => {
  assert.deepEqual(failureAsJson(new ApiError(401, "10000002", "Over.")), {
    errorCode: "10000002",
    errorDes: "Over.",
    hint: "Log in again: sinter login",
  });
  assert.deepEqual(failureAsJson(new Error("boom")), { errorCode: "INTERNAL", errorDes: "boom" });
  assert.equal(hintOf(failures.usage("x", "do y")), "do y");
});
