import type { SnapshotTree, WireSnapshotNode } from "@sinter/northbound";
import { describe, expect, test } from "vitest";
import { pictureOf, PRESENT } from "./tree-layout.ts";

const node = (name: string, ...childSnapshots: WireSnapshotNode[]): WireSnapshotNode => ({
  urn: name,
  uri: name,
  name,
  description: "",
  createTime: "",
  type: "normal",
  status: "ready",
  includingMemorySnapshot: false,
  childSnapshots,
});
const tree = (current: string | null, ...rootSnapshots: WireSnapshotNode[]): SnapshotTree => ({
  currentSnapshot: { urn: current, uri: current, name: current },
  rootSnapshots,
});
const places = (of: SnapshotTree): Record<string, string> =>
  Object.fromEntries(pictureOf(of).boxes.map(({ key, column, row }) => [key, `${column},${row}`]));

describe("the picture of a tree of snapshots", () => {
  test("nothing: no boxes", () => expect(pictureOf(tree(null)).boxes).toEqual([]));

  test("a chain is one line that ends in the present", () => {
    expect(places(tree("b", node("a", node("b"))))).toEqual({ a: "0,0", b: "1,0", [PRESENT]: "2,0" });
  });

  test("each branch has a row, the one to the present is the first", () => {
    const forked = tree("c", node("a", node("b", node("d"), node("e")), node("c")));
    expect(places(forked)).toEqual({
      a: "0,0",
      c: "1,0",
      [PRESENT]: "2,0",
      b: "1,1",
      d: "2,1",
      e: "2,2",
    });
    expect(pictureOf(forked)).toMatchObject({ columns: 3, rows: 3 });
  });

  test("a present that comes from no snapshot, and several roots", () => {
    expect(places(tree(null, node("a"), node("b")))).toEqual({ a: "0,0", b: "0,1", [PRESENT]: "0,2" });
  });

  test("no two boxes share a place", () => {
    const wide = tree(
      "x",
      node("a", node("b", node("x", node("y"), node("z"))), node("c", node("d"))),
      node("e"),
    );
    const all = pictureOf(wide).boxes.map(({ column, row }) => `${column},${row}`);
    expect(new Set(all).size).toBe(all.length);
  });
});
