// Glyphs: what is drawn on the lanes of one row.  Shape carries the meaning, colour repeats it.

import { s } from "./dom.js";

export const HIGH = 26; // a row
const MIDDLE = HIGH / 2;
const SEAM = .5; // so much beyond the row, so that no seam shows where pixels are not whole
const LOCK = "v-1.5a2 2 0 0 1 4 0v1.5m-5 0h6v4h-6Z";

/** The lanes of row i; `bare` draws only what passes through. */
export function laneDrawing(story, i, grid, { folded = false, bare = false } = {}) {
  const row = story.rows[i];
  const x = lane => grid.pad + grid.gap * lane;
  const svg = s("svg", { class: "lanes", width: laneWidth(story, grid), height: HIGH, "aria-hidden": "true" });
  if (story.secure[i]) svg.append(...tube(story, i, x));
  const busy = actors(story, i);
  svg.append(...story.lanes.map((_, lane) =>
    s("line", { class: busy.has(lane) ? "life on" : "life", x1: x(lane), x2: x(lane), y1: -SEAM, y2: HIGH + SEAM })));
  if (!bare) {
    const a = x(story.from[i]), b = x(story.to[i]);
    const mark = { row, a, b, d: Math.sign(b - a), secure: story.secure[i] > 0 };
    svg.append(...(row.kind === "open" ? group(story, i, mark, folded) : (MARKS[row.kind] ?? spot)(mark)));
  }
  return svg;
}

export const laneWidth = (story, grid) => grid.pad * 2 + grid.gap * (story.lanes.length - 1);

/** Who is at work in this row: the lanes of all it stands under, journeys apart. */
function actors(story, i) {
  const busy = new Set();
  if (story.rows[i].level === "journey") return busy;
  for (let at = i; at >= 0; at = story.up[at]) if (story.rows[at].level !== "journey") busy.add(story.from[at]).add(story.to[at]);
  return busy;
}

/** TLS: a tube with walls, from the handshake's middle on. */
function tube(story, i, x) {
  const [from, to] = story.ends[story.talk[i]], left = Math.min(x(from), x(to)), right = Math.max(x(from), x(to));
  const top = story.secure[i] === 2 ? MIDDLE : -SEAM;
  if (left === right) return [];
  return [s("rect", { class: "tube", x: left, y: top, width: right - left, height: HIGH + SEAM - top }),
    ...[left + 4, right - 4].map(at => s("line", { class: "wall", x1: at, x2: at, y1: top, y2: HIGH + SEAM }))];
}

// -- marks; a and b are where it begins and ends, d the direction

const path = (name, d) => s("path", { class: name, d });
const wire = (name, a, b, y = MIDDLE) => s("path", { class: "wire draw " + name, pathLength: name ? undefined : 1, d: `M${a} ${y}H${b}` });
const full = (at, d) => path("head", `M${at} ${MIDDLE}l${-7 * d} -4v8Z`);
const open = (at, d) => path("open", `M${at - 6 * d} ${MIDDLE - 4}l${6 * d} 4l${-6 * d} 4`);
const octagon = at => [path("badfill", `M${at - 2.5} ${MIDDLE - 6}h5l3.5 3.5v5l-3.5 3.5h-5l-3.5 -3.5v-5Z`),
  path("cross", `M${at - 2.3} ${MIDDLE - 2.3}l4.6 4.6m0 -4.6l-4.6 4.6`)];
const dot = ({ row, a }) => s("circle", { class: row.reply ? "dia" : "head", cx: a, cy: MIDDLE, r: 2.8 });
const badge = at => [s("circle", { class: "badge", cx: at, cy: MIDDLE, r: 7 }), s("text", { class: "q", x: at, y: MIDDLE + 3.5 }, "?")];

const TICKS = { good: "M-3.2 0l2.3 2.5l4 -4.8", bad: "M-2.5 -2.5l5 5m0 -5l-5 5", later: "M-3 3l6 -6" };

/** A decision: check, cross, stroke for what may come later, dash for all else that was decided. */
function diamond(at, mood, outcome, size = 5) {
  return s("g", { transform: `translate(${at} ${MIDDLE})` },
    path("dia " + (mood ?? ""), `M0 ${-size - 2}L${size + 2} 0L0 ${size + 2}L${-size - 2} 0Z`),
    path("tick " + (mood ?? ""), TICKS[mood] ?? (outcome ? "M-3 0h6" : "M0 0h.1")));
}

