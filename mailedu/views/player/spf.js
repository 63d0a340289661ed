// SPF: the flight recorder.  A check as the program that ran: its terms, what became of each, and what each cost.

import { MOODS, h, icon, put, s, tag } from "./dom.js";
import { LOOKUPS, VOIDS, above, became, checkAt, isIn, lineAt, linesOf, moodOf, parts, spent, stands } from "./program.js";
import { explain } from "./why.js";
import { seen, sentence } from "./words.js";

const CELL = 7, HIGH = 12; // of a meter's cell
const MOST_BUTTONS = 4; // checks that are all named; more stand in a list

export const holdsSpf = story => Boolean(story.spf?.length);

export function spfPane(app) {
  const head = h("div", { class: "mp-spf-head" });
  const tree = h("div", { class: "mp-spf-tree", role: "tree", tabindex: 0, "aria-label": "The record as a program", onkeydown: climb });
  const detail = h("div", { class: "mp-spf-term" });
  const element = h("div", { class: "mp-spf" }, head, h("div", { class: "mp-spf-body" }, tree, detail));
  let drawn, lines = [], rows = [];
  // Where there is nothing else to see, it begins at the last question, which is the one about MAIL FROM.
  if (app.story.pane && app.walk.cursor === 0) app.walk.go(app.story.rowOf(app.story.spf.at(-1).n), { jump: true, reveal: true });

  /** All of it, for the check that the cursor is in or comes to. */
  function draw() {
    const { story } = app, check = story.spf?.[checkAt(story.spf, here())];
    drawn = check;
    if (!check) return element.hidden = true;
    element.hidden = false;
    lines = linesOf(check);
    rows = lines.map((line, at) => lineRow(line, at));
    tree.replaceChildren(...rows);
    follow();
  }

  /** What a step changes. */
  function follow() {
    const { story } = app, check = story.spf?.[checkAt(story.spf, here())];
    if (check !== drawn) return draw();
    if (!check) return;
    if (app.walk.pending >= 0) return app.turn("story"); // there one is asked
    element.toggleAttribute("data-quiz", app.walk.quiz);
    unfold(check);
    const step = here(), now = isIn(check, step) ? lineAt(lines, step) : -1;
    lines.forEach((line, at) => put(rows[at], { "data-is": stands(line, step), "aria-selected": String(at === now) }));
    rows.forEach((row, at) => row.toggleAttribute("data-now", at === now));
    tree.setAttribute("aria-activedescendant", now >= 0 ? rows[now].id : "");
    if (now >= 0) rows[now].scrollIntoView?.({ block: "nearest" });
    drawHead(check, step);
    drawDetail(check, step, now);
  }

  /** The step that one stands on; on something folded, its last. */
  const here = () => app.story.rows[app.walk.after()].n;
  const go = n => app.go(app.story.rowOf(n), { jump: true, reveal: true });

  /** Here every step of the check is one to step on. */
  function unfold(check) {
    if (isIn(check, here())) app.walk.spread(app.story.rowOf(check.n));
  }

  /** Left leads up to the term that this one is looked into by. */
  function climb(event) {
    if (event.key !== "ArrowLeft" || event.ctrlKey || event.metaKey || event.altKey) return;
    const now = lineAt(lines, here()), up = now < 0 ? -1 : above(lines, now);
    event.preventDefault();
    event.stopPropagation();
    if (up >= 0) go(lines[up].n);
  }

  // -- the head: which check, what it asks, and what it has used up

  function drawHead(check, step) {
    const { spf } = app.story, used = spent(lines, step);
    const names = spf.map(one => `${one.title.replace(/^SPF, /, "")}: ${one.outcome ?? "…"}`);
    const choice = spf.length > MOST_BUTTONS
      ? h("select", { "aria-label": "Check", onchange: event => go(spf[event.target.value].n) }, spf.map((one, at) =>
        h("option", { value: at, selected: one === check }, `step ${one.n} · ${names[at]} · ${seen(one.sender, 40)}`)))
      : h("div", { class: "mp-spf-checks", role: "group", "aria-label": "Checks" }, spf.map((one, at) =>
        h("button", { type: "button", "aria-pressed": String(one === check), onclick: () => go(one.n) }, MOODS[moodOf(one.outcome)] ? icon(MOODS[moodOf(one.outcome)]) : null, names[at])));
    head.replaceChildren(choice,
      h("p", { class: "ask" }, "May ", h("b", { class: "mono" }, seen(check.ip, 60)), " send for ", h("b", { class: "mono" }, seen(check.sender, 80)), "?"),
      gauge("look-ups", used.lookups, LOOKUPS), gauge("void", used.voids, VOIDS));
  }

  const gauge = (name, used, most) => h("span", { class: "gauge", "data-over": used > most },
    meter(used, most, Array.from({ length: used }, (_, at) => at + 1)), h("span", {}, h("b", {}, used), ` of ${most} ${name}`));

  // -- the lines

  function lineRow(line, at) {
    const { story } = app, { part } = line;
    const label = { record: recordLabel, term: termLabel, default: () => [h("span", { class: "lb" }, "(no term matched)"), tag(undefined, "neutral")],
      rest: () => [h("span", { class: "lb quiet" }, `and ${line.count} more terms, none of which matched`)] }[line.kind](line);
    return h("div", {
      class: "mp-spf-line", role: "treeitem", id: `${app.uid}-spf${at}`, "data-kind": line.kind, "aria-level": line.depth + 1, "aria-label": spokenLine(line),
      title: line.kind === "term" ? seen(part.text, 400) : undefined,
      onclick: line.n === undefined ? undefined : () => { go(part?.decided ?? line.n); tree.focus({ preventScroll: true }); },
    }, h("span", { class: "n", "aria-hidden": "true" }, line.n === undefined ? "" : story.rows[story.rowOf(line.n)].n),
    h("span", { class: "in", "aria-hidden": "true", style: { width: `${line.depth * 14}px` } }), label,
    line.kind === "term" ? costs(part) : h("span", { class: "costs" }));
  }

  const recordLabel = ({ domain, part }) => [icon("dns"), h("span", { class: "lb" }, h("b", {}, seen(domain || "(no name)", 80)), part.record ? " v=spf1" : h("span", { class: "quiet" }, " has no policy that can be used")),
    part.record?.result ? h("span", { class: "cap" }, part.record.result) : null];

  function termLabel({ part }) {
    const [qualifier, mechanism, rest] = parts(part.text), [words, mood] = became(part);
    return [h("span", { class: "lb mono" }, h("b", { class: "q" }, seen(qualifier)), h("b", {}, seen(mechanism, 80)), seen(rest, 300)),
      mood ? tag(mood, seen(words, 60)) : h("span", { class: "cap" }, seen(words, 60))];
  }

  /** The cells of the two meters that this term filled: they go down like stairs. */
  const costs = term => h("span", { class: "costs", "aria-hidden": "true" },
    term.lookup ? meter(term.lookup - 1, LOOKUPS, [term.lookup]) : null,
    term.voids ? meter(0, VOIDS, term.voids.map(([count]) => count)) : null);

  function spokenLine({ kind, part, domain, count }) {
    if (kind === "record") return `record of ${seen(domain, 80)}`;
    if (kind !== "term") return kind === "rest" ? `${count} more terms` : "no term matched: neutral";
    const voids = (part.voids ?? []).map(([count]) => `, void look-up ${count} of ${VOIDS}`).join("");
    return `${seen(part.text, 200)}: ${became(part)[0]}${part.lookup ? `, look-up ${part.lookup} of ${LOOKUPS}` : ""}${voids}`;
  }

  // -- the term of the current step: what was asked, what came back, and what that means by which section

  function drawDetail(check, step, now) {
    const { story, walk } = app, line = lines[now], part = line?.part;
    if (!line && !isIn(check, step)) {
      return detail.replaceChildren(h("p", { class: "quiet" }, `Step ${step} is ${step < check.n ? "before" : "after"} this check.`),
        h("button", { type: "button", class: "go", onclick: () => go(check.n) }, icon("into"), `Go to step ${check.n}`));
    }
    const row = story.rows[walk.cursor], asked = (part?.asked ?? []).filter(([n]) => n <= step);
    const why = row.kind === "rule" ? ruled(walk.cursor) : null;
    const decided = part?.decided <= step && part.decided !== row.n ? ruled(story.rowOf(part.decided)) : null;
    detail.replaceChildren(...[h("h3", {}, seen(sentence(story, walk.cursor), 200)), h("div", { class: "cap" }, `step ${row.n}`, line ? ` · ${spokenLine(line)}` : ""), why,
      asked.length ? h("dl", {}, asked.flatMap(([n, answer]) => question(n, answer, step))) : null, decided,
      check.explanation && step >= check.end - 1 ? h("p", { class: "why" }, "Its owner explains: ", h("q", {}, seen(check.explanation, 300))) : null].filter(Boolean));
  }

  /** The sentence of a rule, and where it is written. */
  function ruled(i) {
    const why = h("p", { class: "why" });
    explain(why, app.story, i, "");
    return why;
  }

  function question(n, answer, step) {
    const { story } = app, reply = answer !== undefined && answer !== null && answer <= step ? story.rows[story.rowOf(answer)] : undefined;
    return [h("dt", {}, icon("ask"), h("span", { class: "mono" }, seen(story.rows[story.rowOf(n)].label, 120))),
      h("dd", { class: "mono", "data-void": Boolean(reply?.outcome) }, reply ? recordsOf(reply) : "…")];
  }

  return { element, draw, follow, home: tree };
}

