// Program: an SPF check as lines, where one stands in it, and what it has cost by then.  Pure, no DOM.

export const LOOKUPS = 10; // that one check may have (RFC 7208 §4.6.4)
export const VOIDS = 2;

/** A check's lines, as they stand on the screen: a record's domain, its terms, and under a term the record it looks into. */
export function linesOf(check) {
  const lines = [];
  record(check, check.domain, 0);
  return lines;

  function record(part, domain, depth) {
    const found = part.record;
    if (!found) {
      if (part === check) lines.push({ kind: "record", depth, n: check.n, end: check.end, domain, part });
      return;
    }
    lines.push({ kind: "record", depth, n: part === check ? check.n : part.asked?.at(-1)[0] ?? found.n, end: found.n, domain: found.domain, part });
    for (const term of found.terms) {
      lines.push({ kind: "term", depth: depth + 1, n: term.n, end: term.end, part: term });
      record(term, "", depth + 2);
    }
    if (found.left_out) lines.push({ kind: "rest", depth: depth + 1, count: found.left_out });
    if (found.default !== undefined) lines.push({ kind: "default", depth: depth + 1, n: found.default, end: found.default });
  }
}

/** Which check a step is in; the next one, or else the last, where it is in none. */
export function checkAt(checks, step) {
  const inside = checks.findIndex(check => check.n <= step && step <= check.end);
  if (inside >= 0) return inside;
  const next = checks.findIndex(check => check.n > step);
  return next >= 0 ? next : checks.length - 1;
}

export const isIn = (check, step) => check.n <= step && step <= check.end;

/** The innermost line that tells of a step; -1 when none does. */
export function lineAt(lines, step) {
  for (let at = lines.length - 1; at >= 0; at--) if (lines[at].n <= step && step <= lines[at].end) return at;
  return -1;
}

/** The line above that a line stands under; -1 for the first. */
export function above(lines, at) {
  for (let up = at - 1; up >= 0; up--) if (lines[up].depth < lines[at].depth && lines[up].kind !== "rest") return up;
  return -1;
}

/** What the check has used up when this step is done. */
export function spent(lines, step) {
  const used = { lookups: 0, voids: 0 };
  for (const { part, kind } of lines) {
    if (kind !== "term" || part.n === undefined) continue;
    if (part.lookup && part.n < step) used.lookups = Math.max(used.lookups, part.lookup);
    for (const [count, at] of part.voids ?? []) if (at <= step) used.voids = Math.max(used.voids, count);
  }
  return used;
}

/** How a line stands to a step: "past", "now", "future", or "never" for what was not reached. */
export function stands(line, step) {
  if (line.n === undefined) return "never";
  return line.n > step ? "future" : line.end < step ? "past" : "now";
}

const MOODS = { pass: "good", match: "good", fail: "bad", permerror: "bad", softfail: "later", temperror: "later" };

/** [words, mood] of what became of a term: "match → fail", "no match", "permerror"; of a redirect its result. */
export function became(term) {
  if (term.n === undefined) return [term.outcome ?? "not reached", undefined];
  if (term.outcome === "match") return [`match → ${term.means}`, MOODS[term.means]];
  return [term.outcome ?? "", MOODS[term.outcome]];
}

export const moodOf = result => MOODS[result];

/** A term as its parts: "~include:esp.example" -> ["~", "include", ":esp.example"]. */
export const parts = text => /^([-+?~]?)([^:/=]*)(.*)$/s.exec(text).slice(1);
