import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AppError } from "@sinter/kit";
import { createPasswordHasher } from "./password-hash.ts";
import { checkPassword, DEFAULT_PASSWORD_POLICY, keyOfPassword } from "./password.ts";

describe("password policy", () => {
  const cases: Record<string, string> = {
    "": "PASSWORD_EMPTY",
    "Abc-123": "PASSWORD_LENGTH",
    "Abc-1234": "ok",
    [`A1-${"b".repeat(29)}`]: "ok",
    [`A1-${"b".repeat(30)}`]: "PASSWORD_LENGTH",
    abcdefgh: "PASSWORD_TOO_SIMPLE",
    abcdefg1: "PASSWORD_TOO_SIMPLE",
    Abcdefg1: "ok",
    "abcdefg1!": "ok",
    "pass word 1": "ok",
    " Password1": "PASSWORD_CHARACTERS",
    "Password1 ": "PASSWORD_CHARACTERS",
    Pässword1: "PASSWORD_CHARACTERS",
    "Pass\nword1": "PASSWORD_CHARACTERS",
    密码密码Abc1: "PASSWORD_CHARACTERS",
    "My-Gandalf1": "PASSWORD_HOLDS_NAME",
    "My-fladnaG1": "PASSWORD_HOLDS_NAME",
    "My-gANDALF1": "PASSWORD_HOLDS_NAME",
    "My-Gandal1f": "ok",
  };
  for (const [password, expected] of Object.entries(cases)) {
    test(`${JSON.stringify(password)}: ${expected}`, () => {
      let outcome = "ok";
      try {
        checkPassword(DEFAULT_PASSWORD_POLICY, password, "gandalf");
      } catch (error) {
        assert.ok(error instanceof AppError);
        assert.ok(password === "" || !error.message.includes(password), "the message does not repeat it");
        outcome = error.code;
      }
      assert.equal(outcome, expected);
    });
  }

  test("the key is what clients compute: lower-case hexadecimal SHA-256 of UTF-8", () => {
    // Known answer of SHA-256("abc"), FIPS 180-2, appendix B.1.
    assert.equal(keyOfPassword("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  });
});

describe("password hashes", () => {
  const hasher = createPasswordHasher({ log2N: 10, r: 8, p: 1 });

  test("a hash fits its key only, and no two are alike", async () => {
    const [one, other] = [await hasher.hash("key"), await hasher.hash("key")];
    assert.notEqual(one, other);
    assert.match(one, /^scrypt\$10\$8\$1\$/);
    assert.equal(await hasher.matches("key", one), true);
    assert.equal(await hasher.matches("Key", one), false);
    assert.equal(await hasher.matchesNothing("key"), false);
  });

  test("hashes of other costs still fit; malformed ones fit nothing", async () => {
    const cheap = await createPasswordHasher({ log2N: 4, r: 1, p: 1 }).hash("key");
    assert.equal(await hasher.matches("key", cheap), true);
    for (const stored of [
      "",
      "key",
      "scrypt$",
      "scrypt$10$8$1$$",
      "scrypt$10$8$1$AAAA$",
      "md5$1$1$1$AA$AA",
    ]) {
      assert.equal(await hasher.matches("key", stored), false, stored);
    }
  });

  test("when too many wait, more are refused at once", async () => {
    const slow = createPasswordHasher({ log2N: 4, r: 1, p: 1 });
    const outcomes = await Promise.allSettled(Array.from({ length: 500 }, () => slow.hash("key")));
    const refused = outcomes.filter(({ status }) => status === "rejected");
    assert.ok(refused.length > 50 && refused.length < 200, `${refused.length} of 500 refused`);
    assert.equal(await slow.matchesNothing("key"), false, "and later ones are served again");
  });
});