/** The records of an answer, one a line; or that there was none. */
function recordsOf(row) {
  const records = (row.data ?? "").split("\n").slice(1);
  return records.length ? records.slice(0, 12).map(record => h("div", {}, seen(record, 600))) : seen(row.label, 200);
}

/** Cells: `quiet` of them used before, `own` by this one; what is beyond the last stands crossed out behind it. */
function meter(quiet, most, own) {
  const over = own.some(at => at > most), cells = most + (over ? 1 : 0);
  const cell = at => `M${(at - 1) * CELL + 1} 1h${CELL - 2}v${HIGH - 2}h${2 - CELL}Z`;
  const all = (from, to) => Array.from({ length: Math.max(0, to - from + 1) }, (_, k) => cell(from + k)).join("");
  const x = most * CELL;
  return s("svg", { class: "mp-spf-meter", width: (most + 1) * CELL, height: HIGH, viewBox: `0 0 ${(most + 1) * CELL} ${HIGH}`, "aria-hidden": "true", "data-cells": cells },
    s("path", { class: "all", d: all(1, most) }), quiet ? s("path", { class: "before", d: all(1, Math.min(quiet, most)) }) : null,
    s("path", { class: "own", d: own.filter(at => at <= most).map(cell).join("") }),
    over ? s("path", { class: "over", d: `M${x + 1} 2l${CELL - 2} ${HIGH - 4}m0 ${4 - HIGH}l${2 - CELL} ${HIGH - 4}` }) : null);
}
