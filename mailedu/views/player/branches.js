// Branches: two futures side by side, from where they part; equal rows stand beside each other.

import { align, fork } from "./align.js";
import { h, icon, s, tag } from "./dom.js";
import { laneDrawing } from "./glyphs.js";
import { seen } from "./words.js";

const MOST = 600; // rows of a future that are compared

export function branchesPane(app) {
  const element = h("div", { class: "mp-pane", tabindex: 0, role: "region", "aria-label": "Two futures" });

  function draw() {
    const branch = app.futures.find(future => future.id === app.compared) ?? app.futures.at(-1);
    if (!branch) return element.replaceChildren(h("p", { class: "quiet" }, "No branches yet: type another command below the story."));
    const before = app.storyOf(branch.parent), after = branch.story;
    if (!before) return element.replaceChildren(h("p", { class: "quiet" }, "This branch's past is not here."));
    const at = Math.min(fork(before, after), before.rowOf(branch.at));
    const left = told(before, at), right = told(after, at);
    const pairs = align(left, right, (a, b) => same(before.rows[a], after.rows[b]));
    const first = pairs.findIndex(([a, b]) => a === undefined || b === undefined || !same(before.rows[a], after.rows[b]));
    element.replaceChildren(pick(branch), h("div", { class: "mp-cmp" },
      past(before, at),
      name(branch.parent, before, at), name(branch.id, after, at), ends(before, after), ends(after, before),
      pairs.flatMap(([a, b], k) => [cell(branch.parent, before, a, k, first, b !== undefined && a !== undefined && k !== first && same(before.rows[a], after.rows[b])),
        cell(branch.id, after, b, k, first, a !== undefined && b !== undefined && k !== first && same(before.rows[a], after.rows[b]))])));
  }

  const pick = branch => app.futures.length < 2 ? h("span") : h("label", { class: "mp-which" }, "Branch ", h("select", { onchange: event => { app.compared = event.target.value; draw(); } },
    app.futures.map(future => h("option", { value: future.id, selected: future === branch }, seen(future.title, 60)))));

  const past = (story, at) => h("div", { class: "full" },
    h("p", {}, h("b", {}, at ? `Steps up to ${story.rows[Math.max(0, at - 1)].n} are the same in both` : "Nothing is the same in both"), h("span", { class: "quiet" }, ", replayed into a fresh, equal world")),
    h("div", { class: "fork" }, s("svg", { height: 26, viewBox: "0 0 400 26", width: "100%", preserveAspectRatio: "none", "aria-hidden": "true" },
      s("path", { "vector-effect": "non-scaling-stroke", d: "M200 0V8C200 18 100 10 100 26M200 8C200 18 300 10 300 26" }))));

  const name = (id, story, at) => h("h4", {}, h("span", {}, `${id === "" ? "As it was" : "Branch"}: ${seen(story.rows[at]?.label ?? "", 60)}`),
    h("button", { type: "button", class: "walk", onclick: () => app.show(id, story.rows[at] ? at : 0) }, "Walk it"));

  /** What each future came to, by the meters; underlined where they differ. */
  const ends = (story, other) => h("div", { class: "end" }, story.meters.filter(meter => meter.id !== "octets").map(meter => {
    const value = story.meter(meter.id, story.size - 1);
    return h("div", { "data-x": value !== other.meter(meter.id, other.size - 1) }, h("b", {}, value.toLocaleString("en")), h("div", { class: "cap" }, seen(meter.label, 40)));
  }));

  function cell(id, story, i, k, first, equal) {
    if (i === undefined) return h("div", { class: "ln none", "aria-hidden": "true" });
    const row = story.rows[i], mono = row.kind === "say" || row.kind === "ask" || row.kind === "answer";
    return h("div", { class: "ln", "data-first": k === first, "data-same": equal, onclick: () => app.show(id, i) },
      h("span", { class: "n" }, row.n), laneDrawing(story, i, { pad: 11, gap: 20 }, { folded: true }),
      h("span", { class: mono ? "lb mono" : "lb" }, seen(row.label, 160)), row.outcome ? tag(row.mood, seen(row.outcome, 30)) : null,
      k === first ? h("span", { class: "flag" }, icon("differs"), "first difference") : h("span", { class: "eq", role: "img", "aria-label": equal ? "the same" : "different" }, equal ? "=" : ""));
  }

  return { element, draw };
}

const same = (a, b) => a.label === b.label && a.actor === b.actor && a.kind === b.kind;

/** The rows of a future that tell it: what is said, asked, stored; decisions as one row each. */
function told(story, from) {
  const rows = [];
  for (let i = from; i < story.size && rows.length < MOST; i++) {
    const row = story.rows[i], decision = row.kind === "open" && row.level === "decision";
    if (row.kind !== "open" || decision || row.level === "conversation") rows.push(i);
    if (decision) i = story.end[i];
  }
  return rows;
}
