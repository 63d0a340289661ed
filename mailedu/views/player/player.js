// Player: one story, its futures, and the parts that show them.  Everything here works without a kernel.

import { barView, headView, helpSheet, jumpTest } from "./bars.js";
import { h } from "./dom.js";
import { capture } from "./capture.js";
import { data, transcript } from "./exports.js";
import { inspectorView } from "./inspector.js";
import { unzip } from "./model.js";
import { PANES } from "./panes.js";
import { picture, savingSheet } from "./picture.js";
import { guess } from "./predict.js";
import { promptView } from "./prompt.js";
import { scoreView } from "./rows.js";
import { timeLine } from "./timeline.js";
import { Walk } from "./walk.js";
import { spoken } from "./words.js";

const BEAT = 1100; // ms a step, when playing at 1×
const FILES = [
  { name: "txt", what: "the transcript", type: "text/plain", make: app => transcript(app.story) },
  { name: "svg", what: "the score, as it is unfolded now", type: "image/svg+xml", make: picture },
  { name: "json", what: "the trace itself: Trace.from_json(text) reads it", type: "application/json", has: app => (app.recorded.byteLength ?? app.recorded.length) > 0, make: app => unzip(app.recorded) },
  { name: "rows.json", what: "the rows that are shown, with their octets", type: "application/json", make: app => data(app.story) },
  { name: "pcap", what: "the talks and DNS questions as packets, TLS taken off", type: "application/vnd.tcpdump.pcap", make: app => capture(app.story) },
];

