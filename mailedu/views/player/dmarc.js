// DMARC: whose name, which policy (the walk, label by label), who vouches, the finding; and apart from it what was done.

import { MOODS, h, icon, put, tag } from "./dom.js";
import { explain } from "./why.js";
import { seen, sentence } from "./words.js";

const PARTS = { author: "Whose name stands in From", policy: "Which policy counts", vouchers: "Who vouches for that name", finding: "The finding" };
const MOST_BUTTONS = 4; // evaluations that are all named; more stand in a list
const RESULTS = { pass: "good", fail: "bad", permerror: "bad", temperror: "later" };

export const holdsDmarc = story => Boolean(story.dmarc?.length);

export function dmarcPane(app) {
  const head = h("div", { class: "mp-dmarc-head" });
  const beside = h("div", { class: "mp-dmarc-beside" });
  const tree = h("div", { class: "mp-dmarc-tree", role: "tree", tabindex: 0, "aria-label": "How DMARC came to its finding", onkeydown: climb });
  const action = h("div", { class: "mp-dmarc-action" });
  const detail = h("div", { class: "mp-dmarc-detail" });
  const left = h("div", { class: "mp-dmarc-left" }, tree, action);
  const element = h("div", { class: "mp-dmarc" }, head, beside, h("div", { class: "mp-dmarc-body" }, left, detail));
  let drawn, lines = [], rows = [];
  if (app.story.pane === "dmarc" && app.walk.cursor === 0) app.walk.go(app.story.rowOf(app.story.dmarc[0].n), { jump: true, reveal: true });

  /** All of it, for the evaluation that the cursor is in or comes to. */
  function draw() {
    const one = shown();
    drawn = one;
    if (!one) return element.hidden = true;
    element.hidden = false;
    lines = one.action ? [...one.lines, one.action] : one.lines;
    rows = lines.map(lineRow);
    const parts = Object.keys(PARTS).map(part => [part, rows.filter((_, at) => lines[at].part === part)]).filter(([, own]) => own.length);
    tree.replaceChildren(...parts.map(([part, own]) => h("div", { class: "part", role: "group", "aria-label": PARTS[part], "data-part": part }, h("h3", { "aria-hidden": "true" }, PARTS[part]), own)));
    action.replaceChildren(...(one.action ? [h("h3", {}, "What the server does about it: its own decision"), rows.at(-1)] : []));
    action.hidden = !one.action;
    drawBeside(one);
    follow();
  }

  /** What a step changes. */
  function follow() {
    const one = shown();
    if (one !== drawn) return draw();
    if (!one) return;
    if (app.walk.pending >= 0) return app.turn("story"); // there one is asked
    element.toggleAttribute("data-quiz", app.walk.quiz);
    unfold(one);
    const step = here(), now = lineAt(step);
    lines.forEach((line, at) => {
      put(rows[at], { "data-is": line.n > step ? "future" : line.end < step ? "past" : "now", "aria-selected": String(at === now) });
      rows[at].toggleAttribute("data-now", at === now);
    });
    if (now >= 0 && lines[now] !== one.action) tree.setAttribute("aria-activedescendant", rows[now].id); else tree.removeAttribute("aria-activedescendant");
    if (now >= 0) rows[now].scrollIntoView?.({ block: "nearest" });
    drawHead(one);
    drawDetail(one, step, now);
  }

  const here = () => app.story.rows[app.walk.after()].n;
  const go = n => app.go(app.story.rowOf(n), { jump: true, reveal: true });
  const isIn = (one, step) => (one.n <= step && step <= one.end) || one.action?.n === step;
  const lineAt = step => lines.findLastIndex(line => line.n <= step && step <= line.end);

  function shown() {
    const all = app.story.dmarc ?? [], step = here();
    return all.find(one => isIn(one, step)) ?? all.find(one => one.n > step) ?? all.at(-1);
  }

  /** Here every step of the evaluation is one to step on. */
  function unfold(one) {
    if (isIn(one, here())) app.walk.spread(app.story.rowOf(one.n));
  }

  /** Left leads up to the line that this one stands under. */
  function climb(event) {
    if (event.key !== "ArrowLeft" || event.ctrlKey || event.metaKey || event.altKey) return;
    const now = lineAt(here());
    event.preventDefault();
    event.stopPropagation();
    for (let up = now - 1; up >= 0; up--) if (lines[up].depth < lines[now].depth) return go(lines[up].n);
    if (drawn) go(drawn.n);
  }

  // -- the head, and two standards beside each other

  function drawHead(one) {
    const all = app.story.dmarc, names = all.map(other => `${other.beside ? `RFC ${other.rfc}` : other.author || "no author"}: ${other.outcome}`);
    const choice = all.length > MOST_BUTTONS
      ? h("select", { "aria-label": "Evaluation", onchange: event => go(all[event.target.value].n) }, all.map((other, at) =>
        h("option", { value: at, selected: other === one }, `step ${other.n} · ${seen(names[at], 80)}`)))
      : h("div", { class: "mp-dmarc-choice", role: "group", "aria-label": "Evaluations" }, all.map((other, at) =>
        h("button", { type: "button", "aria-pressed": String(other === one), onclick: () => go(other.n) }, MOODS[RESULTS[other.outcome]] ? icon(MOODS[RESULTS[other.outcome]]) : null, seen(names[at], 80))));
    head.replaceChildren(choice, h("p", { class: "ask" }, "Does anybody vouch for ", h("b", { class: "mono" }, seen(one.author || "(no author)", 120)), "? By RFC ", one.rfc, "."));
  }

  function drawBeside(one) {
    beside.hidden = !one.beside;
    if (!one.beside) return beside.replaceChildren();
    const cell = (text, differ) => h("td", { "data-differs": differ }, seen(text || "–", 120));
    beside.replaceChildren(h("table", {}, h("thead", {}, h("tr", {}, ["", "RFC 9989", "RFC 7489"].map(text => h(text ? "th" : "td", text ? { scope: "col" } : {}, text)))),
      h("tbody", {}, one.beside.map(([what, now, before]) => h("tr", { "data-differs": now !== before },
        h("th", { scope: "row" }, now !== before ? icon("differs", "differs:") : null, " ", what), cell(now, now !== before), cell(before, now !== before))))));
  }

  // -- the lines

  function lineRow(line, at) {
    const label = line.kind === "name" ? nameLabel(line) : h("span", { class: `lb${line.kind === "exists" ? " mono" : ""}` }, h("b", {}, seen(line.label, 160)));
    const words = seen(line.words ?? "", 240);
    return h("div", {
      class: "mp-dmarc-line", role: "treeitem", id: `${app.uid}-dmarc${at}`, "data-kind": line.kind, "aria-level": line.depth + 1, "aria-label": spoken(line), title: words,
      onclick: () => { go(line.decided ?? line.n); tree.focus({ preventScroll: true }); },
    }, h("span", { class: "n", "aria-hidden": "true" }, app.story.rows[app.story.rowOf(line.n)].n),
    h("span", { class: "in", "aria-hidden": "true", style: { width: `${line.depth * 14}px` } }), label,
    line.mood && line.kind !== "name" ? tag(line.mood, words) : h("span", { class: "cap", "data-good": line.mood === "good" }, words));
  }

  /** A name with the labels that the walk has left behind, crossed out. */
  function nameLabel(line) {
    const from = line.from ?? "", left = from !== line.label && from.endsWith(`.${line.label}`) ? from.slice(0, from.length - line.label.length) : "";
    return h("span", { class: "lb mono" }, icon("dns"), " ", h("span", { class: "quiet" }, "_dmarc."), left ? h("s", {}, seen(left, 160)) : null, h("b", {}, seen(line.label, 160)));
  }

  const spoken = line => `${line.kind === "name" ? `_dmarc.${seen(line.label, 160)}` : seen(line.label, 160)}: ${seen(line.words ?? "", 240)}`;

  // -- the line of the current step: what was asked, what came back, and what that means by which section

  function drawDetail(one, step, now) {
    const { story, walk } = app, line = lines[now];
    if (!isIn(one, step)) {
      return detail.replaceChildren(h("p", { class: "quiet" }, `Step ${step} is ${step < one.n ? "before" : "after"} this evaluation.`),
        h("button", { type: "button", class: "go", onclick: () => go(one.n) }, icon("into"), `Go to step ${one.n}`));
    }
    const row = story.rows[walk.cursor], asked = line?.asked?.[0] <= step ? line.asked : undefined;
    detail.replaceChildren(...[h("h3", {}, seen(sentence(story, walk.cursor), 200)), h("div", { class: "cap" }, `step ${row.n}`, line ? ` · ${spoken(line)}` : ""),
      row.kind === "rule" ? ruled(walk.cursor) : null,
      asked ? h("dl", {}, question(...asked, step)) : null,
      line?.decided <= step && line.decided !== row.n ? ruled(story.rowOf(line.decided)) : null].filter(Boolean));
  }

  function ruled(i) {
    const why = h("p", { class: "why" });
    explain(why, app.story, i, "");
    return why;
  }

  function question(n, answer, step) {
    const { story } = app, reply = answer && answer <= step ? story.rows[story.rowOf(answer)] : undefined;
    return [h("dt", {}, icon("ask"), h("span", { class: "mono" }, seen(story.rows[story.rowOf(n)].label, 160))),
      h("dd", { class: "mono", "data-void": Boolean(reply?.outcome) }, reply ? records(reply) : "…")];
  }

  return { element, draw, follow, home: tree };
}

/** The records of an answer, one a line; or that there was none. */
function records(row) {
  const found = (row.data ?? "").split("\n").slice(1);
  return found.length ? found.slice(0, 12).map(record => h("div", {}, seen(record, 600))) : seen(row.label, 200);
}
