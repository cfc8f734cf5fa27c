import { expect, test } from "vitest";
import { type Part, storageUse, sumOf } from "./capacity.ts";

const part = (change: Partial<Part> = {}): Part => ({
  threads: 32,
  vcpus: 40,
  memoryMiB: 1024,
  promisedMiB: 512,
  usedMiB: 256,
  cpuShare: 0.5,
  ...change,
});

test("the sum of a site: CPU in use is weighted by threads", () => {
  expect(sumOf([part(), part({ threads: 96, vcpus: 8, cpuShare: 0.25 })])).toEqual({
    cpu: { physical: 128, promised: 48, used: 40 },
    memory: { physical: 2048, promised: 1024, used: 512 },
  });
});

test("a part that does not answer counts as idle beside one that does", () => {
  expect(sumOf([part(), part({ cpuShare: undefined, usedMiB: 0 })]).cpu.used).toBe(16);
});

test("when nothing answers nothing is known to be in use, rather than none", () => {
  const silent = sumOf([part({ cpuShare: undefined })]);
  expect([silent.cpu.used, silent.memory.used]).toEqual([undefined, undefined]);
  expect(sumOf([]).cpu).toEqual({ physical: 0, promised: 0, used: undefined });
});

test("storage: what is written is in use, what disks may grow to is promised", () => {
  const use = storageUse([
    { actualCapacityGB: 100, actualFreeSizeGB: 70, usedSizeGB: 250 },
    { actualCapacityGB: 50, actualFreeSizeGB: 50, usedSizeGB: 0 },
  ]);
  expect(use).toEqual({ physical: 150, promised: 250, used: 30 });
});
