// Words: what is said of a row, and how octets and hostile text are made visible.  Pure, no DOM.

const CONTROLS = ("NUL SOH STX ETX EOT ENQ ACK BEL BS TAB LF VT FF CR SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB " +
  "ESC FS GS RS US").split(" ");
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cn}\p{Co}\p{Cs}\p{Zl}\p{Zp}]|\p{M}{3,}/gu; // controls, bidi marks, piles of accents
const HIGH = /(?:[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3})+|[\x80-\xff]/g;
const UTF8 = new TextDecoder("utf-8", { fatal: true });

/** Text that is shown, never obeyed: a CRLF is one mark, a lone CR, LF or control is spelt, so smuggling shows. */
export function seen(text, most = 2000) {
  const rest = text.length - most;
  const kept = rest > 0 ? text.slice(0, most) : text;
  const shown = kept.replace(/\r\n/g, "↵").replace(/\t/g, "⇥").replace(HIDDEN, spelt);
  return rest > 0 ? `${shown} … ${rest} more` : shown;
}

function spelt(found) {
  return [...found].map(c => `‹${CONTROLS[c.codePointAt(0)] ?? (c === "\x7f" ? "DEL" : "U+" + hex(c.codePointAt(0), 4))}›`).join("");
}

export const hex = (number, digits = 2) => number.toString(16).toUpperCase().padStart(digits, "0");

/** Octets (one character each) as text: UTF-8 where it is UTF-8, any other high octet spelt. */
export function decoded(data) {
  return data.replace(HIGH, found => {
    if (found.length > 1) try { return UTF8.decode(Uint8Array.from(found, c => c.charCodeAt(0))); } catch { /* not UTF-8 */ }
    return [...found].map(c => `‹${hex(c.charCodeAt(0))}›`).join("");
  });
}

/** One row in a sentence: the inspector's heading, and what a screen reader hears. */
export function sentence(story, i) {
  const row = story.rows[i];
  const who = story.name(row.actor), to = story.name(row.to);
  const label = seen(row.label, 160);
  const ended = row.outcome ? `: ${seen(row.outcome)}` : "";
  switch (row.kind) {
    case "say": return row.to === undefined ? `${who}: ${label}` : `${who} ${row.reply ? "answers" : "says to"} ${to}: ${label}`;
    case "ask": return `${who} asks the DNS: ${label}`;
    case "answer": return `The DNS answers ${to}: ${label}`;
    case "connect": return `${label}`;
    case "tls": return `${who} and ${to}: ${label}${ended}`;
    case "rule": return row.outcome ? `${who} decides: ${seen(row.outcome)}` : `${who} applies a rule`;
    case "store": return row.data === undefined ? `${who}: ${label}` : `${who} puts the message ${label}`;
    case "open": return row.level === "exchange" ? `${who} says to ${to}: ${label}${answered(row)}` : `${label}${ended}`;
  }
  return row.to === undefined ? label : `${who}, ${to}: ${label}`;
}

const answered = row => row.outcome ? `; the answer is ${seen(row.outcome)}` : "";

/** An outcome as a tag can hold it: "550 5.7.26 refused, as …" -> "550 5.7.26". */
export const brief = outcome => seen(/^[2-5]\d\d(?: [245]\.\d{1,3}\.\d{1,3})?(?= )/.exec(outcome)?.[0] ?? outcome, 40);

/** The same with all that a row says by shape, colour and place: heard, not seen. */
export function spoken(story, i) {
  const row = story.rows[i];
  const rule = row.kind === "rule" ? `. ${seen(row.label, 300)}` : "";
  return `Step ${row.n}. ${sentence(story, i)}${rule}${story.secure[i] && isSaid(row) ? ", under TLS" : ""}`;
}

/** Whether a row is something on the wire, which others could read unless TLS hides it. */
export const isSaid = row => row.kind === "say" || row.kind === "tls" || row.level === "exchange" || row.level === "conversation";

export const plural = (count, noun) =>
  `${count.toLocaleString("en")} ${count === 1 ? noun : noun.endsWith("y") ? noun.slice(0, -1) + "ies" : noun + "s"}`;

/** Seconds on the lab's clock, as people say them: 0.046 s, 12 s, 5 min, 3 h 20 min, 2 d 4 h. */
export function duration(seconds) {
  if (seconds < 10) return `${(+seconds).toFixed(3)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60), hours = Math.floor(minutes / 60), days = Math.floor(hours / 24);
  if (hours < 1) return `${minutes} min`;
  return days < 1 ? joined(hours, "h", minutes % 60, "min") : joined(days, "d", hours % 24, "h");
}

const joined = (much, unit, more, smaller) => more ? `${much} ${unit} ${more} ${smaller}` : `${much} ${unit}`;
