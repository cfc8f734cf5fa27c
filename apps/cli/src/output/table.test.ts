import assert from "node:assert/strict";
import { test } from "node:test";
import { createPaint, stateStyle, wantsColour } from "./paint.ts";
import { type Column, renderTable } from "./table.ts";
import { clean, fit, padEnd, widthOf } from "./text.ts";

interface Row {
  readonly name: string;
  readonly size: number;
  readonly state: string;
}
const columns: readonly Column<Row>[] = [
  { head: "NAME", value: (row) => row.name },
  { head: "SIZE", value: (row) => row.size, isNumber: true },
  { head: "STATUS", value: (row) => row.state, style: stateStyle },
];
const rows: readonly Row[] = [
  { name: "web", size: 5, state: "running" },
  { name: "数据库服务器", size: 1024, state: "fault" },
  { name: "", size: 0, state: "stopped" },
];
const plain = { isTerminal: false, columns: 80, paint: createPaint(false) };

test("piped: aligned columns, wide characters counted as two, no colour, no trailing blanks", () => {
  assert.equal(
    renderTable(rows, columns, plain),
    [
      "NAME          SIZE  STATUS",
      "web              5  running",
      "数据库服务器  1024  fault",
      "-                0  stopped",
    ].join("\n"),
  );
});

test("piped: no column is ever cut", () => {
  const name = "n".repeat(300);
  assert.match(renderTable([{ name, size: 1, state: "running" }], columns, plain), new RegExp(name));
});

test("on a terminal: the same columns, states coloured", () => {
  const text = renderTable(rows, columns, { isTerminal: true, columns: 80, paint: createPaint(true) });
  assert.ok(text.includes("\u001b[32mrunning\u001b[39m"));
  assert.ok(text.includes("\u001b[31mfault\u001b[39m"));
  const bare = renderTable(rows, columns, { isTerminal: true, columns: 80, paint: createPaint(false) });
  const starts = bare
    .split("\n")
    .map((line) => widthOf(line.slice(0, line.search(/(STATUS|running|fault|stopped)/))));
  assert.equal(new Set(starts).size, 1, bare);
});

test("on a narrow terminal the widest column gives way, and every line fits", () => {
  const long = [{ name: "虚拟机".repeat(20), size: 7, state: "running" }, ...rows];
  const text = renderTable(long, columns, { isTerminal: true, columns: 40, paint: createPaint(false) });
  for (const line of text.split("\n")) assert.ok(widthOf(line) <= 40, line);
  assert.match(text, /…/);
  assert.match(text, /running/);
});

test("no rows: only the head", () => {
  assert.equal(renderTable([], columns, plain), "NAME  SIZE  STATUS");
});

test("names cannot steer the terminal", () => {
  assert.equal(clean("a\u001b[2Jb"), "a\\u001b[2Jb");
  assert.equal(clean("x\u202Egpj\r\n\u009b1m"), "x\\u202egpj\\u000d\\u000a\\u009b1m");
  assert.equal(clean("Zürich 上海 🚀"), "Zürich 上海 🚀");
  const evil = [{ name: "\u001b]0;owned\u0007", size: 1, state: "\u001b[31m" }];
  // oxlint-disable-next-line no-control-regex
  assert.doesNotMatch(renderTable(evil, columns, plain), /[\u0000-\u0009\u000b-\u001f]/);
});

test("cutting keeps graphemes whole and never exceeds its room", () => {
  assert.equal(fit("abcdef", 4), "abc…");
  assert.equal(fit("abcd", 4), "abcd");
  assert.equal(fit("数据库", 4), "数…");
  assert.equal(fit("👨‍👩‍👧👨‍👩‍👧", 3), "👨‍👩‍👧…");
  assert.equal(widthOf(padEnd("数", 5)), 5);
});

test("colours only on a terminal, and never against NO_COLOR", () => {
  assert.equal(wantsColour({ isTTY: true }, {}), true);
  assert.equal(wantsColour({ isTTY: false }, {}), false);
  assert.equal(wantsColour({}, {}), false);
  assert.equal(wantsColour({ isTTY: true }, { NO_COLOR: "1" }), false);
  assert.equal(wantsColour({ isTTY: true }, { NO_COLOR: "" }), true);
  assert.equal(wantsColour({ isTTY: true }, { TERM: "dumb" }), false);
});
