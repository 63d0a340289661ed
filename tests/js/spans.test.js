import assert from "node:assert/strict";
import test from "node:test";
import { countLines, glossLines, owners } from "../../mailedu/views/player/spans.js";

const row = { data: "250-a\r\n250 b\r\n", spans: [[3, "code"], [2, "text"], [2, "CRLF"], [3, "code"], [2, "text"], [2, "CRLF"]] };

test("spans are cut at line ends, and use up every octet", () => {
  const lines = glossLines(row);
  assert.deepEqual(lines.map(line => line.map(piece => piece.name)), [["code", "text", "CRLF"], ["code", "text", "CRLF"]]);
  assert.equal(lines.flat().map(piece => piece.text).join(""), row.data);
  assert.equal(lines.length, countLines(row, 100));
});

test("a span over several lines begins once", () => {
  const pieces = glossLines({ data: "a\nb\nc", spans: [[5, "text"]] }).flat();
  assert.deepEqual(pieces.map(piece => [piece.text, piece.first, piece.span]), [["a\n", true, 0], ["b\n", false, 0], ["c", false, 0]]);
});

test("no more lines than asked for", () => {
  assert.equal(glossLines(row, 1).length, 1);
  assert.equal(countLines({ data: "x\n".repeat(1000) }, 6), 6);
  assert.deepEqual(glossLines({}), []);
});

test("each octet has an owner, also where spans are missing", () => {
  assert.deepEqual(owners(row, 2, 5), [["code", 0], ["text", 3], ["text", 3]]);
  assert.deepEqual(owners({ data: "ab", spans: [[1, "x"]] }, 0, 2), [["x", 0], ["unexplained", 1]]);
});
