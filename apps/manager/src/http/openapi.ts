import { ErrorAnswer } from "@sinter/northbound";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { CSRF_HEADER, SESSION_COOKIE } from "./caller.ts";
import { type SchemaObject, SchemaComponents } from "./openapi-schemas.ts";
import { registerRoute, type RouteRecord } from "./route.ts";

export interface OpenApiDocument {
  readonly openapi: string;
  readonly info: SchemaObject;
  readonly tags: readonly SchemaObject[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, SchemaObject>>>>;
  readonly components: {
    readonly schemas: Record<string, SchemaObject>;
    readonly securitySchemes: SchemaObject;
  };
}

/** Serves the description of all routes, those included that are registered later. */
export function registerOpenApiRoute(app: FastifyInstance, options: { version: string }): void {
  let document: { routes: number; content: OpenApiDocument } | undefined;
  registerRoute(app, {
    method: "GET",
    url: "/openapi.json",
    access: "public",
    summary: "This description of the interface, OpenAPI 3.1.",
    reply: Type.Object({}, { title: "OpenApi", additionalProperties: true }),
    handle: async () => {
      if (document?.routes !== app.routeRecords.length) {
        document = {
          routes: app.routeRecords.length,
          content: describeRoutes(app.routeRecords, options.version),
        };
      }
      return document.content;
    },
  });
}

/** Throws when two schemas share a title, or two routes a method and path. */
export function describeRoutes(routes: readonly RouteRecord[], version: string): OpenApiDocument {
  const components = new SchemaComponents();
  const failure = {
    description: "Refused or failed; the number says why.",
    content: { "application/json": { schema: components.refer(ErrorAnswer) } },
  };
  const paths: Record<string, Record<string, SchemaObject>> = {};
  for (const route of routes) {
    const path = route.url.replaceAll(/:(\w+)/g, "{$1}");
    const operations = (paths[path] ??= {});
    const method = route.method.toLowerCase();
    if (operations[method]) throw new Error(`Two routes ${route.method} ${route.url}.`);
    operations[method] = operationOf(route, components, failure);
  }
  const tags = [...new Set(routes.map(tagOf))].toSorted();
  return {
    openapi: "3.1.0",
    info: {
      title: "Sinter northbound API",
      version,
      description:
        "Success is always status 200. Fields are read in any case; booleans and numbers also as text; null means absent.",
    },
    tags: tags.map((name) => ({ name })),
    paths,
    components: {
      schemas: components.schemas,
      securitySchemes: {
        token: {
          type: "apiKey",
          in: "header",
          name: "X-Auth-Token",
          description: "From POST /service/session.",
        },
        cookie: {
          type: "apiKey",
          in: "cookie",
          name: SESSION_COOKIE,
          description: `On the portal's port only, from POST /sinter/v1/session; what is not GET needs the header ${CSRF_HEADER} with its "csrf" as well.`,
        },
      },
    },
  };
}

function operationOf(route: RouteRecord, components: SchemaComponents, failure: SchemaObject): SchemaObject {
  const pathNames = [...route.url.matchAll(/:(\w+)/g)].map(([, name = ""]) => name);
  const parameters = [
    ...pathNames.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } })),
    ...Object.entries(route.query ?? {}).map(([name, description]) => ({
      name,
      in: "query",
      required: false,
      description,
      schema: { type: "string" },
    })),
    ...(route.method === "POST" && route.url === "/service/session" ? LOGIN_HEADERS : []),
  ];
  return {
    operationId: operationId(route),
    summary: route.summary,
    tags: [tagOf(route)],
    "x-access": route.access,
    security: route.access === "public" ? [] : [{ token: [] }, { cookie: [] }],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.body === undefined
      ? {}
      : { requestBody: { content: { "application/json": { schema: components.refer(route.body) } } } }),
    responses: {
      "200": {
        description: "Done, or begun as a task.",
        content: { [route.replyType ?? "application/json"]: { schema: components.refer(route.reply) } },
      },
      default: failure,
    },
  };
}

const LOGIN_HEADERS = [
  ["X-Auth-User", true, "User name."],
  [
    "X-Auth-Key",
    true,
    "Lower-case hexadecimal SHA-256 of the password, or the password with X-ENCRIPT-ALGORITHM: 1.",
  ],
  ["X-Auth-UserType", false, "0 local, 1 domain, 2 interconnection."],
  ["X-ENCRIPT-ALGORITHM", false, "1: the key is the plain password."],
].map(([name, required, description]) => ({
  name,
  in: "header",
  required,
  description,
  schema: { type: "string" },
}));

/** The resource: what stands behind the site, or behind the base path. */
function tagOf(route: RouteRecord): string {
  const [first = "", ...rest] = route.url.split("/").filter((part) => part !== "");
  if (first !== "service" && first !== "sinter") return "system";
  const behind = rest.filter((part) => part !== "v1");
  const resource = behind[0] === "sites" && behind.length > 2 ? behind[2] : behind[0];
  return resource === undefined || resource.startsWith(":") ? "system" : resource;
}

/** Unique, since method and path are. */
function operationId(route: RouteRecord): string {
  const words = route.url
    .split("/")
    .filter((part) => part !== "")
    .map((part) => (part.startsWith(":") ? `By-${part.slice(1)}` : part));
  const name = words
    .join("-")
    .replaceAll(/[^A-Za-z0-9]+(.)?/g, (_match, letter: string | undefined) => letter?.toUpperCase() ?? "");
  return `${route.method.toLowerCase()}${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}
