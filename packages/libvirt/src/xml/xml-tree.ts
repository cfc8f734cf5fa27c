import { XMLParser } from "fast-xml-parser";

/** An element as it stands: names with their prefixes, attributes and children in order. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlNode[];
}
export type XmlNode = XmlElement | string;

/** Text that is not XML, or a value that XML cannot carry. */
export class XmlError extends Error {
  override readonly name = "XmlError";
}

export function element(
  name: string,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly XmlNode[]
): XmlElement {
  return { name, attributes, children };
}

const ATTRIBUTES = ":@";
const TEXT = "#text";
const CDATA = "#cdata";

/**
 * The parser keeps the order and hands everything out as it was written: entities are read here, since a
 * document type could define expensive ones, and only XML's own five and characters by number are known.
 */
const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: "",
  parseTagValue: false,
  parseAttributeValue: false,
  trimValues: false,
  processEntities: false,
  ignoreDeclaration: true,
  ignorePiTags: true,
  cdataPropName: CDATA,
});

type ParsedNode = Record<string, unknown>;

/** The root element. White space between elements is left out; text beside text is kept. */
export function parseXml(text: string): XmlElement {
  let nodes: ParsedNode[];
  try {
    nodes = parser.parse(text, true) as ParsedNode[];
  } catch (cause) {
    throw new XmlError(`This is not XML: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
  const roots = toNodes(nodes).filter((node) => typeof node !== "string");
  const [root] = roots;
  if (roots.length !== 1 || root === undefined)
    throw new XmlError(`XML has one root, this has ${roots.length}.`);
  return root;
}

/** Indented by two spaces. An element with text in it is kept on one line, so that its text stays what it is. */
export function formatXml(root: XmlElement): string {
  const lines: string[] = [];
  write(root, 0, lines);
  return `${lines.join("\n")}\n`;
}

/** All text directly in an element. */
export function textOf(parent: XmlElement): string {
  return parent.children.filter((node) => typeof node === "string").join("");
}

function toNodes(parsed: readonly ParsedNode[]): XmlNode[] {
  const nodes: XmlNode[] = [];
  for (const entry of parsed) {
    const name = Object.keys(entry).find((key) => key !== ATTRIBUTES);
    if (name === undefined) continue;
    const content = entry[name];
    if (name === TEXT) nodes.push(unescape(String(content)));
    else if (name === CDATA) nodes.push(cdataOf(content));
    else {
      const attributes = (entry[ATTRIBUTES] ?? {}) as Record<string, string>; // parseAttributeValue is off
      nodes.push({
        name,
        attributes: Object.fromEntries(
          Object.entries(attributes).map(([key, value]) => [key, unescape(value)]),
        ),
        children: withoutIndentation(toNodes(content as ParsedNode[])),
      });
    }
  }
  return nodes;
}

function cdataOf(content: unknown): string {
  return (content as ParsedNode[]).map((node) => String(node[TEXT])).join("");
}

function withoutIndentation(nodes: XmlNode[]): XmlNode[] {
  if (nodes.every((node) => typeof node === "string")) return nodes;
  return nodes.filter((node) => typeof node !== "string" || node.trim() !== "");
}

function write(node: XmlElement, depth: number, lines: string[]): void {
  const indent = "  ".repeat(depth);
  if (node.children.length === 0 || node.children.some((child) => typeof child === "string")) {
    lines.push(indent + inline(node));
    return;
  }
  lines.push(`${indent}<${head(node)}>`);
  for (const child of node.children) {
    if (typeof child !== "string") write(child, depth + 1, lines);
  }
  lines.push(`${indent}</${node.name}>`);
}

function inline(node: XmlElement): string {
  if (node.children.length === 0) return `<${head(node)}/>`;
  const children = node.children.map((child) => (typeof child === "string" ? escape(child) : inline(child)));
  return `<${head(node)}>${children.join("")}</${node.name}>`;
}

function head({ name, attributes }: XmlElement): string {
  return [
    checkedName(name),
    ...Object.entries(attributes).map(([key, value]) => `${checkedName(key)}="${escape(value)}"`),
  ].join(" ");
}

function checkedName(name: string): string {
  if (!/^[A-Za-z_][\w.:-]*$/.test(name)) throw new XmlError(`"${name}" cannot be a name in XML.`);
  return name;
}

const ESCAPES: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
  "\n": "&#10;", // by number, or reading turns those three into spaces in attributes
  "\r": "&#13;",
  "\t": "&#9;",
};

function escape(text: string): string {
  const forbidden = /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/u.exec(text);
  if (forbidden) {
    const code = forbidden[0].codePointAt(0)?.toString(16).padStart(4, "0");
    throw new XmlError(`The character U+${code} cannot be in XML.`);
  }
  return text.replace(/[&<>"'\n\r\t]/g, (character) => ESCAPES[character] ?? character);
}

const ENTITIES: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function unescape(text: string): string {
  return text.replace(/&(#x[0-9a-f]+|#\d+|\w+);/gi, (whole, entity: string) => {
    if (entity.startsWith("#")) {
      const hex = entity[1] === "x" || entity[1] === "X";
      const code = Number.parseInt(entity.slice(hex ? 2 : 1), hex ? 16 : 10);
      return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    }
    return ENTITIES[entity] ?? whole;
  });
}
