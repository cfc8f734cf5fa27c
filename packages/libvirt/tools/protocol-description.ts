/** Reads the rpcgen dialect libvirt describes its protocol in, and writes it as our tables. */

/** What one .x file says, by its own names. */
export interface Protocol {
  readonly prefix: string;
  readonly constants: ReadonlyMap<string, number>;
  readonly structs: ReadonlyMap<string, readonly Field[]>;
  /** Key: name in upper case without prefix, e.g. DOMAIN_LOOKUP_BY_UUID. */
  readonly procedures: ReadonlyMap<string, { number: number; highPriority: boolean; stream: boolean }>;
}

interface Field {
  readonly name: string;
  readonly type: string;
  /** "one", or how many: `[32]` is fixed, `<MAX>` is up to. */
  readonly many: { kind: "one" | "pointer" } | { kind: "fixed" | "upTo"; size: string };
}

/** Defined in C headers rather than in the .x file. */
const HEADER_CONSTANTS = { VIR_UUID_BUFLEN: 16 };

export function parseProtocol(text: string, prefix: string): Protocol {
  const constants = new Map<string, number>(Object.entries(HEADER_CONSTANTS));
  for (const [, name, value] of text.matchAll(/^const (\w+)\s*=\s*(0x[0-9a-f]+|\d+);/gim)) {
    constants.set(name ?? "", Number(value));
  }
  const bare = text.replace(/\/\*[\s\S]*?\*\//g, "");
  const structs = new Map<string, Field[]>();
  for (const [, name, body] of bare.matchAll(/^struct (\w+)\s*\{([^}]*)\}/gm)) {
    structs.set(
      name ?? "",
      (body ?? "")
        .split(";")
        .map((line) => line.trim())
        .filter(Boolean)
        .map(parseField),
    );
  }
  const procedures = new Map<string, { number: number; highPriority: boolean; stream: boolean }>();
  const entry = new RegExp(`/\\*\\*([\\s\\S]*?)\\*/\\s*${prefix.toUpperCase()}_PROC_(\\w+) = (\\d+)`, "g");
  for (const [, notes, name, number] of text.matchAll(entry)) {
    procedures.set(name ?? "", {
      number: Number(number),
      highPriority: /@priority: high/.test(notes ?? ""),
      stream: /@(read|write)stream/.test(notes ?? ""),
    });
  }
  return { prefix, constants, structs, procedures };
}

function parseField(line: string): Field {
  const match = /^(.*?)\s*(\*?)\s*(\w+)\s*(?:\[(\w+)\]|<(\w+)>)?$/.exec(line.replace(/\s+/g, " "));
  if (!match?.[1] || !match[3]) throw new Error(`cannot read the field "${line}"`);
  const [, type, star, name, fixed, upTo] = match;
  const many: Field["many"] = fixed
    ? { kind: "fixed", size: fixed }
    : upTo
      ? { kind: "upTo", size: upTo }
      : { kind: star ? "pointer" : "one" };
  return { name, type, many };
}

/** `VIR_ERR_NO_DOMAIN = 42,` lines of virterror.h, as NO_DOMAIN → 42. */
export function parseErrorCodes(header: string): ReadonlyMap<string, number> {
  const codes = new Map<string, number>();
  for (const [, name, number] of header.matchAll(/^\s*VIR_ERR_(\w+) = (\d+),/gm)) {
    codes.set(name ?? "", Number(number));
  }
  // The enum of levels has the same prefix and the values 0 to 2.
  for (const level of ["NONE", "WARNING", "ERROR"]) codes.delete(level);
  return codes;
}

export interface Rendering {
  readonly remote: Protocol;
  readonly qemu: Protocol;
  readonly procedures: readonly string[];
  readonly events: readonly string[];
  readonly qemuProcedures: readonly string[];
  readonly errorCodes: ReadonlyMap<string, number>;
}

export function renderProtocol(what: Rendering): string {
  const types = new TypeTable(what.remote);
  const remote = what.procedures.map((name) => renderProcedure(name, what.remote, types));
  const qemu = what.qemuProcedures.map((name) => renderProcedure(name, what.qemu, types));
  const events = what.events.map((name) => renderEvent(name, what.remote, types));
  const codes = [...what.errorCodes].map(([name, code]) => `  ${name}: ${code},`);
  const codecs = [
    "array",
    "bytes",
    "charArray",
    "i32",
    "i64",
    "nothing",
    "opaque",
    "optional",
    "struct",
    "u32",
    "u64",
  ];
  const text = [...types.declarations, ...remote, ...qemu, ...events].join("\n");
  const used = (names: string[]) => names.filter((name) => new RegExp(`\\b${name}\\b`).test(text)).join(", ");
  return [
    `import { ${used(codecs)} } from "../../xdr/codec.ts";`,
    `import { ${used(["string", "typedParam", "uuid"])} } from "../types.ts";`,
    "",
    ...types.declarations,
    `export const REMOTE_PROGRAM = ${hex(what.remote.constants.get("REMOTE_PROGRAM"))};`,
    `export const QEMU_PROGRAM = ${hex(what.qemu.constants.get("QEMU_PROGRAM"))};`,
    "",
    "export const REMOTE_PROCEDURES = {",
    ...remote,
    "} as const;",
    "",
    "export const QEMU_PROCEDURES = {",
    ...qemu,
    "} as const;",
    "",
    "export const REMOTE_EVENTS = {",
    ...events,
    "} as const;",
    "",
    "/** virErrorNumber: every code libvirt may answer with. */",
    "export const ERROR_CODES = {",
    ...codes,
    "} as const;",
    "",
  ].join("\n");
}

