import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  accessOf,
  BUILT_IN_ROLES,
  RIGHT_AREAS,
  RIGHTS,
  rightsHeld,
  rightsLacking,
  rightsUpTo,
} from "./rights.ts";

describe("rights", () => {
  test("ids are used once", () => {
    const ids = [...RIGHTS.map(({ id }) => id), ...RIGHT_AREAS.map(({ id }) => id)];
    assert.equal(new Set(ids).size, ids.length);
  });

  test("built-in roles reach just their level", () => {
    for (const { name, upTo } of BUILT_IN_ROLES) assert.equal(accessOf(rightsUpTo(upTo)), upTo, name);
  });

  test("a level is reached with all of its rights only, and with all below", () => {
    const all = rightsUpTo("administer");
    assert.equal(accessOf([]), "session");
    for (const { id, level } of RIGHTS) {
      const without = all.filter((right) => right !== id);
      const below = { read: "session", operate: "read", administer: "operate" } as const;
      assert.equal(accessOf(without), below[level], `without ${id}`);
    }
    assert.equal(
      accessOf(["2001", "2002", "2003", "2004"]),
      "session",
      "operating without viewing is nothing",
    );
  });

  test("of several roles the one that denies wins", () => {
    const read = rightsUpTo("read");
    const all = rightsUpTo("administer");
    assert.deepEqual(rightsHeld([all, read]), read);
    assert.deepEqual(rightsHeld([read, all]), read);
    assert.deepEqual(rightsHeld([all, []]), []);
    assert.deepEqual(rightsHeld([]), []);
  });

  test("a login lists what is lacking", () => {
    assert.deepEqual(rightsLacking(rightsUpTo("administer")), []);
    assert.equal(rightsLacking([]).length, RIGHTS.length);
  });
});
