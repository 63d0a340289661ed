// Octets: glossed between the lines as linguists do, bytes on top, what they are below; and as hexadecimal.

import { h } from "./dom.js";
import { glossLines, owners } from "./spans.js";
import { decoded, hex, plural, seen } from "./words.js";

const SHORT = 64; // octets: the hexadecimal stands under the text
const LINES = 120, PIECES = 400, HEX = 512; // drawn at once; a button draws more

/** Fill `box` with the octets of `row`, as "text", "hex" or mere "words".  `tell(name)` is called with the span pointed at, "" when none is. */
export function drawOctets(story, box, row, mode, columns, tell) {
  const short = row.data.length <= SHORT;
  box.toggleAttribute("data-short", short);
  const mark = (span, on, name) => {
    for (const piece of box.querySelectorAll("[data-span]")) piece.toggleAttribute("data-hi", on && piece.dataset.span === String(span));
    tell(on ? name : "");
  };
  if (short || mode !== "hex") inPortions(box, portion => text(story, row, portion, mark), "lines", glossLines(row).length, LINES);
  if (mode === "hex" || (short && mode !== "words")) inPortions(box, portion => hexadecimal(story, row, portion, columns, mark), "octets", row.data.length, HEX);
  if (row.size) box.append(h("p", { class: "quiet" }, `… and ${plural(row.size - row.data.length, "octet")} that are not kept here.`));
  roving(box);
}

/** The first lines of a message, glossed. */
export function drawGlosses(story, row, lines) {
  const more = glossLines(row, lines + 1).length > lines;
  return h("div", { class: "glosses" }, glosses(story, row, glossLines(row, lines)), more ? h("span", { class: "quiet" }, "…") : null);
}

/** `draw([from, to])` for the first portion, and a button for the next one. */
function inPortions(box, draw, what, size, most, from = 0) {
  const to = Math.min(size, from + most);
  box.append(draw([from, to]));
  if (to >= size) return;
  const more = h("button", {
    type: "button", class: "more",
    onclick() {
      const before = [...box.children].indexOf(more);
      more.remove();
      const rest = [...box.children].slice(before);
      inPortions(box, draw, what, size, most, to);
      box.append(...rest);
      roving(box);
    },
  }, `${(size - to).toLocaleString("en")} more ${what}`);
  box.append(more);
}

const text = (story, row, [from, to], mark) => h("div", { class: "glosses" }, glosses(story, row, glossLines(row, to).slice(from, to), mark));

/** Lines; one that has the same names as the line before it need not tell them again. */
function glosses(story, row, lines, mark) {
  let before = "";
  return lines.map(line => {
    const names = line.map(piece => piece.name).join("|"), same = names === before;
    before = names;
    return gloss(story, row, line, same, mark);
  });
}

/** One line; each name is told once in it, for too many names are none.  The end of the line keeps to what it ends. */
function gloss(story, row, line, untold, mark) {
  const told = new Set(untold ? line.map(piece => piece.name) : []), named = !untold && line.some(piece => story.kind(piece.name) !== "text");
  const pieces = line.slice(0, PIECES).map(piece => {
    const name = piece.first && !UNNAMED.has(piece.name) && !told.has(piece.name) ? piece.name : "";
    told.add(piece.name);
    return glossed(story, row, piece, named ? h("i", {}, name) : null, mark);
  });
  const last = line.at(-1);
  if (pieces.length > 1 && last.text.endsWith("\n")) pieces.push(h("span", { class: "tail" }, pieces.splice(-2)));
  return h("div", { class: "gl" }, pieces, line.length > PIECES ? h("span", { class: "quiet" }, `… ${line.length - PIECES} more pieces`) : null);
}

const UNNAMED = new Set(["text", "space", "CRLF", "(", ")", "[", "]", "colon", "equals", "at sign", "angle bracket"]);

/** A piece with its name below; where it can be pointed at, it is a stop for the keyboard too. */
function glossed(story, row, piece, name, mark) {
  const kind = story.kind(piece.name), look = { class: "g", "data-k": row.mood === "bad" && kind === "code" ? "no" : kind };
  if (!mark) return h("span", look, h("b", {}, letters(piece)), name);
  const on = () => mark(piece.span, true, piece.name), off = () => mark(piece.span, false);
  return h("button", { ...look, type: "button", tabindex: -1, "data-span": piece.span, onmouseenter: on, onmouseleave: off, onfocus: on, onblur: off }, h("b", {}, letters(piece)), name);
}

/** Blanks that stand for themselves are drawn as dots; the end of a line is a mark. */
function letters({ text }) {
  if (/^ {1,2}$/.test(text)) return "·".repeat(text.length);
  if (text.endsWith("\r\n") && text.length > 2) return [seen(decoded(text.slice(0, -2))), h("span", { class: "quiet" }, "↵")];
  return seen(decoded(text));
}

function hexadecimal(story, row, [from, to], columns, mark) {
  const own = owners(row, from, to), cells = [];
  for (let i = from; i < to; i++) {
    if (i % columns === 0) cells.push(h("span", { class: "o" }, hex(i, 4).toLowerCase()));
    const [name, span] = own[i - from], kind = story.kind(name);
    cells.push(h("span", {
      class: "x", "data-k": row.mood === "bad" && kind === "code" ? "no" : kind, "data-span": span, "data-first": i === span,
      onmouseenter: () => mark(span, true, name), onmouseleave: () => mark(span, false),
    }, hex(row.data.charCodeAt(i)).toLowerCase()));
  }
  return h("div", { class: "hex", style: { "grid-template-columns": `auto repeat(${columns}, auto)` } }, cells);
}

/** One tab stop for all spans; arrows go from one to the next. */
export function roving(box) {
  const stops = [...box.querySelectorAll("button.g")];
  stops.forEach((stop, at) => { stop.tabIndex = at ? -1 : 0; });
  box.onkeydown = event => {
    const at = stops.indexOf(event.target), to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: stops.length - 1 }[event.key];
    if (at < 0 || to === undefined || !stops[to]) return;
    event.preventDefault();
    event.stopPropagation();
    stops[at].tabIndex = -1;
    stops[to].tabIndex = 0;
    stops[to].focus();
  };
}
