import type { Reporter, TestCase, TestModule } from "vitest/node";

/** For `npm test`: says each failure whole, and ends with the same line as the reporter of the other workspaces. */
export default class CountingReporter implements Reporter {
  #passed = 0;
  #failed = 0;
  #skipped = 0;

  onTestCaseResult(test: TestCase): void {
    const result = test.result();
    if (result.state === "passed") this.#passed++;
    else if (result.state === "skipped") this.#skip(test);
    else if (result.state === "failed") this.#fail(test.fullName, result.errors);
  }

  /** A file that could not be loaded has no tests to tell of. */
  onTestModuleEnd(module: TestModule): void {
    if (module.errors().length > 0) this.#fail(module.moduleId, module.errors());
  }

  onTestRunEnd(
    _modules: readonly TestModule[],
    unhandled: readonly { stack?: string; message: string }[],
  ): void {
    if (unhandled.length > 0) this.#fail("outside any test", unhandled);
    const skipped = this.#skipped > 0 ? `, ${this.#skipped} skipped` : "";
    console.log(`${this.#passed} passed, ${this.#failed} failed${skipped}`);
  }

  #skip(test: TestCase): void {
    this.#skipped++;
    console.log(`SKIPPED ${test.fullName}`);
  }

  #fail(name: string, errors: readonly { stack?: string; message: string; diff?: string }[]): void {
    this.#failed++;
    console.log(`FAILED ${name}`);
    for (const error of errors) console.log(`  ${error.stack ?? error.message}\n${error.diff ?? ""}`);
  }
}
