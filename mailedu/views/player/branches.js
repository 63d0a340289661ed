// Branches: two futures side by side, from where they part; equal rows stand beside each other.

import { align, fork } from "./align.js";
import { h, icon, s, tag } from "./dom.js";
import { laneDrawing } from "./glyphs.js";
import { brief, seen } from "./words.js";

const MOST = 600; // rows of a future that are compared

export function branchesPane(app) {
  const element = h("div", { class: "mp-pane", tabindex: 0, role: "region", "aria-label": "Two futures" });

  function draw() {
    const branch = app.futures.find(future => future.id === app.compared) ?? app.futures.at(-1);
    if (!branch) return element.replaceChildren(h("p", { class: "quiet" }, "No branches yet: type another command below the story."));
    const before = app.storyOf(branch.parent), after = branch.story;
    if (!before) return element.replaceChildren(h("p", { class: "quiet" }, "This branch's past is not here."));
    const at = Math.min(fork(before, after), before.rowOf(branch.at) + 1, before.size - 1);
    const left = told(before, at), right = told(after, at);
    const pairs = align(left, right, (a, b) => same(before.rows[a], after.rows[b]));
    const first = pairs.findIndex(([a, b]) => a === undefined || b === undefined || !same(before.rows[a], after.rows[b]));
    element.replaceChildren(pick(branch), h("div", { class: "mp-cmp" },
      past(before, at),
      name(branch.parent, before, at), name(branch.id, after, at), ends(before, after, before.talk[at]), ends(after, before, before.talk[at]),
      pairs.flatMap(([a, b], k) => [cell(branch.parent, before, a, k, first, b !== undefined && a !== undefined && k !== first && same(before.rows[a], after.rows[b])),
        cell(branch.id, after, b, k, first, a !== undefined && b !== undefined && k !== first && same(before.rows[a], after.rows[b]))])));
  }

  const pick = branch => app.futures.length < 2 ? h("span") : h("label", { class: "mp-which" }, "Branch ", h("select", { onchange: event => { app.compared = event.target.value; draw(); } },
    app.futures.map(future => h("option", { value: future.id, selected: future === branch }, seen(future.title, 60)))));

  const past = (story, at) => h("div", { class: "full" },
    h("p", {}, h("b", {}, at ? `Steps up to ${story.rows[Math.max(0, at - 1)].n} are the same in both` : "Nothing is the same in both"), h("span", { class: "quiet" }, ", replayed into a fresh, equal world")),
    h("div", { class: "fork" }, s("svg", { height: 26, viewBox: "0 0 400 26", width: "100%", preserveAspectRatio: "none", "aria-hidden": "true" },
      s("path", { "vector-effect": "non-scaling-stroke", d: "M200 0V8C200 18 100 10 100 26M200 8C200 18 300 10 300 26" }))));

  const name = (id, story, at) => {
    const label = seen(story.rows[at]?.label ?? "nothing more", 60), title = id === "" ? `As it was: ${label}` : seen(app.futures.find(future => future.id === id).title, 60);
    return h("h4", {}, id === "" ? null : icon("fork", "Branch"), h("span", { title }, title), h("button", { type: "button", class: "walk", onclick: () => app.show(id, story.rows[at] ? at : 0) }, "Walk it"));
  };

  /** What each future came to; underlined where they differ. */
  const ends = (story, other, talk) => {
    const others = new Map(came(other, talk));
    return h("div", { class: "end" }, came(story, talk).map(([label, value]) =>
      h("div", { "data-x": value !== others.get(label) }, h("b", {}, value), h("div", { class: "cap" }, label))));
  };

  function cell(id, story, i, k, first, equal) {
    if (i === undefined) return h("div", { class: "ln none", "aria-hidden": "true" });
    const row = story.rows[i], mono = row.kind === "say" || row.kind === "ask" || row.kind === "answer";
    return h("div", { class: "ln", "data-first": k === first, "data-same": equal, onclick: () => app.show(id, i) },
      h("span", { class: "n" }, row.n), laneDrawing(story, i, { pad: 11, gap: 20 }, { folded: true }),
      h("span", { class: mono ? "lb mono" : "lb" }, seen(row.label, 160)), row.outcome ? tag(row.mood, brief(row.outcome)) : null,
      k === first ? h("span", { class: "flag" }, icon("differs"), "first difference") : h("span", { class: "eq", role: "img", "aria-label": equal ? "the same" : "different" }, equal ? "=" : ""));
  }

  return { element, draw };
}

/** [label, value] of what a story ended with: refusals, the state of the conversation that forked, and the meters. */
function came(story, talk) {
  const end = story.size - 1, state = story.state(talk, end), machine = story.machines[story.talks[talk]?.machine];
  const refusals = story.rows.filter(row => row.kind === "say" && row.mood === "bad").length;
  return [["refusals", String(refusals)], ...(state ? [["state", seen(machine?.labels?.[state[2]] ?? state[2], 30)]] : []),
    ...story.meters.map(meter => [seen(meter.label, 40), story.meter(meter.id, end).toLocaleString("en")])];
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
