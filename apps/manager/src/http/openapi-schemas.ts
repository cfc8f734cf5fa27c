/** A JSON Schema as it stands in an OpenAPI document. */
export type SchemaObject = { readonly [keyword: string]: unknown };

/** Collects schemas that have a title, once each, and refers to them by it. */
export class SchemaComponents {
  readonly #byTitle = new Map<string, { source: string; schema: SchemaObject }>();

  /** In order of their names. */
  get schemas(): Record<string, SchemaObject> {
    const named = [...this.#byTitle].toSorted(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(named.map(([title, { schema }]) => [title, schema]));
  }

  /** The schema, or a reference to it when it has a title. Throws when two different schemas share a title. */
  refer(schema: object): SchemaObject {
    const { title } = schema as { title?: unknown };
    if (typeof title !== "string") return this.#clean(schema);
    const name = title.replaceAll(/[^A-Za-z0-9._-]/g, "");
    const source = JSON.stringify(schema);
    const known = this.#byTitle.get(name);
    if (known && known.source !== source) throw new Error(`Two different schemas have the title ${title}.`);
    // Entered before it is cleaned, so that a schema inside itself ends.
    if (!known) {
      this.#byTitle.set(name, { source, schema: {} });
      this.#byTitle.set(name, { source, schema: this.#clean(schema) });
    }
    return { $ref: `#/components/schemas/${name}` };
  }

  #clean(schema: object): SchemaObject {
    const result: Record<string, unknown> = {};
    for (const [keyword, value] of Object.entries(schema)) {
      if (keyword === "title") continue;
      // Ours: the code that a wrong value is refused with. Extensions of OpenAPI start with "x-".
      if (keyword === "errorCode") result["x-error-code"] = value;
      else if (MAPS.has(keyword))
        result[keyword] = mapValues(value as Record<string, object>, (item) => this.refer(item));
      else if (Array.isArray(value) && LISTS.has(keyword))
        result[keyword] = (value as object[]).map((item) => this.refer(item));
      else if (SINGLE.has(keyword) && typeof value === "object" && value !== null)
        result[keyword] = this.refer(value);
      else result[keyword] = value;
    }
    return result;
  }
}

/** Keywords whose values are schemas, by shape. */
const MAPS = new Set(["properties", "patternProperties"]);
const LISTS = new Set(["anyOf", "allOf", "oneOf"]);
const SINGLE = new Set(["items", "additionalProperties", "not"]);

function mapValues<T, R>(values: Record<string, T>, change: (value: T) => R): Record<string, R> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, change(value)]));
}
