import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { element, formatXml, parseXml, textOf, XmlError } from "./xml-tree.ts";

const NASTY = [
  "<b>",
  "a & b",
  "\"quoted\" 'too'",
  "]]>",
  "<!-- no -->",
  "&amp;lt;",
  "line\nbreak\ttab\rreturn",
  "日本 🚀",
  "&#60;",
  "  spaces  ",
];

describe("text and attributes are themselves again after writing and reading", () => {
  for (const nasty of NASTY) {
    it(JSON.stringify(nasty), () => {
      const root = element("r", { a: nasty }, element("child", {}, nasty));
      const back = parseXml(formatXml(root));
      assert.deepEqual(back, root);
    });
  }
});

it("markup in a name never becomes markup", () => {
  const written = formatXml(element("name", {}, "</name><evil/>"));
  assert.equal(written, "<name>&lt;/name&gt;&lt;evil/&gt;</name>\n");
});

describe("what XML cannot carry is refused", () => {
  for (const character of ["\0", "\u0001", "\u000b", "\u{fffe}", "\ud800"]) {
    it(`U+${character.codePointAt(0)?.toString(16)}`, () => {
      assert.throws(() => formatXml(element("r", {}, character)), XmlError);
    });
  }
  it("a name with a space", () => assert.throws(() => formatXml(element("a b")), XmlError));
  it("an attribute name that is markup", () =>
    assert.throws(() => formatXml(element("a", { "x='1'": "" })), XmlError));
});

describe("reading", () => {
  it("keeps the order of children, also of different names", () => {
    const root = parseXml("<r><b/><a/><b i='2'/></r>");
    assert.deepEqual(root.children, [element("b"), element("a"), element("b", { i: "2" })]);
  });
  it("drops indentation and comments, and keeps text that is only white space", () => {
    const root = parseXml("<?xml version='1.0'?>\n<!-- c -->\n<r>\n  <t> </t><!-- c -->\n</r>\n");
    assert.deepEqual(root, element("r", {}, element("t", {}, " ")));
  });
  it("takes CDATA as it stands", () => {
    assert.equal(textOf(parseXml("<r>a<![CDATA[<&amp;>]]>b</r>")), "a<&amp;>b");
  });
  it("knows XML's entities and characters by number, and leaves others alone", () => {
    assert.equal(textOf(parseXml("<r>&lt;&#65;&#x42;&nbsp;</r>")), "<AB&nbsp;");
  });
  it("does not expand entities of a document type", () => {
    const bomb = '<!DOCTYPE r [<!ENTITY a "xxxxxxxxxx"><!ENTITY b "&a;&a;&a;">]><r>&b;</r>';
    assert.equal(textOf(parseXml(bomb)), "&b;");
  });
  for (const broken of ["", "no xml", "<a>", "<a></b>", "<a/><b/>", "<a b></a>"]) {
    it(`refuses ${JSON.stringify(broken)}`, () => assert.throws(() => parseXml(broken), XmlError));
  }
});
