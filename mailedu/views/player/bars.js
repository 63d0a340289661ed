// Head and bar: which story, which pane, how deep, search; and all the ways to move.

import { h, icon } from "./dom.js";
import { JUMPS, matches } from "./walk.js";
import { seen } from "./words.js";

const DEPTHS = ["Journey", "Talks", "Commands", "Decisions", "Bytes"];

export function headView(app) {
  const find = h("input", {
    class: "mp-find", type: "search", placeholder: "Search  /", "aria-label": "Search steps",
    oninput() { app.letters = find.value.toLowerCase(); app.redraw(); },
    onkeydown(event) {
      event.stopPropagation();
      if (event.key === "Escape") app.focus();
      if (event.key === "Enter" && app.letters) app.seek(i => app.story.kids[i] === 0 && matches(app.story.rows[i], app.letters), "Nothing found.", true);
    },
  });
  const head = h("header", { class: "mp-head" });

  function draw() {
    const panes = app.panes();
    head.replaceChildren(...[title(), panes.length > 1 ? tabs(panes) : null, h("span", { class: "gap" }),
      app.pane === "story" ? levels() : null, app.pane === "story" ? find : null].filter(Boolean));
  }

  /** The story's name; a choice, where there are branches. */
  function title() {
    const name = seen(app.main.title, 120);
    if (!app.futures.length) return h("h2", { class: "mp-title", title: name }, name);
    return h("select", { class: "mp-title", "aria-label": "Which future", onchange: event => app.show(event.target.value) },
      h("option", { value: "", selected: app.shown === "" }, name),
      app.futures.map(branch => h("option", { value: branch.id, selected: app.shown === branch.id }, `Branch: ${seen(branch.title, 60)}`)));
  }

  const tabs = panes => h("div", { class: "mp-tabs", role: "tablist", "aria-label": "View" }, panes.map(pane =>
    h("button", { type: "button", role: "tab", tabindex: app.pane === pane.id ? 0 : -1, "aria-selected": String(app.pane === pane.id), onclick: () => app.turn(pane.id), onkeydown: roving }, pane.title)));

  const levels = () => h("div", { class: "mp-levels", role: "radiogroup", "aria-label": "How deep" }, DEPTHS.map((word, at) =>
    h("button", { type: "button", role: "radio", tabindex: app.walk.level === at ? 0 : -1, "aria-checked": String(app.walk.level === at), "aria-label": word, title: `${word} (${at + 1})`, onclick: () => app.level(at), onkeydown: roving },
      h("span", { class: "word" }, word), h("span", { class: "num" }, at + 1))));

  /** Arrows go along the tabs and levels, and choose. */
  function roving(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const group = event.currentTarget.parentElement, all = [...group.children], role = `.${group.className}`;
    const at = (all.indexOf(event.currentTarget) + step + all.length) % all.length;
    event.preventDefault();
    event.stopPropagation();
    all[at].click();
    head.querySelector(role)?.children[at]?.focus();
  }

  function mark() {
    head.querySelectorAll("[role=radio]").forEach((button, at) => {
      button.setAttribute("aria-checked", String(at === app.walk.level));
      button.tabIndex = at === app.walk.level ? 0 : -1;
    });
  }

  return { head, find, draw, mark };
}

export function barView(app) {
  const bar = h("div", { class: "mp-bar", role: "toolbar", "aria-label": "Moving" });
  const speed = h("select", { "aria-label": "Speed", title: "Speed" }, ["1", "2", "4"].map(times => h("option", { value: times }, times + "×")));
  const position = h("span", { class: "pos" });
  const button = (name, title, onclick, word, more) =>
    h("button", { type: "button", title, "aria-label": title, onclick, ...more }, icon(name), word ? h("span", { class: "word" }, word) : null);
  const play = button("play", "Play (Space)", () => app.play(), null, { class: "play" });
  const predict = button("eye", "Predict, then reveal (p)", () => app.predict(), "Predict", { "aria-pressed": "false" });
  bar.append(
    button("first", "First step (Home)", () => app.go(0, { jump: true }), null, { class: "wide" }), button("back", "Back (↑)", () => app.move("back")), play,
    button("over", "Next row: steps over what is folded (↓)", () => app.move("next"), "Step"),
    button("into", "Into (→)", () => app.move("into"), "Into", { class: "wide" }), button("out", "Out (←)", () => app.move("out"), "Out", { class: "wide" }), speed,
    h("span", { class: "sep" }),
    button("cross", "Next refusal (r)", () => app.jump("refusal"), "Refusal"), button("diamond", "Next verdict (v)", () => app.jump("verdict"), "Verdict"),
    button("ask", "Next DNS question (d)", () => app.jump("question"), "DNS"), h("span", { class: "gap" }), position, h("span", { class: "sep" }),
    predict, button("save", "Save this as a file (s)", () => app.save(), "Save"),
    h("button", { type: "button", title: "Keys (?)", "aria-label": "Keys (?)", onclick: () => app.help.showModal() }, h("b", { "aria-hidden": "true" }, "?")));

  function draw() {
    const { story, walk } = app, row = story.rows[walk.cursor];
    position.replaceChildren(h("b", {}, row.n), h("span", { class: "quiet" }, ` / ${story.last}`));
    play.replaceChildren(icon(app.playing ? "pause" : "play"));
    play.title = app.playing ? "Pause (Space)" : "Play (Space)";
    play.setAttribute("aria-label", play.title);
    predict.hidden = !story.predictions;
    predict.setAttribute("aria-pressed", String(walk.quiz));
  }

  return { bar, draw, speed: () => Number(speed.value) };
}

const KEYS = [
  ["↓  ↑", "next, previous row: what is folded is stepped over"], ["→", "into: unfold, then its first step"],
  ["←", "out: fold, or up to the group"], ["⇧↓", "over: past this group, folded or not"], ["Space", "play, pause"],
  ["Home End", "first, last"], ["1 … 5", "level: journey, talks, commands, decisions, bytes"], ["r  v  d", "next refusal, verdict, DNS question"],
  ["t", "type another command here"], ["p", "predict, then reveal"], ["/", "search; Enter: next hit"], ["s", "save as a file"],
  ["Tab", "to the octets, the time line, the buttons"], ["Esc", "back to the steps; again: back to the notebook"],
];

export function helpSheet() {
  const sheet = h("dialog", { class: "mp-help", "aria-label": "Keys" }, h("b", {}, "Keys"),
    h("dl", {}, KEYS.flatMap(([key, what]) => [h("dt", {}, key), h("dd", {}, what)])),
    h("button", { type: "button", onclick: () => sheet.close() }, "Close"));
  return sheet;
}

export const jumpTest = (story, what) => i => JUMPS[what](story.rows[i]);
