import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "@sinter/kit";
import { type Grant, TICKET_MS, TicketBook } from "./ticket-book.ts";

const grant = (changes: Partial<Grant> = {}): Grant => ({
  kind: "vnc",
  vmId: 1,
  userId: "1",
  userName: "olga",
  token: "t",
  password: "secret",
  ...changes,
});

test("CON-01: a ticket is worth what it was issued for, once", () => {
  const book = new TicketBook(new ManualClock());
  const ticket = book.issue(grant());
  assert.match(ticket, /^[\w-]{43}$/);
  assert.deepEqual(book.redeem(ticket), grant());
  assert.equal(book.redeem(ticket), undefined);
  assert.equal(book.redeem(""), undefined);
  assert.notEqual(book.issue(grant()), book.issue(grant()));
});

test("CON-01: a ticket is worth nothing after half a minute, and is forgotten", () => {
  const clock = new ManualClock();
  const book = new TicketBook(clock);
  const [early, late] = [book.issue(grant()), book.issue(grant())];
  clock.advance(TICKET_MS - 1);
  assert.ok(book.redeem(early));
  clock.advance(1);
  assert.equal(book.redeem(late), undefined);
  book.issue(grant());
  clock.advance(TICKET_MS);
  assert.equal(book.size, 0);
});

test("one user's waiting tickets are bounded; the oldest goes, and nobody else's", () => {
  const book = new TicketBook(new ManualClock());
  const other = book.issue(grant({ userId: "2" }));
  const mine = Array.from({ length: 40 }, () => book.issue(grant()));
  assert.equal(book.size, 33);
  assert.equal(book.redeem(mine[7] ?? ""), undefined);
  assert.ok(book.redeem(mine[8] ?? ""));
  assert.ok(book.redeem(mine[39] ?? ""));
  assert.ok(book.redeem(other));
});
