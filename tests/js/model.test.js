import assert from "node:assert/strict";
import test from "node:test";
import { gzipSync } from "node:zlib";
import { laneBit, under, unpack } from "../../mailedu/views/player/model.js";
import { budgets } from "../../mailedu/views/player/world.js";
import { score, story } from "./stories.js";

test("a row knows what stands under it, and its place among its siblings", () => {
  const it = story();
  assert.deepEqual([...it.end], [11, 6, 2, 3, 6, 5, 6, 10, 8, 9, 10, 11]);
  assert.deepEqual([...it.depth], [0, 1, 2, 2, 2, 3, 3, 1, 2, 2, 2, 1]);
  assert.deepEqual([it.pos[7], it.sibs[7]], [2, 3]);
  assert.deepEqual(it.above(6), [0, 1, 4]);
});

test("lanes: a host shares its company's, and a group has a bit for each lane that is met in it", () => {
  const it = story();
  assert.deepEqual([it.from[9], it.to[9]], [2, 1]);
  assert.equal(it.mask[1], laneBit(0) | laneBit(1));
  assert.equal(it.mask[0], 7);
  assert.equal(it.name("pop.beta.example"), "beta");
});

test("TLS begins at the handshake, for the rows of that conversation only", () => {
  assert.deepEqual([...story().secure], [0, 0, 0, 2, 1, 1, 1, 0, 0, 0, 0, 0]);
});

test("a step finds its row, also one that another row speaks for", () => {
  const it = story();
  assert.equal(it.rowOf(10), 6);
  assert.equal(it.rowOf(6), 2);
  assert.equal(it.rowOf(15), 6, "a step without a row: the one before it");
  assert.equal(it.rowOf(999), 11);
  assert.equal(it.rowOf(0), 0);
});

test("meters and states are those after a row", () => {
  const it = story();
  assert.equal(it.meter("octets", 1), 0);
  assert.equal(it.meter("octets", 5), 21);
  assert.equal(it.meter("nobody", 5), 0);
  assert.equal(it.state(0, 5), undefined);
  assert.deepEqual(it.state(0, 11), ["AUTHORIZATION", "USER", "PASSWORD", 6]);
});

test("the time line's pieces are the groups below the journeys", () => assert.deepEqual([...story().pieces()], [1, 7, 11]));

test("a packed score comes out again, from bytes and from base64", async () => {
  const packed = gzipSync(JSON.stringify(score()));
  for (const form of [packed, packed.toString("base64")]) assert.equal((await unpack(form)).size, 12);
});

test("under: the last place that is not after", () => assert.deepEqual([0, 1, 4, 9].map(i => under([1, 4, 4, 7], i)), [-1, 0, 2, 3]));

test("inside a check its budgets are counted, outside nothing is", () => {
  const it = story();
  it.rows[10].because = { "look-ups": "2 of 10", name: "3 of kind" };
  assert.deepEqual(budgets(it, 10, 10), [{ name: "look-ups", spent: 2, of: 10, by: 10, fresh: true }]);
  assert.deepEqual(budgets(it, 9, 9), []);
  assert.deepEqual(budgets(it, 7, 10).length, 1, "standing on the folded check is after all of it");
  assert.deepEqual(budgets(it, 5, 5), []);
});
