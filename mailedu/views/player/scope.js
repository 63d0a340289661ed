// Scope: which octet of a message goes into which hash, at which place, and as what.  Pure, no DOM.
// A view is what `mailedu.lab.microscopes` wrote: parts [start, octets, hash, at, runs], each run [raw, canonical, step].

const KEPT = "kept";

/** The part that holds octet `at` of the message: [start, octets, hash, at, runs]. */
export const partAt = (view, at) => view.parts.find(([start, octets]) => at >= start && at < start + octets);

/** The runs of a part with their places: octets [raw, rawEnd) of the message became [at, end) of the hash input. */
export function placed([start, octets, hash, at, runs]) {
  if (!hash || !runs.length) return [{ raw: start, rawEnd: start + octets, at, end: at, hash: "", step: "" }];
  let raw = start;
  return runs.map(([raws, canonical, step]) => ({ raw, rawEnd: raw += raws, at, end: at += canonical, hash, step }));
}

/** Where an octet of the message went: { hash, from, to, step }; hash is "" when nobody signed it, from is to when it left nothing. */
export function intoHash(view, octet) {
  const part = partAt(view, octet);
  if (!part) return undefined;
  const run = placed(part).find(({ raw, rawEnd }) => octet >= raw && octet < rawEnd);
  if (!run?.hash) return { hash: "", from: -1, to: -1, step: "" };
  const same = run.rawEnd - run.raw === run.end - run.at, from = run.at + octet - run.raw;
  return same ? { hash: run.hash, from, to: from + 1, step: run.step } : { hash: run.hash, from: run.at, to: run.end, step: run.step };
}

/** Where an octet of a hash input came from: { from, to, step }; from is to when a rule added it. */
export function outOfHash(view, hash, octet) {
  for (const part of view.parts) {
    if (part[2] !== hash) continue;
    for (const run of placed(part)) {
      if (octet < run.at || octet >= run.end) continue;
      const same = run.rawEnd - run.raw === run.end - run.at, from = run.raw + octet - run.at;
      return same ? { from, to: from + 1, step: run.step } : { from: run.raw, to: run.rawEnd, step: run.step };
    }
  }
  return undefined;
}

/** What became of a run: "kept", "gone" (it leaves nothing), "less", "other" (as many, but different), "added". */
export function fate({ raw, rawEnd, at, end, step, hash }) {
  if (!hash) return "unsigned";
  if (step === KEPT) return KEPT;
  return end === at ? "gone" : rawEnd === raw ? "added" : end - at === rawEnd - raw ? "other" : "less";
}

/** The message's octets in [from, to), cut where something else becomes of them: { at, text, fate, step, hash }. */
export function rawPieces(view, message, from, to) {
  return view.parts.flatMap(placed)
    .filter(run => run.rawEnd > run.raw && run.raw < to && run.rawEnd > from)
    .map(run => ({ at: run.raw, text: message.slice(run.raw, run.rawEnd), fate: fate(run), step: run.step, hash: run.hash }));
}

/** A hash input, cut in the same way, in its own order; where octets left nothing there is an empty piece. */
export function inputPieces(view, hash) {
  return view.parts.filter(part => part[2] === hash).sort((a, b) => a[3] - b[3]).flatMap(placed)
    .map(run => ({ at: run.at, text: view[hash].slice(run.at, run.end), fate: fate(run), step: run.step, raw: run.raw }));
}

/** How often each rule did something, in the order in which it first did: [[step, times]]. */
export function rulesOf(view, hash) {
  const counts = new Map();
  for (const part of view.parts) if (part[2] === hash) for (const [, , step] of part[4]) if (step !== KEPT) counts.set(step, (counts.get(step) ?? 0) + 1);
  return [...counts];
}

/** What is different in `b`: [from, to); empty where something is only missing. */
export function difference(a, b) {
  let from = 0, end = 0;
  const most = Math.min(a.length, b.length);
  while (from < most && a[from] === b[from]) from++;
  while (end < most - from && a.at(-1 - end) === b.at(-1 - end)) end++;
  return [from, b.length - end];
}

/** The bytes of two hexadecimal digests, and how many of them differ. */
export function compared(a, b) {
  const bytes = text => text.match(/../g) ?? [];
  const [one, other] = [bytes(a), bytes(b)];
  return { one, other, differ: other.length ? one.filter((byte, at) => byte !== other[at]).length : 0 };
}

/** An octet as a letter that shows: a blank, a tab and line ends too, and nothing that could hide or turn round. */
export function glyph(octet) {
  const code = octet.charCodeAt(0);
  if (octet === " ") return "·";
  if (octet === "\t") return "⇥";
  if (octet === "\r") return "←";
  if (octet === "\n") return "↵\n";
  return code < 32 || code > 126 ? "▯" : octet;
}

/** The octet of [from, to) that a key leads to. */
export function moved(message, at, key, from, to) {
  const begin = p => message.lastIndexOf("\n", p - 1) + 1;
  const last = p => { const feed = message.indexOf("\n", p); return feed < 0 ? to - 1 : feed; };
  const under = p => Math.min(p + at - begin(at), last(p)); // in the line that begins at p
  const place = {
    ArrowLeft: () => at - 1, ArrowRight: () => at + 1, Home: () => begin(at), End: () => last(at),
    ArrowUp: () => begin(at) > from ? under(begin(begin(at) - 1)) : at,
    ArrowDown: () => last(at) + 1 < to ? under(last(at) + 1) : at,
  }[key];
  return place ? Math.max(from, Math.min(to - 1, place())) : undefined;
}
