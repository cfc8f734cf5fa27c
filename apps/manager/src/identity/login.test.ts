import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { keyOfPassword } from "./password.ts";
import { TEST_PASSWORD, testApp } from "../testing/test-app.ts";

const HASH = keyOfPassword(TEST_PASSWORD);

/** Logins exactly as clients send them (contract 1.4, 1.5). */
const CLIENTS: Record<string, Record<string, string>> = {
  "kubeoperator-go, terraform": { "X-Auth-User": "admin", "X-Auth-Key": HASH, "X-Auth-Usertype": "2" },
  "esdk-java": {
    Accept: "application/json;version=6.0;charset=UTF-8;",
    "Accept-Language": "zh_CN",
    "User-Agent": "Restlet-Framework/2.2.1",
    "X-Auth-User": "admin",
    "X-Auth-Key": HASH,
  },
  "tanson-csharp": {
    Accept: "application/json;version=6.3;charset=UTF-8",
    "Content-Type": "application/json;charset=UTF-8",
    "X-Auth-User": "admin",
    "X-Auth-Key": HASH,
  },
  nova: {
    Accept: "application/json;version=6.0;charset=UTF-8",
    "Accept-Language": "en_US",
    "Content-Type": "application/json",
    "X-Auth-User": "admin",
    "X-Auth-Key": TEST_PASSWORD,
    "X-Auth-UserType": "2",
    "X-ENCRIPT-ALGORITHM": "1",
  },
};

describe("login", () => {
  for (const [client, headers] of Object.entries(CLIENTS)) {
    test(`PUB-06: ${client} logs in`, async () => {
      await using world = await testApp();
      const answer = await world.app.inject({ method: "POST", url: "/service/session", headers });
      assert.equal(answer.statusCode, 200, answer.body);
      assert.match(
        String(answer.headers["x-auth-token"]),
        /^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}[0-9]$/,
      );
    });
  }
});
