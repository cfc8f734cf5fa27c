import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Type } from "typebox";
import { testApp } from "../testing/test-app.ts";
import { describeRoutes, type OpenApiDocument, registerOpenApiRoute } from "./openapi.ts";
import type { RouteRecord } from "./route.ts";

const METHODS = new Set(["get", "post", "put", "delete"]);

/** All values of `$ref` anywhere in a document. */
function references(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) =>
    key === "$ref" && typeof item === "string" ? [item] : references(item),
  );
}

function resolve(document: unknown, reference: string): unknown {
  return reference
    .slice(2)
    .split("/")
    .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], document);
}

const listing = (url: string, reply: RouteRecord["reply"]): RouteRecord => ({
  method: "GET",
  url,
  access: "read",
  summary: "",
  reply,
});

describe("openapi.json", () => {
  test("describes every route, and every reference leads somewhere", async () => {
    await using world = await testApp({ extend: (app) => registerOpenApiRoute(app, { version: "0.1.0" }) });
    const answer = await world.app.inject({ method: "GET", url: "/openapi.json" });
    assert.equal(answer.statusCode, 200);
    const document = answer.json<OpenApiDocument>();
    assert.match(document.openapi, /^3\.1\./);
    assert.ok(document.info.title && document.info.version);

    for (const route of world.app.routeRecords) {
      const operation = document.paths[route.url.replaceAll(/:(\w+)/g, "{$1}")]?.[route.method.toLowerCase()];
      assert.ok(operation, `${route.method} ${route.url} is described`);
      const isOpen = (operation.security as unknown[]).length === 0;
      assert.equal(isOpen, route.access === "public", `${route.url} says whether it needs a token`);
    }
    const found = references(document);
    assert.ok(found.length > 50, `${found.length} references`);
    for (const reference of found) assert.ok(resolve(document, reference), `${reference} resolves`);
  });

  test("operations have ids of their own, answers, and a parameter for each name in the path", async () => {
    await using world = await testApp({ extend: (app) => registerOpenApiRoute(app, { version: "0.1.0" }) });
    const document = describeRoutes(world.app.routeRecords, "0.1.0");
    const ids = new Set<unknown>();
    for (const [path, operations] of Object.entries(document.paths)) {
      for (const [method, operation] of Object.entries(operations)) {
        assert.ok(METHODS.has(method), method);
        assert.ok(!ids.has(operation.operationId), `${String(operation.operationId)} is used once`);
        ids.add(operation.operationId);
        const responses = operation.responses as Record<string, unknown>;
        assert.ok(responses["200"] && responses.default, `${method} ${path} has answers`);
        const parameters = (operation.parameters ?? []) as { name: string; in: string; required: boolean }[];
        const inPath = parameters.filter((parameter) => parameter.in === "path").map(({ name }) => name);
        assert.deepEqual(
          inPath,
          [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name),
        );
      }
    }
  });

  test("our keyword for error codes becomes an extension, and titles become names", () => {
    const Inner = Type.Object(
      { n: { ...Type.Integer(), errorCode: "10000001" } as never },
      { title: "Inner" },
    );
    const route: RouteRecord = {
      method: "POST",
      url: "/service/things",
      access: "read",
      summary: "Makes a thing.",
      body: Type.Object({ inner: Inner, list: Type.Array(Inner) }, { title: "Thing" }),
      reply: Inner,
    };
    const { schemas } = describeRoutes([route], "1").components;
    assert.deepEqual(schemas.Inner, {
      type: "object",
      required: ["n"],
      properties: { n: { type: "integer", "x-error-code": "10000001" } },
    });
    const inner = { $ref: "#/components/schemas/Inner" };
    assert.deepEqual(schemas.Thing?.properties, { inner, list: { type: "array", items: inner } });
  });

  test("two schemas with one title are a mistake", () => {
    const one = listing("/service/a", Type.Object({ a: Type.String() }, { title: "Same" }));
    const other = listing("/service/b", Type.Object({ b: Type.String() }, { title: "Same" }));
    assert.throws(() => describeRoutes([one, other], "1"), /title Same/);
    assert.throws(() => describeRoutes([one, one], "1"), /Two routes GET \/service\/a/);
  });
});