/** Build the player in `el`; returns { app, off }.  `model` is anywidget's, or a stand-in for it. */
export function player(model, el, story) {
  const walks = new Map([["", new Walk(story)]]);
  const app = {
    uid: "mp" + Math.random().toString(36).slice(2, 9), // one player's ids must not be another's
    model, main: story, story, walk: walks.get(""), shown: "", futures: [], compared: "", pane: story.opens ?? story.pane ?? "story",
    letters: "", moved: false, playing: 0, branching: Boolean(model.send && model.get("branching")), grid: {},
    get branches() { return app.futures.filter(future => future.parent === app.shown); },
    storyOf: id => id === "" ? story : app.futures.find(future => future.id === id)?.story,
    get recorded() { return (app.shown === "" ? model.get("recorded") : app.futures.find(future => future.id === app.shown)?.recorded) ?? ""; }, // the trace, zipped
    panes: () => PANES.filter(pane => pane.fits(app)),
  };
  const stopped = new AbortController();
  const live = h("div", { class: "vh", "aria-live": "polite" });
  const root = app.root = h("section", { class: "mp", "aria-label": `Player: ${story.title}`, "data-theme": model.get("theme") });
  const head = headView(app), score = scoreView(app), inspector = inspectorView(app), time = timeLine(app), bar = barView(app), prompt = promptView(app);
  app.help = helpSheet();
  app.saving = savingSheet(app, FILES);
  const left = h("div", { class: "mp-left" }, score.heads, score.tree, prompt.form, prompt.note);
  const body = h("div", { class: "mp-body" });
  root.append(head.head, body, h("footer", { class: "mp-foot" }, time.box, bar.bar), live, app.help, app.saving.sheet);
  el.append(root);
  const made = new Map(); // pane -> its view

  // -- drawing

  app.draw = () => {
    const { walk } = app;
    if (app.pane === "story") { score.draw(true); score.drawCrumb(); inspector.draw(); prompt.draw(); }
    else made.get(app.pane)?.follow?.();
    time.draw();
    bar.draw();
    head.mark();
    app.say(walk.pending >= 0 ? app.story.rows[walk.pending].predict.ask : spoken(app.story, walk.cursor));
    app.moved = false;
  };
  app.redraw = () => { score.forget(); app.draw(); };
  app.say = text => { live.textContent = text; };

  /** Draw the frame anew: another pane, another story, another width. */
  function frame() {
    const inside = root.contains(focused());
    const chosen = PANES.find(pane => pane.id === app.pane);
    if (chosen.make && !made.has(app.pane)) made.set(app.pane, chosen.make(app));
    body.replaceChildren(...(chosen.make ? [made.get(app.pane).element] : [left, inspector.panel]));
    size();
    head.draw();
    score.drawHeads();
    time.forget();
    app.redraw();
    made.get(app.pane)?.draw();
    if (inside && !root.contains(focused())) app.focus();
  }

  function size() {
    const wide = root.clientWidth || 960, count = app.story.lanes.length, narrow = wide < 640;
    const pad = narrow ? 13 : 18, number = Math.max(narrow ? 26 : 34, 10 + 6.4 * String(app.story.last).length);
    const most = count <= 3 ? (narrow ? 44 : 74) : wide < 860 ? 29 : 40;
    const room = (narrow ? wide : wide * .56) * .55 - number - 2 * pad;
    const gap = Math.max(24, Math.min(most, room / Math.max(1, count - 1)));
    app.grid = { pad, number, gap, names: gap >= 28 };
    root.style.setProperty("--mp-number", `${number}px`);
    app.sizes = { player: wide, inspector: inspector.panel.clientWidth || wide * .44 }; // read once: a step should lay out once
  }

  // -- moving

  const settle = moved => {
    app.moved = moved;
    app.draw();
    if (app.shown === "") { model.set("cursor", app.story.rows[app.walk.cursor].n); model.save_changes(); }
    return moved;
  };
  app.go = (i, how) => settle(app.walk.go(i, how));
  app.move = way => { const moved = made.get(app.pane)?.move?.(way) ?? settle(app.walk[way]()); if (!moved && app.playing) app.stop(); };
  app.toggle = i => { app.walk.toggle(i); settle(false); };
  app.level = level => { app.walk.setLevel(level); score.forget(); settle(false); };
  app.seek = (fits, sorry, round) => { if (app.walk.seek(fits, { round })) { score.forget(); settle(true); } else app.say(sorry); };
  app.jump = what => app.seek(jumpTest(app.story, what), `No ${what} after this step.`);
  app.filter = (lanes, name) => { app.walk.show(lanes); frame(); app.say(lanes ? `Only ${name}.` : "All lanes."); };
  app.predict = () => { app.walk.quiz = !app.walk.quiz; app.walk.pending = -1; time.forget(); app.redraw(); };
  app.play = () => {
    if (app.playing) return app.stop();
    app.playing = setInterval(() => app.move("next"), BEAT / bar.speed());
    bar.draw();
  };
  app.stop = () => { clearInterval(app.playing); app.playing = 0; bar.draw(); };
  const home = () => app.pane === "story" ? score.tree : made.get(app.pane)?.home ?? head.head.querySelector("[role=tab][aria-selected=true]");
  app.focus = () => home()?.focus({ preventScroll: true });
  app.type = verb => prompt.type(verb);
  app.save = () => app.saving.open();

  // -- futures

  app.turn = pane => { app.pane = pane; frame(); };
  app.compare = id => { app.stop(); app.compared = id; app.turn("branches"); };
  /** Walk another future (or, with "", what happened), from row i. */
  app.show = (id, i) => {
    const shown = app.storyOf(id);
    if (!shown) return;
    app.stop();
    if (!walks.has(id)) walks.set(id, new Walk(shown, app.walk.level));
    Object.assign(app, { shown: id, story: shown, walk: walks.get(id), pane: shown.pane ?? "story" });
    if (i !== undefined) app.walk.go(i, { jump: true, reveal: true });
    frame();
    app.focus();
  };
  /** A branch has grown. */
  app.grow = branch => {
    app.futures.push(branch);
    prompt.answered("");
    app.compare(branch.id);
    app.say(`Branched: ${branch.title}`);
  };
  app.refused = why => { prompt.answered(why); };

  // -- keys

  const focused = () => root.getRootNode().activeElement;
  const plain = event => !(event.ctrlKey || event.metaKey || event.altKey || (event.shiftKey && event.key === "Enter" && !event.target.closest("textarea")));
  // Notebook 7 listens in the capture phase at the document, Lab asks for this attribute on the focused element itself.
  window.addEventListener("keydown", event => {
    if (event.target instanceof Element && root.contains(event.target)) event.target.toggleAttribute("data-lm-suppress-shortcuts", plain(event));
  }, { capture: true, signal: stopped.signal });

  const KEYS = {
    ArrowDown: event => event.shiftKey ? app.move("over") : app.move("next"), ArrowUp: () => app.move("back"),
    ArrowRight: () => app.move("into"), ArrowLeft: () => app.move("out"), " ": () => app.play(),
    Home: () => app.go(0, { jump: true }), End: () => settle(app.walk.last()),
    "?": () => app.help.showModal(), "/": () => head.find.focus(), t: () => prompt.focus(), p: () => app.story.predictions && app.predict(), s: () => app.save(),
    r: () => app.jump("refusal"), v: () => app.jump("verdict"), d: () => app.jump("question"),
    Escape() { if (focused() !== home()) return app.focus(); const cell = el.closest(".jp-Cell, .jp-Notebook"); if (cell) cell.focus(); else home().blur(); },
  };
  root.addEventListener("keydown", event => {
    if (!plain(event)) return;
    event.stopPropagation(); // every plain key: in a notebook a, b, x and dd add and cut cells
    const { key, target } = event;
    if (target.closest("input, select, textarea, dialog")) return;
    if (app.walk.pending >= 0 && /^[1-9]$/.test(key)) { event.preventDefault(); return guess(app, key - 1); }
    const act = /^[1-5]$/.test(key) ? () => app.level(key - 1) : KEYS[key];
    const scrolls = target.closest(".mp-bytes, .mp-pane") && (/^Arrow/.test(key) || key === "Home" || key === "End");
    if (!act || scrolls || (target.closest("button") && key === " ")) return;
    event.preventDefault();
    act(event);
  });

  // -- the world around: printing, other widths, out of sight, the kernel

  addEventListener("beforeprint", () => score.print(true), { signal: stopped.signal });
  addEventListener("afterprint", () => score.print(false), { signal: stopped.signal });
  let wide = root.clientWidth, away = !wide;
  const sizes = new ResizeObserver(() => {
    const now = root.clientWidth;
    if (!now) { away = true; if (app.playing) app.stop(); return; } // Lab hides cells that are scrolled away
    const back = away;
    away = false;
    if (now !== wide) { wide = now; frame(); }
    if (back) score.comeBack();
  });
  sizes.observe(root);
  const sight = new IntersectionObserver(([entry]) => { if (!entry.isIntersecting && app.playing) app.stop(); });
  sight.observe(root);
  const told = () => {
    const i = story.rowOf(model.get("cursor"));
    if (app.shown === "" && i !== app.walk.cursor) { app.walk.reveal(i); app.moved = app.walk.go(i, { jump: true }); app.draw(); }
  };
  model.on?.("change:cursor", told);

  const start = model.get("cursor");
  if (start) { const i = story.rowOf(start); app.walk.reveal(i); app.walk.go(i, { jump: true }); }
  frame();

  const off = () => {
    clearInterval(app.playing);
    prompt.off(); sizes.disconnect(); sight.disconnect(); stopped.abort(); model.off?.("change:cursor", told);
  };
  return { app, off };
}

