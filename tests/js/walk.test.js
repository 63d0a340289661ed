import assert from "node:assert/strict";
import test from "node:test";
import { laneBit, Story } from "../../mailedu/views/player/model.js";
import { JUMPS, matches, Walk } from "../../mailedu/views/player/walk.js";
import { score, story } from "./stories.js";

const free = (story, level) => Object.assign(new Walk(story, level), { quiz: false }); // asked nothing
const seen = walk => [...walk.shown].filter((_, at) => walk.line[at] < 0);
const went = (walk, ...ways) => ways.map(way => { walk[way](); return walk.cursor; });

test("a level is a set of folds", () => {
  const levels = [0, 1, 2, 3].map(level => seen(free(story(), level)).length);
  assert.deepEqual(levels, [4, 4, 7, 9]);
  assert.equal(free(story(), 4).shown.length, 15, "and three messages of one line each");
});

test("what is spread can be stepped on, with all that is in it", () => {
  const walk = free(story(), 0), { kids, end } = walk.story, above = i => [...walk.story.above(i)];
  const at = kids.findIndex((some, i) => some && above(i).length > 0);
  assert.ok(at > 0, "a group in a group");
  walk.open.clear();
  walk.list();
  assert.ok(![...walk.shown].includes(at));
  walk.spread(at);
  for (let i = at; i <= end[at]; i++) assert.ok([...walk.shown].includes(i), `row ${i}`);
});

test("where decisions are looked at, one that is made up of decisions is open", () => {
  const it = score();
  it.rows.push({ ...it.rows[7], n: 40 }, { ...it.rows[7], n: 41, up: 12 }, { ...it.rows[10], n: 42, up: 13 }, { ...it.rows[7], n: 43, up: 13 }, { ...it.rows[10], n: 44, up: 15 });
  const walk = new Walk(new Story(it), 3);
  assert.deepEqual([...walk.open].filter(i => i > 11), [12]);
});

test("what is folded is stepped over, and standing on it is after all of it", () => {
  const walk = free(story(), 2);
  assert.deepEqual(went(walk, "next", "next", "next", "next", "next", "next", "next"), [1, 2, 3, 4, 7, 11, 11]);
  walk.go(4);
  assert.equal(walk.after(), 6);
  assert.deepEqual(went(walk, "into", "into", "back", "out", "out"), [4, 5, 4, 4, 1]);
  assert.equal(walk.isFolded(4), true);
});

test("over: past the group; next at the end moves nothing", () => {
  const walk = free(story(), 3);
  walk.go(5);
  assert.deepEqual(went(walk, "over", "over"), [6, 7]);
  walk.last();
  assert.equal(walk.next(), false);
  assert.equal(walk.over(), false);
});

test("folding a group takes up whoever stands in it", () => {
  const walk = free(story(), 3);
  walk.go(6);
  walk.toggle(4);
  assert.equal(walk.cursor, 4);
  walk.setLevel(0);
  assert.equal(walk.cursor, 1);
});

test("going to a hidden row opens what hides it", () => {
  const walk = free(story(), 1);
  walk.go(6, { reveal: true });
  assert.ok(seen(walk).includes(6));
});

test("jumps: the next that fits, none after the last, around the end only when searching", () => {
  const it = story(), walk = free(it, 1);
  assert.equal(walk.seek(i => JUMPS.question(it.rows[i])), true);
  assert.equal(walk.cursor, 8);
  assert.equal(walk.seek(i => JUMPS.refusal(it.rows[i])), false);
  assert.equal(walk.seek(i => matches(it.rows[i], "user"), { round: true }), true);
  assert.equal(walk.cursor, 4);
});

test("lanes can be chosen: only what was met there stays, with what it stands under", () => {
  const walk = free(story(), 4);
  walk.go(6);
  walk.show(laneBit(2));
  assert.deepEqual(seen(walk), [0, 7, 8, 9]);
  assert.equal(walk.cursor, 0);
  walk.go(5, { reveal: true });
  assert.equal(walk.lanes, 0, "going to a hidden lane shows all again");
});

test("predict: one cannot walk past a question, but jump; after the guess one can", () => {
  const walk = new Walk(story(), 4);
  assert.equal(walk.quiz, true, "where there are questions they are asked");
  walk.go(9);
  assert.equal(walk.covered(10), true);
  walk.next();
  assert.deepEqual([walk.cursor, walk.pending], [9, 10]);
  walk.answers.set(10, 1);
  walk.go(10, { jump: true });
  assert.deepEqual([walk.cursor, walk.pending, walk.covered(10)], [10, -1, false]);
  const folded = new Walk(story(), 1);
  folded.go(7);
  assert.equal(folded.pending, 10, "also when it is folded into what one steps over");
});

test("predict: who jumps past a question is not asked, who lands on it is", () => {
  const walk = new Walk(story(), 4);
  walk.go(11, { jump: true });
  assert.deepEqual([walk.cursor, walk.pending], [11, -1]);
  walk.go(10, { jump: true });
  assert.deepEqual([walk.cursor, walk.pending], [9, 10]);
});
