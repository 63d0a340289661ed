// The queue: a lane for each recipient, over the lab's time, and a clock to drag.  To drag it is to go to a step.

import { h, icon, put, s, tag } from "./dom.js";
import { begun, bounds, busiest, counted, moment, moments, nearest, nextAt, scale, stands, stepAt, ticks } from "./lanes.js";
import { explain } from "./why.js";
import { decoded, duration, plural, seen } from "./words.js";

const PAD = 11, HIGH = 44, MIDDLE = 15; // of a lane's picture
const WHO = 176, END = 92; // the columns beside it
const RUN = 5000; // ms from the beginning to the end
const MOST_TRIES = 8, MOST_LETTERS = 6000, NEAR = 4; // pixels: so near a moment it is meant
const MOOD = { delivered: "good", bounced: "bad", expired: "bad", dropped: "bad", waits: "later" };
const MARKS = { // an attempt's answer as a shape
  good: "M-6 0a6 6 0 1 0 12 0a6 6 0 1 0 -12 0ZM-3 0l2 2.6l4 -5",
  later: "M-5.5 0a5.5 5.5 0 1 0 11 0a5.5 5.5 0 1 0 -11 0ZM0 -3V0H2.6",
  bad: "M-2.6 -6H2.6L6 -2.6V2.6L2.6 6H-2.6L-6 2.6V-2.6ZM-2.6 -2.6L2.6 2.6M2.6 -2.6L-2.6 2.6",
  "": "M-5.5 0a5.5 5.5 0 1 0 11 0a5.5 5.5 0 1 0 -11 0Z",
};

