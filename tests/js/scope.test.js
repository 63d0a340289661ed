import assert from "node:assert/strict";
import test from "node:test";
import { compared, difference, fate, glyph, inputPieces, intoHash, moved, outOfHash, partAt, placed, rawPieces, rulesOf } from "../../mailedu/views/player/scope.js";

// "X: y\r\n" unsigned, "To:  b\r\n" in the fields, the empty line, "a  b \r\n" in the body, a tail behind l=.
const message = "X: y\r\nTo:  b\r\n\r\na  b \r\ntail";
const view = {
  fields: "to:b\r\n", body: "a b\r\n",
  parts: [
    [0, 6, "", -1, []],
    [6, 8, "fields", 0, [[2, 2, "name in lower case"], [1, 1, "kept"], [2, 0, "blanks around the colon"], [3, 3, "kept"]]],
    [14, 2, "", -1, []],
    [16, 7, "body", 0, [[1, 1, "kept"], [2, 1, "blanks shrunk to one"], [1, 1, "kept"], [1, 0, "blanks at the end of a line"], [2, 2, "kept"]]],
    [23, 4, "", -1, []],
  ],
};

test("every octet of the message is in one part, and each run knows its place", () => {
  for (let at = 0; at < message.length; at++) assert.ok(partAt(view, at));
  assert.equal(partAt(view, message.length), undefined);
  assert.deepEqual(placed(view.parts[1]).map(run => [run.raw, run.rawEnd, run.at, run.end]), [[6, 8, 0, 2], [8, 9, 2, 3], [9, 11, 3, 3], [11, 14, 3, 6]]);
});

test("an octet leads to what is hashed of it, and back", () => {
  assert.deepEqual(intoHash(view, 1), { hash: "", from: -1, to: -1, step: "" });
  assert.deepEqual(intoHash(view, 7), { hash: "fields", from: 1, to: 2, step: "name in lower case" });
  assert.deepEqual(intoHash(view, 10), { hash: "fields", from: 3, to: 3, step: "blanks around the colon" });
  assert.deepEqual(intoHash(view, 18), { hash: "body", from: 1, to: 2, step: "blanks shrunk to one" });
  assert.deepEqual(intoHash(view, 25).hash, "");
  assert.equal(intoHash(view, 99), undefined);
  assert.deepEqual(outOfHash(view, "body", 1), { from: 17, to: 19, step: "blanks shrunk to one" });
  assert.equal(outOfHash(view, "body", 5), undefined);
  for (const hash of ["fields", "body"]) for (let at = 0; at < view[hash].length; at++) {
    const { from, to } = outOfHash(view, hash, at);
    for (let octet = from; octet < to; octet++) { const into = intoHash(view, octet); assert.ok(into.hash === hash && into.from <= at && at < into.to); }
  }
});

test("what is drawn is all of it, cut where something else becomes of it", () => {
  assert.equal(rawPieces(view, message, 0, 16).map(piece => piece.text).join(""), message.slice(0, 16));
  assert.deepEqual(rawPieces(view, message, 16, 27).map(piece => piece.fate), ["kept", "less", "kept", "gone", "kept", "unsigned"]);
  for (const hash of ["fields", "body"]) assert.equal(inputPieces(view, hash).map(piece => piece.text).join(""), view[hash]);
  assert.deepEqual(rulesOf(view, "body"), [["blanks shrunk to one", 1], ["blanks at the end of a line", 1]]);
  assert.equal(fate({ raw: 3, rawEnd: 3, at: 0, end: 2, step: "line end added", hash: "body" }), "added");
});

test("what is different is found, and counted", () => {
  assert.deepEqual(difference("pay 100", "pay 900"), [4, 5]);
  assert.deepEqual(difference("a b", "a  b"), [2, 3]);
  assert.deepEqual(difference("abc", "bc"), [0, 0]);
  assert.deepEqual(difference("same", "same"), [4, 4]);
  assert.deepEqual([compared("00ff", "00fe").differ, compared("00ff", "").differ], [1, 0]);
});

test("an octet is shown as something that hides nothing", () => {
  assert.deepEqual([..." \t\r\n\x00\x7f\u00ffa<"].map(glyph), ["·", "⇥", "←", "↵\n", "▯", "▯", "▯", "a", "<"]);
});

test("keys lead from octet to octet and from line to line", () => {
  const text = "ab\r\ncdef\r\ng\r\n", go = (at, key) => moved(text, at, key, 0, text.length);
  assert.deepEqual(["ArrowRight", "ArrowLeft", "Home", "End", "ArrowDown", "ArrowUp"].map(key => go(6, key)), [7, 5, 4, 9, 12, 2]);
  assert.equal(go(0, "ArrowLeft"), 0);
  assert.equal(go(text.length - 1, "ArrowRight"), text.length - 1);
  assert.equal(go(11, "ArrowDown"), 11);
  assert.equal(go(1, "ArrowUp"), 1);
  assert.equal(go(1, "x"), undefined);
  assert.equal(moved(text, 5, "ArrowLeft", 5, 9), 5);
});
