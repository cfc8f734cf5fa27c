import { element, textOf, type XmlElement, XmlError, type XmlNode } from "./xml-tree.ts";

/**
 * An element as a table of fields, from which both directions and the TypeScript type follow. What a table does
 * not know is kept beside it, so that reading and writing again loses nothing.
 */
// biome-ignore lint/suspicious/noExplicitAny: the value's type is recovered by ShapeValue, which needs it unconstrained
export type Shape = Record<string, Field<any, boolean>>;

/** One field: a pair of functions. `read` gives undefined where the XML has nothing. */
export interface Field<T, R extends boolean = false> {
  readonly required: R;
  readonly write: (value: T, draft: Draft) => void;
  readonly read: (cursor: Cursor) => T | undefined;
}

type Simplify<T> = { [K in keyof T]: T[K] } & {};
type RequiredKeys<S> = { [K in keyof S]: S[K] extends { readonly required: true } ? K : never }[keyof S];
type FieldValue<F> = F extends { readonly read: (cursor: Cursor) => infer T } ? Exclude<T, undefined> : never;

/** The object a table stands for. */
export type ShapeValue<S> = Simplify<
  { -readonly [K in RequiredKeys<S>]: FieldValue<S[K]> } & {
    -readonly [K in Exclude<keyof S, RequiredKeys<S>>]?: FieldValue<S[K]> | undefined;
  } & Unknown
>;

/** What the table does not know. */
interface Unknown {
  extra?: XmlElement[] | undefined;
  extraAttributes?: Record<string, string> | undefined;
}

/** How a value is spelled in an attribute or a text. */
export interface Scalar<T> {
  readonly format: (value: T) => string;
  readonly parse: (spelled: string) => T;
}

export const string: Scalar<string> = { format: (value) => value, parse: (spelled) => spelled };

/** Words known to us, and any other one that libvirt may come up with. */
export function word<T extends string>(): Scalar<T | (string & {})> {
  return string;
}

/** A whole number; libvirt sometimes writes addresses in hexadecimal. */
export const number: Scalar<number> = {
  format: (value) => {
    if (!Number.isSafeInteger(value)) throw new XmlError(`${value} is not a whole number.`);
    return String(value);
  },
  parse: (spelled) => {
    const value = Number(spelled);
    if (spelled.trim() === "" || !Number.isFinite(value)) throw new XmlError(`"${spelled}" is not a number.`);
    return value;
  },
};

export const yesNo = twoWords("yes", "no");
export const onOff = twoWords("on", "off");

function twoWords(yes: string, no: string): Scalar<boolean> {
  return {
    format: (value) => (value ? yes : no),
    parse: (spelled) => {
      if (spelled !== yes && spelled !== no) throw new XmlError(`"${spelled}" is neither ${yes} nor ${no}.`);
      return spelled === yes;
    },
  };
}

export function required<T>(field: Field<T>): Field<T, true> {
  return { ...field, required: true };
}

/** An attribute of the element itself. */
export function attr<T = string>(name: string, scalar: Scalar<T> = asString()): Field<T> {
  return {
    required: false,
    write: (value, draft) => {
      draft.attributes[name] = scalar.format(value);
    },
    read: (cursor) => parsed(name, cursor.takeAttribute(name), scalar),
  };
}

/** The text of the element itself. */
export function content<T>(scalar: Scalar<T>): Field<T> {
  return {
    required: false,
    write: (value, draft) => draft.children.push(scalar.format(value)),
    read: (cursor) => parsed("text", cursor.takeText(), scalar),
  };
}

/** A child that is nothing but text: `<name>vm1</name>`. */
export function text<T = string>(name: string, scalar: Scalar<T> = asString()): Field<T> {
  return {
    required: false,
    write: (value, draft) => draft.children.push(element(name, {}, scalar.format(value))),
    read: (cursor) => {
      const child = cursor.takeChild(name);
      return child && parsed(name, textOf(child), scalar);
    },
  };
}

/** A child that says something by being there: `<acpi/>`. */
export function flag(name: string): Field<boolean> {
  return {
    required: false,
    write: (value, draft) => {
      if (value) draft.children.push(element(name));
    },
    read: (cursor) => (cursor.takeChild(name) ? true : undefined),
  };
}

/** A child with a table of its own. */
export function group<S extends Shape>(name: string, shape: S): Field<ShapeValue<S>> {
  return {
    required: false,
    write: (value, draft) => draft.children.push(buildShape(name, shape, value)),
    read: (cursor) => {
      const child = cursor.takeChild(name);
      return child && parseShape(shape, child);
    },
  };
}

/** Any number of children of one name, in order. */
export function list<S extends Shape>(name: string, shape: S): Field<ShapeValue<S>[]> {
  return {
    required: false,
    write: (values, draft) => {
      for (const value of values) draft.children.push(buildShape(name, shape, value));
    },
    read: (cursor) => {
      const children = cursor.takeChildren(name);
      return children.length > 0 ? children.map((child) => parseShape(shape, child)) : undefined;
    },
  };
}

