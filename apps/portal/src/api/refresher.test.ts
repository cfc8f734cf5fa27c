import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createRefresher } from "./refresher.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Each reading takes so long. */
function watched(takesMs = 0) {
  const read: string[] = [];
  const refresher = createRefresher({
    async invalidateQueries(filters) {
      read.push(String(filters?.queryKey?.[0]));
      await new Promise((resolve) => setTimeout(resolve, takesMs));
    },
  });
  return { read, refresher };
}

test("the first change is read at once, with what shows it", () => {
  const { read, refresher } = watched();
  refresher.refresh("vms");
  expect(read).toEqual(["vms", "hosts", "clusters", "overview"]);
});

test("changes without end are read now and then, and the last one is not missed", async () => {
  const { read, refresher } = watched();
  for (let ms = 0; ms < 4100; ms += 100) {
    refresher.refresh("tasks");
    await vi.advanceTimersByTimeAsync(100);
  }
  expect(read.length).toBeGreaterThan(3);
  expect(read.length).toBeLessThan(8);
  await vi.advanceTimersByTimeAsync(60_000);
  const quiet = read.length;
  refresher.refresh("tasks");
  refresher.refresh("tasks");
  await vi.advanceTimersByTimeAsync(60_000);
  expect(read.length).toBe(quiet + 2);
});

test("a slow reading is not begun anew while it runs", async () => {
  const { read, refresher } = watched(3000);
  for (let ms = 0; ms < 2900; ms += 100) {
    refresher.refresh("tasks");
    await vi.advanceTimersByTimeAsync(100);
  }
  expect(read).toEqual(["tasks"]);
  await vi.advanceTimersByTimeAsync(1000);
  expect(read).toEqual(["tasks", "tasks"]);
});

test("one change is read once", async () => {
  const { read, refresher } = watched();
  refresher.refresh("datastores");
  await vi.advanceTimersByTimeAsync(60_000);
  expect(read).toEqual(["datastores"]);
});

test("nothing is read after it was stopped", async () => {
  const { read, refresher } = watched();
  refresher.refresh("datastores");
  refresher.refresh("datastores");
  refresher.stop();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(read).toEqual(["datastores"]);
});