const MARKS = {
  say(mark) {
    const { row, a, b, d, secure } = mark;
    if (!d) return spot(mark);
    const sheath = secure ? [s("rect", { class: "sheath", x: Math.min(a, b) + 4, y: MIDDLE - 6, width: Math.abs(b - a) - 8, height: 12, rx: 6 })] : [];
    if (row.mood === "bad") return [...sheath, wire("bad", a, b - 14 * d), ...octagon(b - 10 * d), dot(mark)];
    if (row.reply) return [...sheath, wire(row.mood ?? "", a, b - 3 * d), open(b - 3 * d, d), dot(mark)];
    return [...sheath, wire("", a, b - 7 * d), full(b - 2 * d, d), dot(mark)];
  },
  ask: ({ a, b, d }) => [wire("dns", a + 3 * d, b - 8 * d), ...badge(b)],
  answer: ({ row, a, b, d }) => [wire("dns", a + 8 * d, b - 5 * d),
    s("rect", { class: "badge", x: a - 6, y: MIDDLE - 6, width: 12, height: 12, rx: 1.5 }),
    path("tick", row.mood ? `M${a - 3} ${MIDDLE + 3}l6 -6` : `M${a - 3} ${MIDDLE - 1.5}h6m-6 3h6`), open(b - 2 * d, d)],
  connect: ({ a, b }) => [s("path", { class: "wire", "stroke-dasharray": "6 3", d: `M${a} ${MIDDLE}H${b}` }),
    s("circle", { class: "dia", cx: a, cy: MIDDLE, r: 4 }), s("circle", { class: "dia", cx: b, cy: MIDDLE, r: 4 })],
  tls({ row, a, b }) {
    const middle = (a + b) / 2, round = s("rect", { class: "sheath", x: middle - 9, y: MIDDLE - 9, width: 18, height: 18, rx: 9 });
    const lines = path("wall", `M${a} ${MIDDLE - 2.5}H${b}M${a} ${MIDDLE + 2.5}H${b}`);
    if (row.mood === "bad") return [lines, ...octagon(middle)];
    return [lines, round, s("path", { class: "wall", fill: "none", d: `M${middle - 2.5} ${MIDDLE - .5}v-2a2.5 2.5 0 0 1 5 0v2m-6.5 0h8v5h-8Z` })];
  },
  store: ({ a }) => [path("dia", `M${a - 7} ${MIDDLE - 5}v10c0 3.5 14 3.5 14 0v-10c0 -3.5 -14 -3.5 -14 0c0 3.5 14 3.5 14 0`)],
  rule: ({ row, a }) => [diamond(a, row.mood, row.outcome)],
  hangup: ({ a }) => [path("tick", `M${a - 4} ${MIDDLE - 4}l8 8m0 -8l-8 8`)],
  wait: ({ a }) => [s("circle", { class: "dia", cx: a, cy: MIDDLE, r: 6 }), path("tick", `M${a} ${MIDDLE - 3.5}v3.5l2.5 1.5`)],
};

const spot = ({ a }) => [s("circle", { class: "dia", cx: a, cy: MIDDLE, r: 3.5 })];

/** A group: an unfolded one is drawn by what it holds. */
function group(story, i, mark, folded) {
  const { row, a, b, d } = mark;
  if (!folded) return story.kids[i] ? [] : spot(mark);
  if (row.level === "journey") return d ? [path("wire", `M${a} ${MIDDLE - 2}H${b - 6 * d}M${a} ${MIDDLE + 2}H${b - 6 * d}`), open(b, d)] : [diamond(a, row.mood, row.outcome)];
  if (row.level === "conversation" && d) return capsule(story, i, mark);
  if (row.level === "exchange" && d) return hairpin(mark);
  return [s("g", { transform: "translate(3 -2)" }, diamond(a)), diamond(a, row.mood, row.outcome)];
}

/** A whole conversation, with the number of steps in it, and a lock if any of it was under TLS. */
function capsule(story, i, { a, b }) {
  const left = Math.min(a, b), right = Math.max(a, b), tls = story.anyTls[story.talk[i]], roomy = right - left > 36;
  return [s("rect", { class: tls ? "sheath" : "dia", x: left, y: MIDDLE - 6.5, width: right - left, height: 13, rx: 6.5 }),
    s("text", { x: (left + right) / 2 + (tls && roomy && right - left < 46 ? 4 : 0), y: MIDDLE + 3.5 }, String(story.end[i] - i)),
    ...(tls && roomy ? [s("path", { class: "wall", fill: "none", d: `M${left + 7} ${MIDDLE}${LOCK}` })] : [])];
}

/** A command and its reply: out and back. */
function hairpin({ row, a, b, d }) {
  const bad = row.mood === "bad";
  const line = path("wire" + (row.mood === "later" ? " later" : ""),
    `M${a} ${MIDDLE - 3}H${b - 7 * d}a3 3 0 0 ${d > 0 ? 1 : 0} 0 6H${a + (bad ? 12 : 4) * d}`);
  return [line, ...(bad ? octagon(a + 11 * d) : [path("open", `M${a + 7 * d} ${MIDDLE}l${-4 * d} 3l${4 * d} 3`)])];
}
