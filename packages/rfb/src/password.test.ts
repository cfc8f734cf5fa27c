import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { answerChallenge, isAnswer } from "./password.ts";

/** From OpenSSL's own single DES (`openssl enc -des-ecb -provider legacy`), the key mirrored by hand. */
const GOLDEN = {
  secret: "ee22539f33a5983ec12f9c2edbc995dd",
  "12345678": "83dd2b4dbd04367f28578fdd5b142740",
  "~!": "f1f95a39e0743188e8fdad7f65da8239",
  "": "491e890de9ace932838a49792f2213f3",
  "pass\u00e9": "8a67e1249a446cd5aaccd717c81d19b5",
};

test("answers are those of DES with a mirrored key", () => {
  const challenge = Buffer.from("000102030405060708090a0b0c0d0e0f", "hex");
  for (const [password, answer] of Object.entries(GOLDEN)) {
    assert.equal(answerChallenge(challenge, password).toString("hex"), answer, password);
  }
});

test("only the first eight characters count, and each of them does", () => {
  const challenge = randomBytes(16);
  const answer = answerChallenge(challenge, "12345678");
  assert.ok(isAnswer(answer, challenge, "123456789"));
  for (const other of ["", "1234567", "12345679", "22345678", "12345 78"]) {
    assert.ok(!isAnswer(answer, challenge, other), other);
  }
});

test("an answer of another length or to another challenge is wrong", () => {
  const challenge = randomBytes(16);
  const answer = answerChallenge(challenge, "secret");
  assert.ok(isAnswer(answer, challenge, "secret"));
  assert.ok(!isAnswer(answer, randomBytes(16), "secret"));
  assert.ok(!isAnswer(answer.subarray(0, 8), challenge, "secret"));
  assert.ok(!isAnswer(Buffer.alloc(16), challenge, "secret"));
});
