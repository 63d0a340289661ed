import assert from "node:assert/strict";
import test from "node:test";
import { data, transcript } from "../../mailedu/views/player/exports.js";
import { story } from "./stories.js";

test("a transcript: one line a row, nothing that could leave it", () => {
  const it = story();
  it.rows[6].label = "\x1b[2J\n";
  const lines = transcript(it).split("\n");
  assert.equal(lines[0], "bob reads");
  assert.ok(lines.includes(" 9       C: USER bob"));
  assert.ok(lines.some(line => line.includes("S: ‹ESC›[2J‹LF›  [refused]")));
  assert.ok(lines.every(line => !/[\x00-\x1f]/.test(line)));
});

test("data: what came", () => assert.equal(JSON.parse(data(story())).rows.length, 12));
