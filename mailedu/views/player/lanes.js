// Lanes: what a queue's messages did by a moment; and where a moment stands on a line.  Pure, no DOM.

const QUARTER = 900; // seconds: the first pause of a queue
const TICKS = [0, QUARTER, 3600, 4 * 3600, 12 * 3600, ...Array.from({ length: 30 }, (_, day) => (day + 1) * 86400)];

/** When it begins and how long it takes, for all lanes. */
export function bounds(lanes) {
  const start = Math.min(...lanes.map(lane => lane.at));
  const end = Math.max(...lanes.map(lane => Math.max(lane.ended ?? lane.due ?? lane.at, ...lane.tries.map(one => one.at))));
  return { start, length: Math.max(end - start, 60) };
}

/** A moment -> 0 to 1: evenly; or half of it by the logarithm, so that the pauses of the first hours can be told apart. */
export function scale({ start, length }, even) {
  const whole = Math.log1p(length / QUARTER);
  return at => {
    const age = Math.min(Math.max(at - start, 0), length);
    return even ? age / length : (age / length + Math.log1p(age / QUARTER) / whole) / 2;
  };
}

/** The other way round. */
export function moment(area, place, where) {
  let low = area.start, high = area.start + area.length;
  for (let i = 0; i < 48; i++) { const middle = (low + high) / 2; if (place(middle) < where) low = middle; else high = middle; }
  return high;
}

export const ticks = ({ length }) => TICKS.filter(at => at <= length);

/** All moments at which something happened in a lane, in their order, each once. */
export function moments(lanes) {
  const all = lanes.flatMap(lane => [lane.at, ...lane.tries.map(one => one.at), ...(lane.ended === undefined ? [] : [lane.ended])]);
  return [...new Set(all)].sort((a, b) => a - b);
}

/** The moment of these that stands nearest to a place; undefined when none is `near`. */
export function nearest(all, place, where, near) {
  const far = at => Math.abs(place(at) - where), best = all.reduce((one, other) => far(other) < far(one) ? other : one);
  return far(best) <= near ? best : undefined;
}

/** The last step that is not later than a moment; `steps` are [number, moment], in their order. */
export function stepAt(steps, at) {
  let low = 0, high = steps.length;
  while (low < high) { const middle = (low + high) >> 1; if (steps[middle][1] <= at + 1e-6) low = middle + 1; else high = middle; }
  return steps[Math.max(0, low - 1)][0];
}

/** How a lane stands when step n has happened: "future", "waits" or how it ended. */
export const stands = (lane, n) => lane.n > n ? "future" : lane.last !== undefined && lane.last <= n ? lane.end : "waits";

/** Its attempts that have begun by then; `told` of one that has an answer by then. */
export const begun = (lane, n) => lane.tries.filter(one => one.n <= n).map(one => ({ ...one, known: one.told !== null && one.told <= n }));

/** When it is tried next, as it looked then; undefined where nobody knows. */
export function nextAt(lane, n) {
  const next = lane.tries.find(one => one.n > n);
  return next?.at ?? (lane.last !== undefined ? undefined : lane.due);
}

/** The lane in which something happened last. */
export function busiest(lanes, n) {
  let found = 0, most = -1;
  lanes.forEach((lane, at) => {
    for (const step of [lane.n, lane.last, ...lane.tries.flatMap(one => [one.n, one.told])]) if (step <= n && step > most) { most = step; found = at; }
  });
  return found;
}

/** How many of each: { waits: 2, delivered: 1 }. */
export function counted(lanes, n) {
  const counts = {};
  for (const lane of lanes) { const is = stands(lane, n); if (is !== "future") counts[is] = (counts[is] ?? 0) + 1; }
  return counts;
}
