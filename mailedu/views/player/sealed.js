// Sealed: what others on the way see of octets under TLS: the headers of the records, and how long what they hide is.

import { h } from "./dom.js";
import { hex, plural } from "./words.js";

const FEW = 8; // records that are drawn
const PARTS = [[1, "TLS record type"], [2, "TLS record version"], [2, "TLS record length"]];
const TYPES = { 20: "change of cipher", 21: "alert", 22: "handshake", 23: "application data", 24: "heartbeat" };

/** The records that row has gone in; `tell(name)` is called with the part pointed at, "" when none is. */
export function sealed(row, tell) {
  const records = row.records ?? [];
  return h("div", { class: "sealed", role: "group", "aria-label": "TLS records" }, h("div", { class: "cap" }, "On the wire, for all to see:"),
    records.slice(0, FEW).map(header => record(header, tell)),
    records.length > FEW ? h("div", { class: "quiet" }, `… and ${plural(records.length - FEW, "record")} more.`) : null);
}

function record(header, tell) {
  let at = 0;
  const length = header.charCodeAt(3) * 256 + header.charCodeAt(4);
  const pieces = PARTS.map(([size, name]) => {
    const octets = Array.from(header.slice(at, at += size), c => hex(c.charCodeAt(0)).toLowerCase()).join(" ");
    return part(octets, name, name === PARTS[0][1] ? TYPES[header.charCodeAt(0)] ?? "type" : name === PARTS[1][1] ? "version" : "length", tell);
  });
  return h("div", { class: "gl" }, pieces, part("░░░", "TLS fragment", plural(length, "octet"), tell));
}

function part(octets, name, word, tell) {
  const on = () => tell(name), off = () => tell("");
  return h("button", { class: "g", type: "button", tabindex: -1, "data-k": name === "TLS fragment" ? "secret" : "param", onmouseenter: on, onmouseleave: off, onfocus: on, onblur: off, "aria-label": `${name}: ${word}` },
    h("b", {}, octets), h("i", {}, word));
}
