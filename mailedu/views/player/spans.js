// Spans: octets and their names, cut into the lines in which they are shown.  Pure, no DOM.

/** Lines of pieces {at, text, name, span, first}: a line ends where a CRLF or an LF ends.  At most `most` lines. */
export function glossLines(row, most = Infinity) {
  const lines = [[]];
  let at = 0;
  for (const [length, name] of row.spans ?? []) {
    const end = at + length;
    for (let p = at; p < end;) {
      const feed = row.data.indexOf("\n", p);
      const stop = feed < 0 || feed >= end ? end : feed + 1;
      lines.at(-1).push({ at: p, text: row.data.slice(p, stop), name, span: at, first: p === at });
      if (stop === feed + 1) { if (lines.length >= most) return lines; lines.push([]); }
      p = stop;
    }
    at = end;
  }
  if (!lines.at(-1).length) lines.pop();
  return lines;
}

/** How many lines `glossLines` would give, at most `most`: cheap, for laying out. */
export function countLines(row, most) {
  const data = row.data ?? "";
  let count = 0;
  for (let p = 0; p < data.length && count < most; count++) { const feed = data.indexOf("\n", p); p = feed < 0 ? data.length : feed + 1; }
  return count;
}

/** For each of the octets [from, to): [name, where its span begins]. */
export function owners(row, from, to) {
  const found = [];
  let at = 0;
  for (const [length, name] of row.spans ?? []) {
    if (at >= to) break;
    for (let i = Math.max(at, from); i < Math.min(at + length, to); i++) found.push([name, at]);
    at += length;
  }
  while (found.length < to - from) found.push(["unexplained", at]);
  return found;
}