const since = seconds => seconds < 1 ? "0 min" : duration(seconds);
export const holdsQueue = story => Boolean(story.queue?.length);
export function queuePane(app) {
  const head = h("div", { class: "mp-queue-head" });
  const clock = h("div", { class: "mp-queue-clock", role: "slider", tabindex: 0, "aria-label": "The lab's clock", onkeydown: turn });
  const list = h("ol", { class: "mp-queue-lanes" }), hand = h("div", { class: "mp-queue-hand", "aria-hidden": "true" });
  const field = h("div", { class: "mp-queue-field" }, clock, list, hand);
  const detail = h("div", { class: "mp-queue-lane", tabindex: 0, role: "region", "aria-label": "The chosen recipient" });
  const element = h("div", { class: "mp-queue" }, head, h("div", { class: "mp-queue-body" }, field, detail));
  let drawn, lanes = [], steps = [], area, place = () => 0, wide = 300, even = false, picked = -1, set, running = 0;

  /** All of it, for a story and a width. */
  function draw() {
    const { story } = app, fresh = drawn !== story;
    if (fresh) { drawn = story; picked = -1; set = undefined; stop(); }
    if (element.hidden = !holdsQueue(story)) return;
    lanes = story.queue;
    steps = story.rows.map(row => [row.n, row.at]).sort((a, b) => a[0] - b[0]);
    area = bounds(lanes);
    place = scale(area, even);
    if (fresh && story.opens === "queue" && app.walk.cursor === 0) app.walk.go(story.rowOf(stepAt(steps, area.start)), { jump: true, reveal: true });
    const narrow = app.sizes.player < 640, room = narrow ? app.sizes.player : app.sizes.player * .64;
    wide = Math.max(180, room - 24 - (narrow ? 0 : WHO + END + 16));
    put(field, { style: { "--q-wide": `${wide}px`, "--q-who": `${WHO}px`, "--q-end": `${END}px` } });
    follow();
  }

  const X = at => PAD + place(at) * (wide - 2 * PAD);

  /** What a step changes. */
  function follow() {
    if (app.story !== drawn) return draw();
    if (element.hidden) return;
    if (app.walk.pending >= 0) { stop(); return app.turn("story"); } // there one is asked
    element.toggleAttribute("data-quiz", app.walk.quiz);
    const row = app.story.rows[app.walk.after()], n = row.n, at = set?.n === n ? set.at : row.at;
    const chosen = picked >= 0 ? picked : busiest(lanes, n);
    drawHead(n, at);
    drawClock(n, at);
    list.replaceChildren(...lanes.map((lane, i) => laneRow(lane, i, n, at, i === chosen)));
    drawDetail(lanes[chosen], n, at);
  }

  // -- moving

  const go = n => app.go(app.story.rowOf(n), { jump: true, reveal: true });

  /** The clock is put to a moment: to the last step that had happened by then. */
  function setTo(at) {
    const to = Math.min(Math.max(at, area.start), area.start + area.length), n = stepAt(steps, to);
    const i = app.story.rowOf(n);
    set = { n: app.story.rows[i].n, at: to };
    if (i === app.walk.cursor) follow(); else go(n);
  }

  const now = () => { const row = app.story.rows[app.walk.after()]; return set?.n === row.n ? set.at : row.at; };

  function turn(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const all = moments(lanes), at = now();
    const to = { ArrowRight: () => all.find(one => one > at + 1e-6), ArrowLeft: () => all.findLast(one => one < at - 1e-6),
      PageDown: () => at + 86400, PageUp: () => at - 86400, Home: () => area.start, End: () => area.start + area.length }[event.key];
    if (!to) return;
    event.preventDefault();
    event.stopPropagation();
    stop();
    setTo(to() ?? at);
  }

  function drag(event) {
    const room = wide - 2 * PAD, where = (event.clientX - clock.getBoundingClientRect().left - PAD) / room;
    setTo(nearest(moments(lanes), place, where, NEAR / room) ?? moment(area, place, where));
  }
  clock.addEventListener("pointerdown", event => { clock.setPointerCapture(event.pointerId); stop(); app.stop(); drag(event); });
  clock.addEventListener("pointermove", event => { if (event.buttons) drag(event); });

  /** Let the time run: all of it in a few seconds. */
  function run() {
    if (running) return stop(true);
    const from = place(now()) > .999 ? 0 : place(now()), began = performance.now();
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return setTo(area.start + area.length);
    const beat = time => {
      if (!element.isConnected || app.pane !== "queue" || app.story !== drawn) return stop();
      const where = Math.min(1, from + (time - began) / RUN);
      running = where < 1 ? requestAnimationFrame(beat) : 0;
      setTo(moment(area, place, where));
    };
    running = requestAnimationFrame(beat);
  }

  function stop(redraw) {
    running = cancelAnimationFrame(running) ?? 0;
    if (redraw) follow();
  }

  // -- the head: what time it is, and how many of each

  const play = h("button", { type: "button", class: "run", onclick: run }), read = h("b", { class: "time" }), tally = h("span", { class: "tally" });
  const scaled = h("button", { type: "button", onclick: () => { even = !even; place = scale(area, even); follow(); } }, "Even scale");
  head.append(play, read, tally, scaled);

  function drawHead(n, at) {
    const name = running ? "Stop the clock" : "Let the time run";
    play.replaceChildren(icon(running ? "pause" : "play"), name);
    read.textContent = since(at - area.start);
    tally.replaceChildren(...Object.entries(counted(lanes, n)).map(([is, count]) =>
      h("span", { class: "is" }, icon(MOOD[is] === "good" ? "check" : MOOD[is] === "bad" ? "cross" : "void"), `${count} ${is === "waits" && count > 1 ? "wait" : is}`)));
    scaled.setAttribute("aria-pressed", String(even));
  }

  function drawClock(n, at) {
    const x = X(at), counts = Object.entries(counted(lanes, n)).map(([is, count]) => `${count} ${is}`).join(", ");
    let last = -99;
    const marks = ticks(area).map(age => {
      const t = X(area.start + age), text = since(age), half = text.length * 3.2;
      if (t - half < last + 6 || t + half > wide + 4) return null;
      last = t + half;
      return [s("line", { x1: t, x2: t, y1: 18, y2: 24 }), s("text", { x: t, y: 13, "text-anchor": "middle" }, text)];
    });
    clock.replaceChildren(s("svg", { width: wide, height: 32, viewBox: `0 0 ${wide} 32`, "aria-hidden": "true" }, marks,
      s("line", { class: "base", x1: PAD, x2: wide - PAD, y1: 24, y2: 24 }), s("line", { class: "done", x1: PAD, x2: x, y1: 24, y2: 24 }),
      s("path", { class: "knob", d: `M${x - 6} 19h12v6l-6 6l-6 -6Z` })));
    put(clock, { "aria-valuemin": 0, "aria-valuemax": Math.round(area.length / 60), "aria-valuenow": Math.round(Math.max(0, at - area.start) / 60),
      "aria-valuetext": `${since(at - area.start)} after the first message; ${counts || "nothing yet"}` });
    hand.style.setProperty("--q-x", `${x}px`);
  }

  // -- the lanes

  function laneRow(lane, i, n, at, chosen) {
    const is = stands(lane, n);
    const who = h("button", { type: "button", class: "who", "aria-pressed": String(chosen), title: seen(lane.to, 300), "aria-label": spokenLane(lane, n),
      onclick: () => { picked = picked === i ? -1 : i; follow(); list.children[i].querySelector("button").focus({ preventScroll: true }); } },
    h("b", {}, seen(lane.to, 60)), h("span", { class: "quiet" }, lane.from ? seen(lane.subject || `from ${lane.from}`, 60) : "a report"));
    return h("li", { "data-is": is, "data-now": chosen }, who, bar(lane, n, at),
      h("span", { class: "end" }, is === "future" ? null : [tag(MOOD[is], is), h("span", { class: "vh" }, is)]));
  }

  function spokenLane(lane, n) {
    const done = begun(lane, n), is = stands(lane, n);
    return is === "future" ? `${seen(lane.to, 100)}: not yet` : `${seen(lane.to, 100)}${lane.from ? "" : ", a report"}: ${is}, ${plural(done.length, "attempt")}`;
  }

  function bar(lane, n, at) {
    const done = begun(lane, n), is = stands(lane, n), start = X(lane.at);
    const until = X(Math.min(lane.ended ?? Infinity, Math.max(at, lane.at))), whole = X(lane.ended ?? lane.tries.at(-1)?.at ?? lane.at);
    let written = -99; // how far words reach
    const later = lane.tries.filter(one => one.n > n).map(one => s("circle", { class: "plan", cx: X(one.at), cy: MIDDLE, r: 2.5 }));
    const marks = done.map(one => {
      const x = X(one.at), mood = one.known ? one.mood : "", word = one.known ? one.word : "", half = word.length * 3;
      const room = x - half > written + 3 && word;
      if (room) written = x + half;
      return s("g", { class: "try", "data-mood": mood, "data-n": one.n, transform: `translate(${x} ${MIDDLE})`, onclick: () => { picked = lanes.indexOf(lane); set = undefined; go(one.told ?? one.n); } },
        s("circle", { class: "hit", r: 11 }), s("path", { d: MARKS[mood] }), room ? s("text", { y: 20, "text-anchor": "middle" }, word) : null);
    });
    return s("svg", { class: "bar", width: wide, height: HIGH, viewBox: `0 0 ${wide} ${HIGH}`, "aria-hidden": "true" },
      whole > start ? s("rect", { class: "whole", x: start, y: MIDDLE - 3, width: whole - start, height: 6, rx: 2 }) : null,
      is !== "future" && until > start ? s("rect", { class: "wait", x: start, y: MIDDLE - 3, width: until - start, height: 6, rx: 2 }) : null, later, marks,
      is === "expired" ? s("path", { class: "glass", d: `M${until + 9} ${MIDDLE - 6}h9l-9 12h9Z` }) : null);
  }

  // -- one of them

  function drawDetail(lane, n, at) {
    const { story } = app, is = stands(lane, n), done = begun(lane, n).filter(one => one.known), next = nextAt(lane, n);
    const row = story.rows[app.walk.cursor], why = h("p", { class: "why" });
    if (row.kind === "rule" && row.n >= lane.n) explain(why, story, app.walk.cursor, "");
    const open = is === "future" ? undefined : letter(lane);
    const was = detail.querySelector("details"), reports = lanes.filter(other => other.about === lane.n && other.n <= n);
    detail.replaceChildren(...[
      h("h3", {}, seen(lane.to, 200)),
      h("p", { class: "cap" }, lane.from ? `from ${seen(lane.from, 100)}` : "a report: it comes from nobody", lane.subject ? `: ${seen(lane.subject, 120)}` : ""),
      h("p", {}, said(lane, is, next, at)),
      done.length > MOST_TRIES ? h("p", { class: "quiet" }, `${done.length - MOST_TRIES} attempts before these.`) : null,
      done.length ? h("ol", { class: "tries" }, done.slice(-MOST_TRIES).map((one, i, all) => h("li", {}, h("button", { type: "button", onclick: () => { picked = lanes.indexOf(lane); set = undefined; go(one.told); } },
        h("span", { class: "when" }, since(one.at - lane.at)), tag(one.mood, one.word), h("span", { class: "reply" }, one.reply === all[i - 1]?.reply ? "the same" : seen(one.reply, 200)))))) : null,
      why.childNodes.length ? why : null,
      ...reports.map(other => h("button", { type: "button", class: "go", onclick: () => { picked = lanes.indexOf(other); set = undefined; go(other.n); detail.focus({ preventScroll: true }); } }, icon("into"), `Open the report to ${seen(other.to, 80)}`)),
      open ? h("details", { open: was && was.dataset.n === String(lane.n) ? was.open : !lane.from, "data-n": lane.n }, h("summary", {}, lane.from ? "The letter" : "The report"), open) : null,
    ].filter(Boolean));
  }

  function said(lane, is, next, at) {
    if (is === "future") return "It is not in a queue yet.";
    if (is === "waits") return next === undefined ? `It waits at ${seen(lane.host, 80)}.` : next <= at ? `It is being tried by ${seen(lane.host, 80)}.` : `It waits at ${seen(lane.host, 80)}; next attempt in ${duration(next - at)}.`;
    const after = lane.ended > lane.at ? `after ${duration(lane.ended - lane.at)}` : "at once";
    return { delivered: `Taken ${after}.`, bounced: `Refused ${after}: its sender is told.`, expired: `Given up ${after}: its sender is told.`,
      dropped: `Refused ${after}: nobody is told but the postmaster.` }[is];
  }

  /** The message as it lies in the queue, as text. */
  function letter(lane) {
    const row = app.story.rows[app.story.rowOf(lane.n)];
    if (row.n !== lane.n || !row.data) return undefined;
    const text = row.data.slice(0, MOST_LETTERS).split("\r\n").map(line => seen(decoded(line), 500)).join("\n");
    return h("pre", { class: "mono", tabindex: 0, "aria-label": "The message" }, text, row.data.length > MOST_LETTERS ? "\n…" : "");
  }

  return { element, draw, follow, home: clock };
}
