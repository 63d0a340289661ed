import assert from "node:assert/strict";
import test from "node:test";
import { decoded, duration, plural, seen, sentence, spoken } from "../../mailedu/views/player/words.js";
import { story } from "./stories.js";

test("hostile text is spelt", () => {
  assert.equal(seen("a\r\nb\rc\nd\te"), "a↵b‹CR›c‹LF›d⇥e");
  assert.equal(seen("\x00\x1b[31m\x7f\u0085"), "‹NUL›‹ESC›[31m‹DEL›‹U+0085›");
  assert.equal(seen("x\u202ey\u2066\u200b\ufeff"), "x‹U+202E›y‹U+2066›‹U+200B›‹U+FEFF›");
  assert.equal(seen("Z\u0300\u0301\u0302\u0303"), "Z‹U+0300›‹U+0301›‹U+0302›‹U+0303›");
  assert.equal(seen("e\u0301"), "e\u0301", "an accent or two is a letter");
  assert.equal(seen("x".repeat(1_000_000), 10), "xxxxxxxxxx … 999990 more");
});

test("octets are UTF-8 where they are, else spelt", () => {
  assert.equal(decoded("Gr\xc3\xbc\xc3\x9fe"), "Grüße");
  assert.equal(decoded("\xff\xc3"), "‹FF›‹C3›");
  assert.equal(decoded("\xed\xa0\x80"), "‹ED›‹A0›‹80›", "a surrogate is no UTF-8");
  assert.equal(decoded("plain"), "plain");
});

test("each row is a sentence", () => {
  const it = story(), told = it.rows.map((_, i) => sentence(it, i));
  assert.equal(told[2], "beta answers bob: +OK ready");
  assert.equal(told[4], "bob says to beta: USER bob; the answer is +OK");
  assert.equal(told[8], "beta asks the DNS: beta.example MX?");
  assert.equal(told[10], "beta decides: match");
  assert.ok(told.every(Boolean));
  assert.equal(spoken(it, 10), "Step 23. beta decides: match. It fits.");
  assert.ok(spoken(it, 6).endsWith("under TLS"));
});

test("numbers as people say them", () => {
  assert.deepEqual([0.0461, 45, 300, 7260, 190_000].map(duration), ["0.046 s", "45 s", "5 min", "2 h 1 min", "2 d 4 h"]);
  assert.deepEqual([plural(1, "reply"), plural(1200, "reply"), plural(2, "step")], ["1 reply", "1,200 replies", "2 steps"]);
});
