// World: the meters after a step, and what it changed; inside a check its budgets: whatever a rule counts as "2 of 10".

import { h } from "./dom.js";
import { under } from "./model.js";
import { seen } from "./words.js";

const METERS = 5, FEW = 4; // shown at once, and where it is narrow
const MOST_PIPS = 20;
const BUDGET = /^(\d{1,4}) of (\d{1,4})$/;

export function worldBand(app, i, after) {
  const { story } = app, room = app.sizes.inspector < 420 && app.sizes.player > 640 ? FEW : METERS, inside = budgets(story, i, after);
  return h("div", { class: "mp-world", role: "group", "aria-label": "World" },
    inside.slice(0, room - 1).map(budget => pips(budget)),
    counted(story, after, room - Math.min(inside.length, room - 1)).map(meter =>
      gauge(meter.label, meter.id, story.meter(meter.id, after), i ? story.meter(meter.id, i - 1) : 0)));
}

function gauge(label, title, value, before) {
  const change = value - before;
  return h("div", { class: "m", "data-d": change !== 0, title: seen(title, 100) },
    h("div", { class: "v" }, value.toLocaleString("en"), change ? h("span", { class: "d" }, (change > 0 ? "+" : "−") + Math.abs(change).toLocaleString("en")) : null),
    h("span", { class: "cap" }, seen(label, 40)));
}

/** The meters with room for them: those that counted last, in their own order. */
function counted(story, after, room) {
  if (story.meters.length <= room) return story.meters;
  const last = meter => { const { at } = story.metered[meter.id]; return at[under(at, after)] ?? -1; };
  const chosen = new Set([...story.meters].sort((a, b) => last(b) - last(a)).slice(0, room));
  return story.meters.filter(meter => chosen.has(meter));
}

/** What the rules of the check that row i stands in have counted so far: [{name, spent, of, by}], by the row that counted last. */
export function budgets(story, i, after) {
  let check = -1;
  for (let up = i; up >= 0; up = story.up[up]) if (story.rows[up].level === "decision" && story.rows[up].kind === "open" && !story.parted[up]) check = up;
  const found = new Map();
  if (check < 0 || check === i && after === i) return [];
  for (let k = check + 1; k <= after; k++) for (const [name, value] of Object.entries(story.rows[k].because ?? {})) {
    const [, spent, of] = BUDGET.exec(value) ?? [];
    if (of) found.set(name, { name, spent: Number(spent), of: Number(of), by: k });
  }
  return [...found.values()].map(budget => ({ ...budget, fresh: budget.by >= i }));
}

function pips({ name, spent, of, fresh }) {
  const few = of <= MOST_PIPS;
  return h("div", { class: "m", "data-d": fresh },
    h("div", { class: "v" }, spent, h("span", { class: "quiet of" }, `/${of}`),
      few ? h("span", { class: "pips", "aria-hidden": "true" }, Array.from({ length: of }, (_, k) => h("i", { "data-on": k < spent, "data-new": fresh && k === spent - 1 }))) : null),
    h("span", { class: "cap" }, seen(name, 40)));
}
