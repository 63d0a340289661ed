import assert from "node:assert/strict";
import test from "node:test";
import { begun, bounds, busiest, counted, moment, moments, nearest, nextAt, scale, stands, stepAt, ticks } from "../../mailedu/views/player/lanes.js";

const HOUR = 3600, DAY = 86400;
// One is taken at the third attempt, one is refused (and reported), one waits for ever.
const lanes = () => [
  { n: 10, at: 0, to: "bob", tries: [{ n: 12, at: 0, told: 20, mood: "later" }, { n: 30, at: 900, told: 38, mood: "later" }, { n: 50, at: 2700, told: 60, mood: "good" }], end: "delivered", ended: 2700, last: 60 },
  { n: 11, at: 0, to: "nobody", tries: [{ n: 21, at: 0, told: 28, mood: "bad" }], end: "bounced", ended: 0, last: 28 },
  { n: 29, at: 0, to: "alice", tries: [], end: "waits", due: 5 * DAY },
];

test("a scale begins at 0, ends at 1 and never goes back; an even one is even", () => {
  const area = { start: 100, length: 5 * DAY };
  for (const even of [true, false]) {
    const place = scale(area, even);
    assert.equal(place(100), 0);
    assert.ok(Math.abs(place(100 + 5 * DAY) - 1) < 1e-9);
    assert.equal(place(0), 0, "what is before it stands at its beginning");
    assert.ok(Math.abs(place(100 + 9 * DAY) - 1) < 1e-9);
    let last = -1;
    for (let at = 100; at < 100 + 5 * DAY; at += HOUR) { assert.ok(place(at) > last); last = place(at); }
    for (const where of [0, .1, .5, .99]) assert.ok(Math.abs(place(moment(area, place, where)) - where) < 1e-6);
  }
  assert.equal(scale(area, true)(100 + DAY), .2);
  assert.ok(scale(area, false)(100 + HOUR) > .05, "the first hour can be seen");
});

test("its bounds hold every moment, and are never nothing", () => {
  assert.deepEqual(bounds(lanes()), { start: 0, length: 5 * DAY });
  assert.deepEqual(bounds([{ at: 7, tries: [] }]), { start: 7, length: 60 });
  assert.deepEqual(moments(lanes()), [0, 900, 2700]);
  assert.deepEqual(ticks({ length: 2 * HOUR }), [0, 900, 3600]);
});

test("a moment leads to the last step that had happened", () => {
  const steps = [[0, 0], [5, 0], [9, 900], [12, 2700]];
  assert.deepEqual([-5, 0, 899, 900, 5000].map(at => stepAt(steps, at)), [0, 5, 5, 9, 12]);
});

test("how a lane stands is what had happened by then", () => {
  const [bob, nobody, alice] = lanes();
  assert.deepEqual([9, 10, 59, 60].map(n => stands(bob, n)), ["future", "waits", "waits", "delivered"]);
  assert.equal(stands(nobody, 28), "bounced");
  assert.equal(stands(alice, 1000), "waits");
  assert.deepEqual(begun(bob, 37).map(one => one.known), [true, false]);
  assert.deepEqual([25, 45, 99].map(n => nextAt(bob, n)), [900, 2700, undefined]);
  assert.equal(nextAt(alice, 40), 5 * DAY);
  assert.deepEqual(counted(lanes(), 28), { waits: 1, bounced: 1 });
  assert.deepEqual(counted(lanes(), 60), { delivered: 1, bounced: 1, waits: 1 });
});

test("one looks at the lane in which something happened last", () => {
  assert.deepEqual([5, 12, 22, 29, 31].map(n => busiest(lanes(), n)), [0, 0, 1, 2, 0]);
});

test("a hand that is near a moment has meant it", () => {
  const place = scale({ start: 0, length: 1000 }, true);
  assert.equal(nearest([0, 500, 1000], place, .52, .03), 500);
  assert.equal(nearest([0, 500, 1000], place, .56, .03), undefined);
  assert.equal(nearest([0, 500, 1000], place, .999, .03), 1000);
});