/** Elements of somebody else, inside a child of that name: <metadata>. */
export function foreign(name: string): Field<XmlElement[]> {
  return {
    required: false,
    write: (value, draft) => draft.children.push(element(name, {}, ...value)),
    read: (cursor) => cursor.takeChild(name)?.children.filter((node) => typeof node !== "string"),
  };
}

const UNITS_BYTES: Record<string, number> = {
  b: 1,
  bytes: 1,
  KB: 1e3,
  k: 1024,
  KiB: 1024,
  MB: 1e6,
  M: 1024 ** 2,
  MiB: 1024 ** 2,
  GB: 1e9,
  G: 1024 ** 3,
  GiB: 1024 ** 3,
  TB: 1e12,
  T: 1024 ** 4,
  TiB: 1024 ** 4,
};

/** A size with its unit, always written in KiB: `<memory unit="KiB">65536</memory>`. */
export function sizeKiB(name: string): Field<number> {
  return {
    required: false,
    write: (value, draft) => draft.children.push(element(name, { unit: "KiB" }, number.format(value))),
    read: (cursor) => {
      const child = cursor.takeChild(name);
      return child && kiB(child);
    },
  };
}

/** The number in the element's text, in KiB, as its unit says; without one libvirt means KiB. */
export function kiB(child: XmlElement): number {
  const unit = UNITS_BYTES[child.attributes["unit"] ?? "KiB"];
  if (unit === undefined) throw new XmlError(`${child.attributes["unit"]} is not a unit of size.`);
  return Math.ceil((number.parse(textOf(child)) * unit) / 1024);
}

export function buildShape<S extends Shape>(name: string, shape: S, value: ShapeValue<S>): XmlElement {
  const draft = new Draft();
  const given = value as Record<string, unknown> & Unknown; // the table decides what is in it
  for (const [key, field] of Object.entries(shape)) {
    const one = given[key];
    if (one !== undefined) field.write(one, draft);
    else if (field.required) throw new XmlError(`<${name}> needs ${key}.`);
  }
  Object.assign(draft.attributes, given.extraAttributes);
  return element(name, draft.attributes, ...draft.children, ...(given.extra ?? []));
}

export function parseShape<S extends Shape>(shape: S, source: XmlElement): ShapeValue<S> {
  const cursor = new Cursor(source);
  const value: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(shape)) {
    const one = field.read(cursor);
    if (one !== undefined) value[key] = one;
    else if (field.required) throw new XmlError(`<${source.name}> has no ${key}.`);
  }
  return { ...value, ...cursor.rest() } as ShapeValue<S>; // filled from the table the type is made of
}

/** An element being written. */
export class Draft {
  readonly attributes: Record<string, string> = {};
  readonly children: XmlNode[] = [];
}

/** An element being read: what was taken is not left over. */
export class Cursor {
  readonly #attributes: Map<string, string>;
  #children: XmlNode[];

  constructor(source: XmlElement) {
    this.#attributes = new Map(Object.entries(source.attributes));
    this.#children = [...source.children];
  }

  takeAttribute(name: string): string | undefined {
    const value = this.#attributes.get(name);
    this.#attributes.delete(name);
    return value;
  }

  takeChild(name: string): XmlElement | undefined {
    const child = this.#children.find(
      (node): node is XmlElement => typeof node !== "string" && node.name === name,
    );
    if (child) this.#children = this.#children.filter((node) => node !== child);
    return child;
  }

  takeChildren(name: string): XmlElement[] {
    const taken = this.#children.filter(
      (node): node is XmlElement => typeof node !== "string" && node.name === name,
    );
    this.#children = this.#children.filter((node) => typeof node === "string" || node.name !== name);
    return taken;
  }

  takeText(): string | undefined {
    const taken = this.#children.filter((node) => typeof node === "string");
    this.#children = this.#children.filter((node) => typeof node !== "string");
    return taken.length > 0 ? taken.join("") : undefined;
  }

  rest(): Unknown {
    const extra = this.#children.filter((node) => typeof node !== "string");
    return {
      ...(extra.length > 0 ? { extra } : {}),
      ...(this.#attributes.size > 0 ? { extraAttributes: Object.fromEntries(this.#attributes) } : {}),
    };
  }
}

/** For callers that name no scalar, whose T is then string. */
function asString<T>(): Scalar<T> {
  return string as unknown as Scalar<T>;
}

function parsed<T>(name: string, spelled: string | undefined, scalar: Scalar<T>): T | undefined {
  if (spelled === undefined) return undefined;
  try {
    return scalar.parse(spelled);
  } catch (cause) {
    throw cause instanceof XmlError ? new XmlError(`${name}: ${cause.message}`) : cause;
  }
}
