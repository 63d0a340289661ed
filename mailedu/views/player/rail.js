// State rail: the states of the table that ran, where the conversation is among them, and the edge just taken.

import { h, s } from "./dom.js";
import { seen } from "./words.js";

const Y = 34; // the middle of the states
const ROOM = 5; // px between two states, at least
const MORE = "…"; // stands for the states there is no room for

const size = name => Math.max(26, 12 + [...name].reduce((sum, c) => sum + (c === c.toLowerCase() ? 5.7 : 7.4), 0));

/**
 * The rail of the conversation that row i stands in, at row `after`; `prompt(verb)` puts a command
 * into the prompt, where there is one.
 */
export function stateRail(story, i, after, wide, prompt) {
  const talk = story.talk[i], machine = story.machines[story.talks[talk]?.machine];
  if (!machine) return h("div", { class: "mp-state" }, h("span", { class: "cap" }, none(story, i)));
  const states = fitting(story, talk, machine, wide), label = state => machine.labels?.[state] ?? state;
  const now = story.state(talk, after), is = now ? now[2] : machine.states[0];
  const moved = now && now[3] >= i && now[3] <= after && story.rows[i].level !== "conversation";
  const allowed = machine.rows.filter(row => row[0] === is);
  const picture = draw(states, label, is, moved ? now : null, allowed, wide);
  picture.setAttribute("aria-label", `State of ${machine.title}: ${label(is)}${moved ? `, was ${label(now[0])}` : ""}`);
  const verbs = [...new Set(allowed.map(row => row[1]))];
  return h("div", { class: "mp-state" }, picture, h("div", { class: "next" }, h("span", {}, `${machine.title}, next:`),
    verbs.length ? verbs.map(verb => prompt ? h("button", { type: "button", title: "Put it into the prompt", onclick: () => prompt(verb) }, verb) : h("span", { class: "verb" }, verb)) : "nothing more"));
}

const none = (story, i) => story.talk[i] >= 0 ? "No state table came with this conversation."
  : story.rows[i].level === "journey" ? "Each conversation in it has a state of its own." : "No protocol state here: a decision, not a conversation.";

/**
 * The states there is room for, in the order of the table; those shown under another's name (`labels`) stand in its
 * place.  Where not all fit: the ones this conversation is ever in, then the others as far as they go, and "…"
 * if there is room for it.
 */
function fitting(story, talk, machine, wide) {
  const label = state => machine.labels?.[state] ?? state, all = [...new Set(machine.states.map(label))];
  const met = new Set([label(machine.states[0]), ...story.entered[talk].was.flatMap(([was, , is]) => [was, is]).filter(Boolean).map(label)]);
  const rest = all.filter(state => !met.has(state));
  const room = states => states.reduce((sum, state) => sum + size(state) + ROOM, 0) <= wide;
  if (room(all)) return all;
  if (!room([...met, MORE])) return all.filter(state => met.has(state));
  const kept = new Set(met);
  for (const state of rest) if (room([...kept, state, MORE])) kept.add(state);
  return kept.size === all.length ? all : [...all.filter(state => kept.has(state)), MORE];
}

function draw(states, label, is, moved, allowed, wide) {
  const places = spread(states, wide), X = state => (places.get(label(state)) ?? places.get(MORE))?.x;
  const svg = s("svg", { height: 56, viewBox: `0 0 ${wide} 56`, role: "img" });
  const reach = new Set(allowed.map(row => label(row[3])));
  for (const state of reach) if (X(state) !== undefined) svg.append(s("path", { class: "may", d: arc(X(is), X(state)) }));
  if (moved) svg.append(...taken(moved, X, label));
  const was = moved ? label(moved[0]) : "";
  for (const state of states) {
    const { x, name, size } = places.get(state), role = state === label(is) ? " is" : state === was ? " was" : "";
    svg.append(s("rect", { class: "nd" + role, x: x - size / 2, y: Y - 9, width: size, height: 18, rx: 9 }),
      s("text", { class: role === " is" ? "name is" : "name", x, y: Y + 3.5 }, s("title", {}, state), name));
  }
  return svg;
}

/** Where each state stands: as wide as its name, with equal room between; the longest names are cut when all are too wide. */
export function spread(states, wide) {
  const names = [...states], total = () => names.reduce((sum, name) => sum + size(name), 0);
  for (let most = Math.max(...names.map(name => name.length)) - 1; total() + ROOM * (names.length - 1) > wide && most > 2; most--)
    states.forEach((state, at) => { if (state.length > most) names[at] = state.slice(0, most - 1) + "…"; });
  const gap = Math.max(2, (wide - total()) / names.length);
  let left = gap / 2;
  return new Map(states.map((state, at) => {
    const own = size(names[at]), x = left + own / 2;
    left += own + gap;
    return [state, { x, name: names[at], size: own }];
  }));
}

/** The edge just taken, and the command that took it. */
function taken([was, verb, is], X, label) {
  const from = X(was), to = X(is), up = to >= from ? -1 : 1, loop = label(was) === label(is);
  return [s("path", { class: "took", d: arc(from, to) }),
    loop ? null : s("path", { class: "tookh", d: `M${to} ${Y + up * 9}l-4 ${up * 6}h8Z` }),
    s("text", { class: "verb", x: (from + to) / 2, y: up < 0 ? 10 : 56 }, seen(verb, 20))].filter(Boolean);
}

function arc(from, to) {
  if (from === to) return `M${from - 7} ${Y - 9}c-8 -16 22 -16 14 0`;
  const up = to >= from ? -1 : 1, bow = up * (16 + Math.min(14, Math.abs(to - from) / 14));
  return `M${from} ${Y + up * 9}C${from} ${Y + bow} ${to} ${Y + bow} ${to} ${Y + up * 10}`;
}
