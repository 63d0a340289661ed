// The tap: one call as three see it, its two ends and whoever listens on the way.  Piece by piece, in the order of time.

import { along } from "./along.js";
import { h, icon, put } from "./dom.js";
import { changed, columns, header, low, pieceAt } from "./pieces.js";
import { plural, seen } from "./words.js";

export const holdsTap = story => Boolean(story.tap?.length);

const MOST_LINES = 14, MOST_CHOSEN = 200; // lines of a piece, and of the one that one stands on
const HIDDEN = "under TLS";

export function tapPane(app) {
  const heads = h("div", { class: "mp-tap-heads" });
  const { move, ends } = along(() => at, () => call().rows.length - 1, to => go(to));
  const list = h("div", { class: "mp-tap-list", role: "listbox", tabindex: 0, "aria-label": "What was said, in the order of time", onkeydown: ends });
  const detail = h("div", { class: "mp-tap-detail", role: "region", tabindex: 0, "aria-label": "This piece on the wire" });
  const element = h("div", { class: "mp-tap" }, heads, list, detail);
  let story, which = 0, at = -1, stood = -1, items = [], opening; // the piece with the first record

  const call = () => story.tap[which] ?? story.tap[0];

  function draw() {
    if (story !== app.story) [story, which, at, stood] = [app.story, 0, -1, -1];
    element.hidden = !holdsTap(story);
    if (element.hidden) return;
    if (at < 0) which = Math.max(0, callAt());
    drawCall();
    follow();
  }

  function drawCall() {
    const { client, server, rows } = call();
    opening = rows.find(row => row.records?.length);
    const spies = rows.some(row => row.did);
    heads.replaceChildren(...[
      h("div", {}, icon("person"), h("b", {}, seen(client, 60)), h("span", { class: "quiet" }, "client")),
      h("div", { "data-bad": spies }, icon("eye"), h("b", {}, spies ? "the attacker" : "who listens"), h("span", { class: "quiet" }, "on the wire")),
      h("div", {}, icon("server"), h("b", {}, seen(server, 60)), h("span", { class: "quiet" }, "server")),
      story.tap.length > 1 ? h("div", { class: "which" }, h("select", { "aria-label": "Call", onchange: event => choose(Number(event.target.value)) },
        story.tap.map((one, k) => h("option", { value: k, selected: k === which }, `${seen(one.name, 60)} · ${marks(one)}`)), story.tap.at(-1).more ? h("option", { disabled: true }, `and ${plural(story.tap.at(-1).more, "more call")}, in the story`) : null)) : null,
    ].filter(Boolean));
    items = rows.map(piece);
    list.replaceChildren(...items, ...(call().cut ? [h("div", { class: "more quiet", role: "presentation" }, "What comes after this is in the story.")] : []));
  }

  const marks = one => one.rows.some(row => row.did) ? "attacked" : one.rows.some(row => row.sealed) ? HIDDEN : "in the clear";

  function choose(to) {
    which = to;
    at = -1;
    drawCall();
    go(0);
  }

  /** The call that the step belongs to; -1 for none of them. */
  function callAt() {
    const talk = story.talk[app.walk.after()], name = talk < 0 ? "" : story.talks[talk].name;
    return story.tap.findIndex(one => one.name === name);
  }

  /** The cursor is the player's; where it was led from here, the piece is known. */
  function follow() {
    if (story !== app.story) return draw();
    if (element.hidden) return;
    if (app.walk.pending >= 0) return app.turn("story"); // there one is asked
    if (app.walk.cursor !== stood || at < 0) {
      const found = callAt();
      if (found >= 0 && found !== which) { which = found; drawCall(); }
      at = pieceAt(call().rows, story.rows[app.walk.after()].n);
    }
    stood = app.walk.cursor;
    element.toggleAttribute("data-quiz", app.walk.quiz);
    items.forEach((one, k) => { put(one, { "aria-selected": String(k === at) }); one.toggleAttribute("data-future", k > at); });
    list.setAttribute("aria-activedescendant", items[at]?.id ?? "");
    items[at]?.scrollIntoView?.({ block: "nearest" });
    drawDetail();
  }

  function go(to) {
    const { rows } = call(), next = Math.max(0, Math.min(rows.length - 1, to)), moved = next !== at;
    const from = rows[Math.max(0, Math.min(at, next))].n;
    at = next;
    const row = story.rowOf(rows[at].n);
    stood = row;
    const asked = app.walk.quiz ? app.walk.toPredict(story.rowOf(from) - 1, row) : -1;
    app.go(asked < 0 ? row : asked, { jump: true, reveal: true });
    if (asked < 0) app.say(spoken(rows[at]));
    return moved;
  }

  // -- a piece in three columns

  function piece(row, k) {
    const shake = !row.from && !row.did;
    return h("div", { class: "mp-tap-item", role: "option", id: `${app.uid}-tap${k}`, "aria-label": spoken(row), "data-from": row.from || undefined, "data-sealed": row.sealed, "data-shake": shake, "data-did": Boolean(row.did),
      onclick: () => { go(k); list.focus({ preventScroll: true }); } },
      h("span", { class: "n", "aria-hidden": "true" }, row.n), ...(shake ? handshake(row) : three(row)));
  }

  function three(row) {
    const { client, wire, server } = columns(row), other = row.from === "client" ? server : client;
    const differs = row.said !== undefined && other !== undefined && other !== row.said && (Boolean(row.did) || !row.said.startsWith(other)); // some is heard line by line
    const end = (side, text) => {
      const speaks = row.from === side;
      if (text === undefined) return h("div", { class: "cell end", "data-side": side, "data-none": true }, speaks || row.aside ? "" : row.did ? [icon("cross"), " nothing comes"] : "");
      return h("div", { class: "cell end", "data-side": side, "data-same": !speaks && !differs, "data-changed": !speaks && differs },
        way(row), lines(!speaks && differs ? changed(row.said, text).filter(([sign]) => sign !== "-") : plain(text)),
        speaks && row.own ? h("p", { class: "decoded" }, icon("lock"), " base64 of ", h("b", { class: "mono" }, seen(row.own, 200))) : null,
        !speaks && differs ? h("p", { class: "word" }, icon("differs"), " not what was said") : null);
    };
    return [end("client", client), middle(row, wire), end("server", server)];
  }

  const way = row => h("span", { class: "way", "aria-hidden": "true" }, row.from === "client" ? "▸" : "◂");

  const plain = text => text.split("\n").map(line => [" ", line]);

  /** What whoever listens reads: the same text, or records; and what he did. */
  function middle(row, wire) {
    const did = row.did ? [
      h("p", { class: "did" }, icon("cross"), h("span", {}, " ", seen(row.did, 400))),
      row.told !== undefined && row.told !== wire ? [h("p", { class: "word" }, "and says instead:"), lines(wire === undefined ? plain(row.told).map(([, line]) => ["+", line]) : changed(wire, row.told))] : null,
      row.told === undefined && row.read !== undefined && !/hands/.test(row.did) ? h("p", { class: "word" }, "and says nothing on.") : null] : [];
    const read = wire === undefined || (row.told !== undefined && row.told !== wire) ? null : lines(plain(wire));
    return h("div", { class: "cell wire", "data-side": "wire", "data-same": !row.did && !row.sealed && !row.decoded },
      (row.records ?? []).map((one, k) => sealedLine(header(one), row === opening && k === 0)), row.sealed && !row.records && !row.did ? h("p", { class: "seal" }, icon("lock"), ` ${HIDDEN}`) : null, did, read,
      row.decoded ? h("p", { class: "decoded bad" }, icon("unlocked"), " base64 of ", h("b", { class: "mono" }, seen(row.decoded, 200))) : null);
  }

  const sealedLine = ({ octets, length, name, type }, first) => h("p", { class: "seal" }, h("span", { class: "mono hd" }, octets.map((octet, k) => h("span", { "data-first": first && k === 0 }, low(octet)))),
    h("span", { class: "noise", "aria-hidden": "true" }), h("span", { class: "quiet" }, `${type === 23 ? "" : `${name}, `}${plural(length, "octet")}`));

  function lines(all) {
    const shown = all.length > MOST_LINES ? [...all.slice(0, MOST_LINES - 2), ["…", `… ${all.length - MOST_LINES + 1} more lines`], all.at(-1)] : all;
    return h("div", { class: "lines mono" }, shown.map(([sign, line]) => h("div", { "data-sign": sign }, sign === "-" || sign === "+" ? h("b", {}, sign === "-" ? "− " : "+ ") : null, seen(line, 400) || " ")));
  }

  /** TLS begins: both speak, and all three see the records. */
  const handshake = row => [h("div", { class: "cell shake" },
    h("p", { class: "word" }, icon(row.outcome ? "cross" : "lock"), h("b", {}, " TLS handshake"), row.outcome ? h("span", { class: "out" }, ` failed: ${seen(row.outcome, 200)}`) : null),
    h("ul", {}, (row.records ?? []).map((one, k) => {
      const told = header(one);
      return h("li", { "data-from": told.from }, h("span", { class: "way", "aria-hidden": "true" }, told.from === "client" ? "▸" : "◂"), sealedLine(told, row === opening && k === 0));
    })))];

  function spoken(row) {
    if (!row.from && !row.did) return `TLS handshake, ${plural((row.records ?? []).length, "record")}${row.outcome ? `, failed: ${seen(row.outcome, 200)}` : ""}`;
    const { wire } = columns(row), text = row.said ?? row.heard ?? row.read ?? "";
    const parts = [row.aside ? "" : `The ${row.from} says: ${seen(text.split("\n")[0], 160)}`];
    if (!row.aside) parts.push(wire === undefined ? `${HIDDEN}: who listens sees ${plural((row.records ?? []).length, "record")}` : row.did ? "the attacker reads it" : "who listens reads it");
    if (row.decoded) parts.push(`the password is ${seen(row.decoded, 100)}`);
    if (row.did) parts.push(seen(row.did, 300));
    return parts.filter(Boolean).join(". ");
  }

  // -- the chosen piece: its records one by one, and what they carry

  function drawDetail() {
    const row = call().rows[at];
    if (!row) return detail.replaceChildren();
    const records = (row.records ?? []).map(header), { wire } = columns(row);
    const who = row.read === undefined ? "as only the two ends know" : "as the two ends know, and the attacker";
    detail.replaceChildren(...[
      h("div", {}, h("h3", {}, title(row, records)), records.length ? table(records, row === opening) : null,
        records.some(one => one.version === "1.2") ? h("p", { class: "quiet" }, "TLS 1.3 writes 03 03 as well, so that old boxes on the way let it pass (RFC 8446 §5.1).") : null,
        row.decoded ? h("p", {}, "Whoever listens reads the log-in: base64 is a way to write octets, and no secret.") : null,
        row.rule ? h("p", { class: "quiet" }, `${row.rule}, step ${row.did_n}`) : null,
        !records.length && wire !== undefined && wire.split("\n").length > MOST_LINES ? longer(wire) : null),
      records.length && row.said !== undefined ? h("div", { class: "carries" }, h("h3", {}, "They carry this, ", who), longer(row.said)) : null,
    ].filter(Boolean));
  }

  function title(row, records) {
    if (!row.from && !row.did) return "The handshake, record by record";
    if (records.length) return `${plural(records.length, "TLS record")}, cut by the five octets before each`;
    if (row.aside) return "The attacker alone";
    if (row.sealed) return "Under TLS";
    return row.did ? "In the clear: who is on the wire can change it" : "In the clear: all three read the same octets";
  }

  function longer(text) {
    const all = text.split("\n");
    return h("div", { class: "lines mono" }, all.slice(0, MOST_CHOSEN).map(line => h("div", {}, seen(line, 600) || " ")), all.length > MOST_CHOSEN ? h("div", { class: "quiet" }, `… ${all.length - MOST_CHOSEN} more lines`) : null);
  }

  const table = (records, first) => h("table", {},
    h("thead", {}, h("tr", {}, ["from", "type", "version", "length", "what follows"].map(name => h("th", { scope: "col" }, name)))),
    h("tbody", {}, records.map(({ from, type, name, length, octets, version, rest }, k) => h("tr", {},
      h("td", {}, from),
      h("td", { "data-first": first && k === 0 }, bytes(octets, 0, 1), ` ${seen(name, 60)}`, first && k === 0 && type === 22 ? h("span", { class: "word" }, " ◂ with this octet TLS begins") : null),
      h("td", {}, bytes(octets, 1, 3), version ? ` TLS ${version}` : ""),
      h("td", {}, bytes(octets, 3, 5), ` ${plural(length, "octet")}`),
      h("td", { class: "mono quiet" }, rest, length > 11 ? " …" : "")))));

  const bytes = (octets, from, to) => h("b", { class: "mono" }, octets.slice(from, to).map(low).join(" "));

  return { element, draw, follow, move, home: list };
}
