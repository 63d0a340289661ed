// The score: rows of 26 px, lanes left, words right; only those in the window are in the page.

import { h, icon, iconPath, s, tag } from "./dom.js";
import { HIGH, laneDrawing, laneWidth } from "./glyphs.js";
import { laneBit } from "./model.js";
import { glossLines } from "./spans.js";
import { brief, decoded, seen, spoken } from "./words.js";
import { matches } from "./walk.js";

const AROUND = 6; // rows drawn above and below the window
const MOST_HIGH = 12_000_000; // pixels: browsers lose count beyond about 30 million

/** The kind of mark of octets with this name; a code that says no is marked as one. */
function markOf(story, i, name) {
  const kind = story.kind(name);
  return kind === "code" && story.rows[i].mood === "bad" ? "no" : kind;
}

/** Make these the children of `pad`, touching only what differs: what stays in the page is not laid out again. */
function putRows(pad, rows) {
  const wanted = new Set(rows);
  for (const old of [...pad.children]) if (!wanted.has(old)) old.remove();
  let next = pad.firstElementChild;
  for (const row of rows) {
    if (row === next) next = next.nextElementSibling;
    else pad.insertBefore(row, next);
  }
}

export function scoreView(app) {
  const pad = h("div", { class: "pad", role: "none" });
  const tree = h("div", { class: "mp-score", role: "tree", tabindex: 0, "aria-label": "Steps" }, pad);
  const heads = h("div", { class: "mp-lanes" });
  let drawn = new Map(), top = 0, high = 0, printing = false;

  /** A row's place in pixels, and the row at one: the same thing scaled, where the score is higher than a page may be. */
  const scale = () => Math.min(1, MOST_HIGH / (app.walk.shown.length * HIGH || 1));

  function draw(scroll) {
    const { walk } = app, count = walk.shown.length, now = walk.placeOf(walk.cursor);
    const whole = `${count * HIGH * scale()}px`;
    if (pad.style.height !== whole) pad.style.height = whole;
    high ||= tree.clientHeight;
    const from = scroll ? keepInSight(now) : tree.scrollTop, shift = from / scale() - from; // 0 unless scaled
    const first = printing ? 0 : Math.max(0, Math.floor((from + shift) / HIGH) - AROUND);
    const last = printing ? count : Math.min(count, Math.ceil((from + shift + (high || 400)) / HIGH) + AROUND);
    const kept = new Map(), rows = [];
    for (let at = first; at < last; at++) {
      const i = walk.shown[at], is = {
        now: at === now, future: i > walk.after(), open: walk.open.has(i), covered: walk.covered(i), at, line: walk.line[at],
        moved: at === now && app.moved,
      };
      const key = `${i}.${is.line}|${is.now}|${is.moved}|${is.future}|${is.open}|${is.covered}|${at}`;
      const element = drawn.get(key) ?? row(i, is);
      const y = `${at * HIGH - shift}px`;
      if (element.style.top !== y) element.style.top = y;
      kept.set(key, element); rows.push(element);
    }
    drawn = kept;
    putRows(pad, rows);
    tree.setAttribute("aria-activedescendant", `${app.uid}-${walk.cursor}`);
  }

  /** Two rows of margin; the picture does not move as long as the row is in the window.  Returns where the window begins. */
  function keepInSight(now) {
    const y = now * HIGH * scale(), margin = Math.min(2 * HIGH, high / 3), from = tree.scrollTop;
    let to = from;
    if (y < from + margin) to = y - margin;
    else if (y > from + high - margin - HIGH) to = y - high + margin + HIGH;
    to = Math.max(0, Math.min(to, app.walk.shown.length * HIGH * scale() - high));
    if (to !== from) tree.scrollTop = to;
    return to;
  }

  function row(i, is) {
    if (is.line >= 0) return octetLine(i, is);
    const { story, walk } = app, data = story.rows[i], group = story.kids[i], folded = group && !is.open;
    return h("div", {
      class: "mp-row", id: `${app.uid}-${i}`, role: "treeitem", "aria-level": story.depth[i] + 1, "aria-posinset": story.pos[i],
      "aria-setsize": story.sibs[i], "aria-expanded": group ? String(is.open) : undefined, "aria-selected": String(is.now),
      "data-now": is.now, "data-moved": is.moved, "data-future": is.future, "data-level": data.level, "data-open": group && is.open,
      "data-hit": app.letters !== "" && !is.covered && matches(data, app.letters), "data-kind": data.kind,
      onclick: event => event.target.closest(".tw") && group ? app.toggle(i) : app.go(i, { jump: true }),
      ondblclick: () => group && app.toggle(i),
    },
    h("span", { class: "vh" }, is.covered ? `Step ${data.n}. Covered: predict first` : spoken(story, i)),
    h("span", { class: "n", "aria-hidden": "true" }, data.n),
    laneDrawing(story, i, app.grid, { folded, bare: is.covered && data.kind !== "open" }),
    h("span", { class: "tw", style: { "margin-left": `${indent(i)}px` } }, group ? icon("unfold") : null),
    is.covered && !is.open ? cover(data) : label(data, group),
    is.covered || walk.pending === i ? null : outcome(data, folded));
  }

  const indent = i => Math.min(6, Math.max(0, app.story.depth[i] - 1)) * 10;

  const cover = data => h("span", { class: "lb", "aria-hidden": "true" }, data.kind === "open" ? seen(data.label, 200) + "  " : "",
    h("span", { class: "cover" }, h("span", {}, "your guess first")));

  function label(data, group) {
    const said = data.kind === "say" || data.kind === "ask" || data.kind === "answer" || (group && data.level === "exchange");
    const code = data.reply ? /^(?:\d{3}|\+OK|-ERR|\S+ (?:OK|NO|BAD))(?=[ -]|$)/.exec(data.label)?.[0] : undefined;
    return h("span", { class: said ? "lb mono" : "lb", "aria-hidden": "true" },
      code ? [h("span", { class: "c" }, code), seen(data.label.slice(code.length), 200)] : seen(data.label, 200));
  }

  function outcome(data, folded) {
    if (!data.outcome || (data.kind === "open" && !folded)) return null;
    return tag(data.mood, brief(data.outcome));
  }

  /** One line of a message's octets, below its row, at the level of bytes. */
  function octetLine(i, is) {
    const pieces = glossLines(app.story.rows[i], is.line + 1)[is.line] ?? [];
    return h("div", { class: "mp-row", role: "none", "data-future": is.future, "data-level": "bytes", onclick: () => app.go(i, { jump: true }) },
      h("span", { class: "n" }), laneDrawing(app.story, i, app.grid, { bare: true }), h("span", { class: "tw" }),
      h("span", { class: "lb", "aria-hidden": "true", style: { "padding-left": `${indent(i) + 8}px` } },
        is.covered ? "" : pieces.slice(0, 60).map(piece =>
          h("span", { class: "g", "data-k": markOf(app.story, i, piece.name), title: piece.name }, h("b", {}, seen(decoded(piece.text), 120))))));
  }

  /** The lanes' heads: who they are; pressed, only what they took part in is shown. */
  function drawHeads() {
    const { story, grid, walk } = app, chosen = walk.lanes;
    const names = story.lanes.map((lane, at) => {
      const bit = laneBit(at), on = !chosen || (chosen & bit) !== 0;
      return h("button", {
        type: "button", class: "mp-lane", "aria-pressed": String(chosen !== 0 && on), "data-off": !on, style: { width: `${grid.gap}px` },
        title: `${lane.of.map(actor => seen(actor, 80)).slice(0, 6).join(", ")}: show only this lane (again: all)`,
        onclick: () => app.filter(chosen === bit ? 0 : bit, lane.name),
      }, s("svg", { class: "i", viewBox: "0 0 14 14", "aria-hidden": "true" }, s("path", { d: iconPath(lane.role) })),
      h("span", { class: grid.names ? (grid.gap > 60 ? "wide" : "") : "vh" }, seen(lane.name, 24)));
    });
    heads.replaceChildren(
      h("div", { class: "who", role: "group", "aria-label": "Lanes", style: { "padding-left": `${grid.number + grid.pad - grid.gap / 2}px`, width: `${grid.number + laneWidth(story, grid)}px` } }, names),
      h("div", { class: "crumb" }));
  }

  function drawCrumb() {
    const { story, walk } = app;
    const above = story.above(walk.cursor).filter(up => story.rows[up].level !== "journey");
    heads.querySelector(".crumb")?.replaceChildren(above.map(up => seen(story.rows[up].label, 60)).join(" › "));
  }

  new ResizeObserver(() => { high = tree.clientHeight; }).observe(tree);
  tree.addEventListener("scroll", () => { if (tree.clientHeight && tree.scrollTop !== top) { top = tree.scrollTop; draw(); } });
  return {
    tree, heads, draw, drawHeads, drawCrumb,
    forget() { drawn = new Map(); high = 0; },
    comeBack() { tree.scrollTop = top; draw(); }, // Lab took the cell out of sight, and scrolling with it
    print(on) { printing = on; drawn = new Map(); draw(); },
  };
}
