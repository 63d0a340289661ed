// The arena: one mailbox and all who have it open.  Moments in the order of time, and how everything stood after each.

import { along } from "./along.js";
import { h, icon, put } from "./dom.js";
import { plural, seen } from "./words.js";

export const holdsArena = story => Boolean(story.arena?.length);

const WAITS = { removed: "removed, not told", added: "new, not told", flagged: "other flags, not told" };

/** The place of the last moment that has begun at this step; the first one, where none has. */
export function momentAt(moments, step) {
  let at = 0;
  moments.forEach((moment, k) => { if (moment.n <= step) at = k; });
  return at;
}

/** What stands in a client's cell for a letter: { number, is, flags, words }. */
export function cellOf(seat, uid) {
  const number = seat.numbers.find(([one]) => one === uid)?.[1];
  const pending = seat.pending.find(([, one]) => one === uid)?.[0];
  const flags = seat.flags.find(([one]) => one === uid)?.[1] ?? "";
  const marked = seat.marked.includes(uid);
  return { number, is: pending ?? (number === undefined ? "none" : "told"), flags, words: WAITS[pending] ?? (marked ? "marked by DELE" : "") };
}

/** The letters that anybody has or waits for in this moment or the one before it. */
export function lettersOf(arena, at) {
  const met = new Set();
  for (const moment of arena.moments.slice(Math.max(0, at - 1), at + 1)) {
    moment.mail.forEach(([uid]) => met.add(uid));
    for (const seat of moment.seats) seat?.numbers.forEach(([uid]) => met.add(uid));
  }
  return arena.letters.filter(([uid]) => met.has(uid));
}

