// Pieces of a call as its tap tells them: who has what of it, what was changed, and the records.  Pure, no DOM.

import { align } from "./align.js";
import { hex } from "./words.js";

const HEADER = 5; // octets of a record's header: type, version, length (RFC 8446 §5.1)
const VERSIONS = { "3 1": "1.0", "3 2": "1.1", "3 3": "1.2" };

export const low = octet => hex(octet).toLowerCase();

/** The place of the last piece that had begun at this step; the first one, where none had. */
export function pieceAt(rows, step) {
  let at = 0;
  rows.forEach((row, k) => { if (row.n <= step || (row.did_n ?? Infinity) <= step) at = k; });
  return at;
}

/** What each of the three has of a piece: { client, wire, server }, each a text or undefined; and whether it `came`. */
export function columns(row) {
  const said = row.said, heard = row.heard ?? (row.came ? said : undefined);
  const [client, server] = row.from === "server" ? [heard, said] : [said, heard];
  const wire = row.aside ? undefined : row.read ?? (row.sealed ? undefined : row.wire ?? said ?? heard);
  return { client, wire, server };
}

/** Lines of two texts beside each other: [sign, line], "-" is only in the first, "+" only in the second. */
export const changed = (before, after) => align(before.split("\n"), after.split("\n"), (a, b) => a === b)
  .flatMap(([a, b]) => a === b ? [[" ", a]] : [...(a === undefined ? [] : [["-", a]]), ...(b === undefined ? [] : [["+", b]])]);

/** A record's five octets and what they say; the type's number, its name, the version, how long the rest is. */
export function header([from, type, name, length, data]) {
  const octets = [...data.slice(0, HEADER)].map(c => c.charCodeAt(0));
  return { from, type, name, length, octets, version: VERSIONS[`${octets[1]} ${octets[2]}`], rest: [...data.slice(HEADER)].map(c => low(c.charCodeAt(0))).join(" ") };
}
