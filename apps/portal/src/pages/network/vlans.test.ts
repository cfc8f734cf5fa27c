import { expect, test } from "vitest";
import { parseVlans, vlanChange, vlansText } from "./vlans.ts";

test("ranges are read as people write them, and written the same way", () => {
  expect(parseVlans("")).toEqual([]);
  expect(parseVlans(" 7 ")).toEqual([{ startVlanId: 7, endVlanId: 7 }]);
  expect(parseVlans("1-100, 200,300 - 4094")).toEqual([
    { startVlanId: 1, endVlanId: 100 },
    { startVlanId: 200, endVlanId: 200 },
    { startVlanId: 300, endVlanId: 4094 },
  ]);
  expect(vlansText(parseVlans("1-100,200") ?? [])).toBe("1-100, 200");
});

test.each(["x", "0", "4095", "5-4", "1--2", "1-2-3", "-1", "1.5", "99999"])("%s is no range", (text) => {
  expect(parseVlans(text)).toBeUndefined();
});

test("only what differs is changed", () => {
  const ranges = (text: string) => parseVlans(text) ?? [];
  expect(vlanChange(ranges("1-10, 20"), ranges("20, 30"))).toEqual({
    added: ranges("30"),
    removed: ranges("1-10"),
  });
  expect(vlanChange(ranges("1-10"), ranges("1-10"))).toEqual({ added: [], removed: [] });
});
