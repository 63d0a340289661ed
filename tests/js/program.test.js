import assert from "node:assert/strict";
import test from "node:test";
import { above, became, checkAt, lineAt, linesOf, parts, spent, stands } from "../../mailedu/views/player/program.js";

// a.example: include:b.example (b.example: exists:… ?all) a:gone.example -all
const check = () => ({
  title: "SPF, MAIL FROM", n: 8, end: 40, domain: "a.example", outcome: "permerror", asked: [[9, 10, 0]],
  record: { domain: "a.example", n: 11, terms: [
    { text: "include:b.example", means: "pass", n: 12, end: 25, outcome: "no match", decided: 24, lookup: 1, asked: [[14, 15, 0]],
      record: { domain: "b.example", n: 16, result: "neutral", terms: [
        { text: "exists:%{i}.b.example", means: "pass", n: 17, end: 22, outcome: "no match", decided: 21, lookup: 2, voids: [[1, 20]], asked: [[19, 20, 1]] },
        { text: "?all", means: "neutral", n: 23, end: 23, outcome: "match", decided: 23 }] } },
    { text: "a:gone.example", means: "pass", n: 26, end: 31, outcome: "permerror", decided: 30, lookup: 3, voids: [[2, 29], [3, 30]], asked: [[28, 29, 1]] },
    { text: "-all", means: "fail" }] },
});

test("a check is a line for each record and each term, in their order", () => {
  const lines = linesOf(check());
  assert.deepEqual(lines.map(line => [line.kind, line.depth, line.domain ?? line.part.text]), [
    ["record", 0, "a.example"], ["term", 1, "include:b.example"], ["record", 2, "b.example"], ["term", 3, "exists:%{i}.b.example"],
    ["term", 3, "?all"], ["term", 1, "a:gone.example"], ["term", 1, "-all"]]);
});

test("a step belongs to the innermost line that tells of it", () => {
  const lines = linesOf(check()), at = step => lines[lineAt(lines, step)]?.part.text ?? lines[lineAt(lines, step)]?.domain;
  assert.deepEqual([8, 9, 11, 12, 13, 14, 17, 20, 23, 24, 28, 40].map(at),
    ["a.example", "a.example", "a.example", "include:b.example", "include:b.example", "include:b.example", "exists:%{i}.b.example", "exists:%{i}.b.example", "?all", "include:b.example", "a:gone.example", undefined]);
  assert.equal(lines[lineAt(lines, 14)].kind, "record", "the question for a record is the record's");
  for (let step = 0; step < 45; step++) assert.ok(lineAt(lines, step) < lines.length);
});

test("up leads to the term that a record is looked into by", () => {
  const lines = linesOf(check());
  assert.equal(lines[above(lines, 3)].domain, "b.example");
  assert.equal(lines[above(lines, above(lines, 3))].part.text, "include:b.example");
  assert.equal(lines[above(lines, 5)].domain, "a.example");
  assert.equal(above(lines, 0), -1);
});

test("what a check has used up only grows, and each term's part is known", () => {
  const lines = linesOf(check());
  assert.deepEqual([8, 12, 13, 18, 20, 27, 29, 30, 40].map(step => Object.values(spent(lines, step))),
    [[0, 0], [0, 0], [1, 0], [2, 0], [2, 1], [3, 1], [3, 2], [3, 3], [3, 3]]);
});

test("a line is past, now, still to come, or never reached", () => {
  const lines = linesOf(check());
  assert.deepEqual(lines.map(line => stands(line, 20)), ["past", "now", "past", "now", "future", "future", "never"]);
});

test("what became of a term", () => {
  assert.deepEqual(became({ n: 1, outcome: "match", means: "softfail" }), ["match → softfail", "later"]);
  assert.deepEqual(became({ n: 1, outcome: "no match", means: "fail" }), ["no match", undefined]);
  assert.deepEqual(became({ n: 1, outcome: "permerror" }), ["permerror", "bad"]);
  assert.deepEqual(became({ means: "fail" }), ["not reached", undefined]);
});

test("the check of a step: the one it is in, else the next, else the last", () => {
  const checks = [{ n: 1, end: 5 }, { n: 8, end: 40 }];
  assert.deepEqual([0, 1, 5, 6, 8, 40, 41].map(step => checkAt(checks, step)), [0, 0, 0, 1, 1, 1, 1]);
});

test("a term as its parts, whatever it is", () => {
  assert.deepEqual(parts("~include:esp.example"), ["~", "include", ":esp.example"]);
  assert.deepEqual(parts("redirect=x.example"), ["", "redirect", "=x.example"]);
  assert.deepEqual(parts("ip4:192.0.2.0/24"), ["", "ip4", ":192.0.2.0/24"]);
  assert.deepEqual(parts("a/24"), ["", "a", "/24"]);
  for (const odd of ["", "-", "::", "\n\0", "<b>"]) assert.equal(parts(odd).join(""), odd);
});

test("a record that is not there is one line", () => {
  assert.deepEqual(linesOf({ n: 1, end: 5, domain: "x.example", outcome: "none", asked: [[2, 3, 1]] }).map(line => [line.kind, line.n, line.end]), [["record", 1, 5]]);
});