function renderProcedure(name: string, protocol: Protocol, types: TypeTable): string {
  const { key, entry } = find(name, protocol);
  const part = (suffix: string) => {
    const fields = protocol.structs.get(`${protocol.prefix}_${key.toLowerCase()}_${suffix}`);
    return fields ? types.struct(fields) : "nothing";
  };
  const marks = [entry.highPriority ? "highPriority: true" : "", entry.stream ? "stream: true" : ""].filter(
    Boolean,
  );
  return `  ${name}: { ${[`number: ${entry.number}`, ...marks].join(", ")}, args: ${part("args")}, reply: ${part("ret")} },`;
}

function renderEvent(name: string, protocol: Protocol, types: TypeTable): string {
  const { key, entry } = find(name, protocol);
  const fields = protocol.structs.get(`${protocol.prefix}_${key.toLowerCase()}_msg`);
  if (!fields) throw new Error(`the event ${name} has no message`);
  return `  ${name}: { number: ${entry.number}, message: ${types.struct(fields)} },`;
}

function find(name: string, protocol: Protocol) {
  for (const [key, entry] of protocol.procedures) {
    if (squashed(key) === squashed(name)) return { key, entry };
  }
  throw new Error(`libvirt has no procedure ${name}`);
}

function squashed(name: string): string {
  return name.replaceAll("_", "").toUpperCase();
}

/** Declares each structure that fields refer to, once and before its use. */
class TypeTable {
  readonly declarations: string[] = [];
  readonly #protocol: Protocol;
  readonly #names = new Map<string, string>([
    ["remote_nonnull_string", "string"],
    ["remote_string", "optional(string)"],
    ["remote_uuid", "uuid"],
    ["remote_typed_param", "typedParam"],
    ["remote_auth_type", "i32"],
    ["int", "i32"],
    ["unsigned char", "u32"],
    ["unsigned short", "u32"],
    ["unsigned", "u32"],
    ["unsigned int", "u32"],
    ["hyper", "i64"],
    ["unsigned hyper", "u64"],
  ]);

  constructor(protocol: Protocol) {
    this.#protocol = protocol;
  }

  struct(fields: readonly Field[]): string {
    return `struct({ ${fields.map((field) => `${camel(field.name)}: ${this.#field(field)}`).join(", ")} })`;
  }

  #field({ type, many }: Field): string {
    if (many.kind === "fixed" || many.kind === "upTo") {
      const size = /^\d+$/.test(many.size) ? Number(many.size) : this.#protocol.constants.get(many.size);
      if (size === undefined) throw new Error(`the constant ${many.size} is not known`);
      if (type === "opaque") return many.kind === "fixed" ? `opaque(${size})` : `bytes(${size})`;
      if (type === "char" && many.kind === "fixed") return `charArray(${size})`;
      if (many.kind === "fixed") throw new Error(`a fixed array of ${type} is not supported`);
      return `array(${this.#type(type)}, ${size})`;
    }
    return many.kind === "pointer" ? `optional(${this.#type(type)})` : this.#type(type);
  }

  #type(type: string): string {
    const known = this.#names.get(type);
    if (known) return known;
    const nullable = /^remote_(domain|node_device)$/.exec(type); // typedef remote_nonnull_X *remote_X
    if (nullable) {
      const name = `optional(${this.#type(`remote_nonnull_${nullable[1]}`)})`;
      this.#names.set(type, name);
      return name;
    }
    const fields = this.#protocol.structs.get(type);
    if (!fields) throw new Error(`the type ${type} is not known`);
    const name = camel(type.replace(/^remote_/, "").replace(/^nonnull_/, ""));
    const layout = this.struct(fields); // first, so that what it refers to is declared before it
    this.#names.set(type, name);
    this.declarations.push(`export const ${name} = ${layout};`, "");
    return name;
  }
}

/** need_results → needResults, callbackID → callbackId. */
function camel(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()).replace(/ID$/, "Id");
}

function hex(value: number | undefined): string {
  if (value === undefined) throw new Error("the program number is missing");
  return `0x${value.toString(16)}`;
}
