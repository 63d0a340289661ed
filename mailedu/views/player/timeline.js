// Time line: segments are conversations, ticks are rows by their kind, rails are branches hanging from their forks.

import { railLines } from "./align.js";
import { h, icon, put, s } from "./dom.js";
import { seen, sentence } from "./words.js";

const TOP = 18, BASE = 40, RAIL = 24; // pixels
const LETTER = 6.3, WIDE = 7.4; // a letter's width, about; a capital's
const ROUND = 36; // a rail's name: its icon and edges
const MOST_RAILS = 4; // lines of them; the rest is in the pane of branches
const MOST_LETTERS = 28;

const cut = title => title.length > MOST_LETTERS ? `${seen(title.slice(0, MOST_LETTERS - 1))}…` : seen(title);

export function timeLine(app) {
  const track = h("div", { class: "mp-time", role: "slider", tabindex: 0, "aria-label": "Time line", "aria-valuemin": 0 });
  const rails = h("div", { class: "mp-rails" });
  const box = h("div", { class: "mp-timebox" }, track, rails);
  let key = "", wide = 280;

  const X = i => (i + .5) / app.story.size * wide;

  function draw() {
    const { story, walk } = app;
    wide = Math.max(240, app.sizes.player - 26);
    const now = [wide, app.shown, walk.quiz, app.branches.length, walk.answers.size, walk.lanes].join();
    if (now !== key) { key = now; track.replaceChildren(picture()); }
    const after = walk.after(), x = X(after);
    track.querySelector(".ph").setAttribute("transform", `translate(${x} 0)`);
    track.querySelector(".done").setAttribute("x2", x);
    markPiece();
    put(track, {
      "aria-valuemin": story.rows[0].n, "aria-valuemax": story.last, "aria-valuenow": story.rows[walk.cursor].n,
      "aria-valuetext": `Step ${story.rows[walk.cursor].n} of ${story.last}. ${sentence(story, walk.cursor)}`,
    });
  }

  function picture() {
    const { story } = app, placed = placeRails(), lines = placed.reduce((most, rail) => Math.max(most, rail.line + 1), 0);
    const high = BASE + 8 + lines * RAIL;
    const svg = s("svg", { height: high, viewBox: `0 0 ${wide} ${high}`, "aria-hidden": "true" });
    svg.append(...segments(), ...(story.size > wide / 2 ? columns() : ticks()));
    svg.append(s("line", { class: "base", x1: 0, x2: wide, y1: BASE, y2: BASE }), s("line", { class: "done", x1: 0, y1: BASE, y2: BASE }));
    for (const { x, left, line } of placed) {
      const y = BASE + 10 + line * RAIL + RAIL / 2, bend = left > x ? 8 : -8;
      svg.append(s("path", { class: "rail", d: left > x ? `M${x} ${BASE}V${y - 8}q0 8 ${bend} 8H${left + 4}` : `M${x} ${BASE}V${y}` }), s("circle", { class: "rk", cx: x, cy: BASE, r: 3.5 }));
    }
    svg.append(s("g", { class: "ph" }, s("line", { y1: TOP - 1, y2: BASE }), s("path", { d: `M-5 ${BASE + 7}h10v-3l-5 -5l-5 5Z` })));
    rails.replaceChildren(...placed.map(({ branch, left, line, width }) => h("button", {
      type: "button", class: "mp-rail", title: seen(branch.title, 300), style: { left: `${left}px`, top: `${BASE + 10 + line * RAIL}px`, "max-width": `${width}px` },
      onclick: () => app.compare(branch.id),
    }, icon("fork"), h("span", {}, cut(branch.title)))));
    return svg;
  }

  /** Each branch of this story as a rail with its name; lines are chosen so that none lies over another. */
  function placeRails() {
    const { story } = app;
    const found = app.branches.map(branch => {
      const x = X(story.rowOf(branch.at)), width = Math.min(wide - 20, ROUND + Math.min(MOST_LETTERS, branch.title.length) * WIDE);
      const left = x + 14 + width > wide ? Math.max(0, Math.min(x - width / 2, wide - width)) : x + 14;
      return { branch, x, left, width, from: Math.min(x - 4, left), to: Math.max(x + 4, left + width) };
    });
    found.sort((a, b) => b.x - a.x); // a later fork's rail is higher, so that no line has to pass behind a name
    const lines = railLines(found);
    return found.map((rail, at) => ({ ...rail, line: lines[at] })).filter(rail => rail.line < MOST_RAILS);
  }

  function segments() {
    const { story } = app, found = [];
    for (const i of story.pieces()) {
      const a = i / story.size * wide, b = (story.end[i] + 1) / story.size * wide;
      if (b - a < 4) continue;
      found.push(s("rect", { class: "seg", "data-n": i, x: a + 1, y: TOP - 1, width: b - a - 2, height: BASE - TOP + 1, rx: 2 }));
      const label = seen(story.rows[i].label, 60), most = Math.floor((b - a - 4) / LETTER);
      if (most > 3) found.push(s("text", { "data-n": i, x: a + 3, y: 13 }, label.length > most ? label.slice(0, most - 1) + "…" : label));
    }
    return found;
  }

  const ticks = () => app.story.rows.map((row, i) => app.story.kids[i] ? null : tick(row, i)).filter(Boolean);

  function tick(row, i) {
    const x = X(i), y = BASE - 4, { walk } = app;
    if (walk.quiz && row.predict && !walk.answers.has(i)) return s("rect", { class: "rk", x: x - 3, y: y - 10, width: 6, height: 12, rx: 1 });
    if (row.kind === "say" && row.mood === "bad") return s("path", { class: "tb", d: `M${x - 3} ${TOP + 3}l6 6m0 -6l-6 6M${x} ${TOP + 12}V${y + 3}` });
    switch (row.kind) {
      case "ask": return s("circle", { class: "td", cx: x, cy: y - 5, r: 2 });
      case "answer": return s("circle", { class: "td", cx: x, cy: y - 1, r: 1 });
      case "rule": return s("path", { class: row.mood === "bad" ? "tf bad" : "tf", d: `M${x} ${y - 12}l3 4l-3 4l-3 -4Z` });
      case "store": return s("path", { class: "tf", d: `M${x - 3} ${y - 13}h6v14h-6Z` });
      case "tls": return s("path", { class: "t", d: `M${x - 2.5} ${y - 7}v-3a2.5 2.5 0 0 1 5 0v3m-6.5 0h8v7h-8Z` });
    }
    return s("path", { class: "t", d: `M${x} ${row.reply ? y - 4 : y - 10}V${y + 3}` });
  }

  /** More rows than pixels: one column for two pixels; refusals are never averaged away. */
  function columns() {
    const { story } = app, count = Math.floor(wide / 2);
    const said = new Uint32Array(count), asked = new Uint32Array(count), bad = new Uint8Array(count);
    let most = 1;
    for (let i = 0; i < story.size; i++) {
      if (story.kids[i]) continue;
      const at = Math.floor(i / story.size * count), row = story.rows[i];
      if (row.kind === "ask" || row.kind === "answer") asked[at]++; else said[at]++;
      if (row.kind === "say" && row.mood === "bad") bad[at] = 1;
      most = Math.max(most, said[at] + asked[at]);
    }
    let plain = "", dotted = "", red = "";
    for (let at = 0; at < count; at++) {
      const x = at * 2 + 1, y = BASE - said[at] / most * 14;
      if (said[at]) plain += `M${x} ${BASE}V${y}`;
      if (asked[at]) dotted += `M${x} ${y}V${y - asked[at] / most * 14}`;
      if (bad[at]) red += `M${x} ${TOP}v4`;
    }
    return [s("path", { class: "t", d: plain }), s("path", { class: "t dns", d: dotted }), s("path", { class: "tb", d: red })];
  }

  function markPiece() {
    const { story, walk } = app;
    let i = walk.cursor;
    while (story.up[i] >= 0 && story.rows[story.up[i]].level !== "journey") i = story.up[i];
    for (const part of track.querySelectorAll(".is")) part.classList.remove("is");
    for (const part of track.querySelectorAll(`[data-n="${i}"]`)) part.classList.add("is");
  }

  /** Scrubbing lands on rows that are on the screen. */
  function scrub(event) {
    const area = track.getBoundingClientRect(), { story, walk } = app;
    const i = Math.max(0, Math.min(story.size - 1, Math.floor((event.clientX - area.left) / area.width * story.size)));
    const to = walk.shown[walk.placeOf(i)];
    if (to !== walk.cursor) app.go(to, { jump: true });
  }
  track.addEventListener("pointerdown", event => { track.setPointerCapture(event.pointerId); app.stop(); scrub(event); });
  track.addEventListener("pointermove", event => { if (event.buttons) scrub(event); });

  return { box, draw, forget() { key = ""; } };
}