export function arenaPane(app) {
  const { move, ends } = along(() => at, () => arena().moments.length - 1, to => go(to));
  const list = h("div", { class: "mp-arena-list", role: "listbox", tabindex: 0, "aria-label": "Moments, in the order of time", onkeydown: ends });
  const board = h("div", { class: "mp-arena-board", role: "region", tabindex: 0, "aria-label": "The mailbox, and everybody's numbers" });
  const element = h("div", { class: "mp-arena" }, list, board);
  let story, which = 0, at = -1, stood = -1, items = [];

  // Where it is seen first, it begins where the first client comes.
  const first = app.story.opens === "arena" ? app.story.arena?.[0]?.moments.find(moment => moment.who >= 0) : undefined;
  if (first && app.walk.cursor === 0) app.walk.go(app.story.rowOf(first.n), { jump: true, reveal: true });

  const arena = () => story.arena[which] ?? story.arena[0];

  function draw() {
    if (story !== app.story) [story, which, at, stood] = [app.story, 0, -1, -1];
    element.hidden = !holdsArena(story);
    if (element.hidden) return;
    items = arena().moments.map(item);
    list.replaceChildren(...items, ...(arena().more ? [h("div", { class: "more quiet", role: "presentation" }, `and ${plural(arena().more, "more moment")}`)] : []));
    follow();
  }

  /** The cursor is the player's; where it was led from here, the moment is known. */
  function follow() {
    if (story !== app.story) return draw();
    if (element.hidden) return;
    if (app.walk.pending >= 0) return app.turn("story"); // there one is asked
    if (app.walk.cursor !== stood) at = momentAt(arena().moments, story.rows[app.walk.after()].n);
    stood = app.walk.cursor;
    element.toggleAttribute("data-quiz", app.walk.quiz);
    items.forEach((one, k) => { put(one, { "aria-selected": String(k === at) }); one.toggleAttribute("data-future", k > at); });
    list.setAttribute("aria-activedescendant", items[at]?.id ?? "");
    items[at]?.scrollIntoView?.({ block: "nearest" });
    drawBoard();
  }

  function go(to) {
    const next = Math.max(0, Math.min(arena().moments.length - 1, to)), moved = next !== at;
    at = next;
    const { n, end } = arena().moments[at], from = stood = story.rowOf(n);
    let last = from;
    for (let k = n; k <= end && app.walk.quiz; k++) last = Math.max(last, story.rowOf(k)); // its last step may stand in a row above
    const asked = app.walk.toPredict(from - 1, last);
    app.go(asked < 0 ? from : asked, { jump: true, reveal: true });
    if (asked < 0) app.say(spoken(at));
    return moved;
  }

  // -- the moments

  const nameOf = who => who < 0 ? "" : seen(arena().clients[who].name, 40);
  const said = moment => moment.said ? seen(moment.said, 140) : "is told";

  function item(moment, k) {
    return h("div", { class: "mp-arena-item", role: "option", id: `${app.uid}-arena${k}`, "data-who": moment.who, "data-wrong": moment.wrong.length > 0, onclick: () => { go(k); list.focus({ preventScroll: true }); } },
      h("span", { class: "n" }, moment.n), h("span", { class: "who" }, moment.who < 0 ? icon("save") : nameOf(moment.who)),
      h("span", { class: moment.who < 0 || !moment.said ? "lb" : "lb mono" }, said(moment)),
      moment.wrong.length ? icon("cross", "hit another letter than it meant") : moment.seats.some(seat => seat?.pending.length) ? h("span", { class: "dot", role: "img", "aria-label": "somebody was not told yet" }) : null);
  }

  const spoken = k => {
    const moment = arena().moments[k], waits = moment.seats.flatMap((seat, who) => seat?.pending.length ? [`${nameOf(who)}: ${seat.pending.length} not told`] : []);
    return `${nameOf(moment.who)} ${said(moment)}. ${waits.join(", ")}`;
  };

  // -- how everything stands

  function drawBoard() {
    const { clients, box, moments, older } = arena(), moment = moments[at];
    if (!moment) return board.replaceChildren(h("p", { class: "quiet" }, "Nobody has opened this mailbox yet."));
    const order = [0, -1, ...clients.keys()].filter((who, k) => k < 2 || who > 0), before = moments[at - 1];
    const rows = lettersOf(arena(), at).map(([uid, subject]) => h("tr", {}, order.map(who => who < 0 ? mailCell(moment, before, uid, subject) : seatCell(moment, before, who, uid))));
    board.replaceChildren(...[
      story.arena.length > 1 ? choice() : null,
      h("table", {}, h("caption", {}, seen(box, 80), older ? h("span", { class: "quiet" }, `, and ${plural(older, "older letter")}`) : null),
        h("thead", {}, h("tr", {}, order.map(who => who < 0 ? h("th", { scope: "col", class: "mail" }, "mailbox", h("span", {}, "UIDs")) : h("th", { scope: "col", "data-speaks": who === moment.who }, nameOf(who), h("span", {}, moment.seats[who] ? `${clients[who].protocol}, its numbers` : "not open"))))),
        h("tbody", {}, rows.length ? rows : h("tr", {}, h("td", { colspan: order.length, class: "quiet" }, "The mailbox is empty."))),
        h("tfoot", {}, h("tr", {}, order.map(who => h("td", { class: who < 0 ? "mail" : undefined }, foot(moment, who)))))),
      talk(moment),
    ].filter(Boolean));
  }

  const choice = () => h("label", { class: "which" }, "Mailbox ", h("select", { onchange: event => { which = Number(event.target.value); [at, stood] = [-1, -1]; draw(); } },
    story.arena.map((one, k) => h("option", { value: k, selected: k === which }, seen(one.box, 60)))));

  function mailCell(moment, before, uid, subject) {
    const flags = moment.mail.find(([one]) => one === uid)?.[1], was = before?.mail.find(([one]) => one === uid)?.[1];
    const here = flags !== undefined, hit = moment.wrong.includes(uid);
    return h("th", { scope: "row", class: "mail", "data-is": here ? "here" : "gone", "data-new": Boolean(before) && flags !== was, "data-hit": hit },
      h("b", {}, uid), " ", h("span", { class: "subject" }, seen(subject, 60)), h("span", { class: "flags" }, here ? seen(flags, 80) : "removed", hit ? " (hit)" : ""));
  }

  function seatCell(moment, before, who, uid) {
    const seat = moment.seats[who];
    if (!seat) return h("td", { "data-is": "closed" });
    const { number, is, flags, words } = cellOf(seat, uid), old = before?.seats[who] && cellOf(before.seats[who], uid);
    return h("td", { "data-is": is, "data-new": Boolean(old) && (old.number !== number || old.is !== is || old.flags !== flags) },
      h("b", {}, number ?? (is === "added" ? "?" : "–")), h("span", { class: "flags" }, words || seen(flags, 80)));
  }

  /** How many there are, as each one sees it; and what waits. */
  function foot(moment, who) {
    if (who < 0) return plural(moment.mail.length, "letter") + (arena().older ? " shown" : "");
    const seat = moment.seats[who];
    if (!seat) return "";
    return [`knows of ${seat.count}`, seat.pending.length ? h("span", { class: "waits" }, `${seat.pending.length} not told`) : null];
  }

  /** What was said in this moment. */
  const talk = moment => h("div", { class: "mp-arena-talk" },
    h("p", { class: moment.who < 0 ? "" : "mono" }, moment.who < 0 ? null : h("b", {}, moment.said ? `${nameOf(moment.who)}: ` : nameOf(moment.who) + " "), said(moment)),
    moment.wrong.length ? h("p", { class: "wrong" }, icon("cross"), `Its numbers meant another letter: UID ${moment.wrong.join(", ")} was hit.`) : null,
    moment.told.map(line => h("p", { class: "mono quiet" }, seen(line, 200))),
    moment.notes.map(note => h("p", { class: "note" }, seen(note, 400))));

  return { element, draw, follow, move, home: list };
}
