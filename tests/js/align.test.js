import assert from "node:assert/strict";
import test from "node:test";
import { align, fork, railLines } from "../../mailedu/views/player/align.js";
import { spread } from "../../mailedu/views/player/rail.js";
import { story } from "./stories.js";

const same = (a, b) => a === b;
const paired = (a, b) => align([...a], [...b], same).map(([x, y]) => (x ?? "-") + (y ?? "-")).join(" ");

test("equal rows stand beside each other, the rest in between", () => {
  assert.equal(paired("abcd", "axcd"), "aa bx cc dd");
  assert.equal(paired("abcd", "acd"), "aa b- cc dd");
  assert.equal(paired("ab", ""), "a- b-");
  assert.equal(paired("", "xy"), "-x -y");
  assert.equal(paired("abcabba", "cbabac").replaceAll(/[^-]-|-[^-]|(\w)(?!\1)\w/g, "").trim().split(/ +/).filter(Boolean).length, 4, "as many pairs as the longest common subsequence");
});

test("nothing is lost and the order stays, whatever the input", () => {
  let random = 7;
  const letter = () => "abc"[(random = (random * 1103515245 + 12345) % 2 ** 31) % 3];
  for (let round = 0; round < 200; round++) {
    const a = Array.from({ length: round % 9 }, letter), b = Array.from({ length: (round * 7) % 11 }, letter), pairs = align(a, b, same);
    assert.deepEqual(pairs.map(([x]) => x).filter(Boolean), a);
    assert.deepEqual(pairs.map(([, y]) => y).filter(Boolean), b);
  }
});

test("very long futures are paired at both ends", () => {
  const a = Array.from({ length: 3000 }, (_, i) => i), b = a.map(i => i > 10 && i < 2990 ? -i : i);
  const pairs = align(a, b, same);
  assert.equal(pairs.length, 3000);
  assert.deepEqual(pairs.at(-1), [2999, 2999]);
});

test("the fork is the first row that differs", () => {
  const a = story(), b = story();
  b.rows[5] = { ...b.rows[5], label: "VRFY root" };
  assert.equal(fork(a, b), 5);
  assert.equal(fork(a, story()), a.size);
});

test("rails never lie over one another", () => {
  const rails = Array.from({ length: 40 }, (_, i) => ({ from: (i * 37) % 200, to: (i * 37) % 200 + 60 })), lines = railLines(rails);
  rails.forEach((a, i) => rails.forEach((b, j) => assert.ok(i === j || lines[i] !== lines[j] || a.to <= b.from || b.to <= a.from)));
  assert.deepEqual(railLines([{ from: 0, to: 10 }, { from: 100, to: 110 }]), [0, 0]);
});

test("states stand apart at any width, and short names stay whole", () => {
  for (const wide of [200, 300, 420, 900]) {
    const places = [...spread(["GREETED", "READY", "MAIL", "RCPT", "DATA", "CLOSED"], wide).values()];
    places.slice(1).forEach((place, at) => assert.ok(place.x - place.size / 2 > places[at].x + places[at].size / 2));
  }
  assert.equal(spread(["MAIL", "RCPT"], 300).get("MAIL").name, "MAIL");
});
