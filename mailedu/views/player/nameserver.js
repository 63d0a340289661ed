// Nameserver: a question to the DNS, and its answer, as the octets of a DNS message (RFC 1035 §4).  Pure, no DOM.

const TYPES = { A: 1, NS: 2, CNAME: 5, SOA: 6, PTR: 12, MX: 15, TXT: 16, AAAA: 28, TLSA: 52 };
const IN = 1, MOST_STRING = 255, LARGEST = 60_000;

/** The question alone, or with `records` the answer to it; undefined for what does not fit into a message. */
export function message(id, name, type, records, missing = false) {
  const number = TYPES[type] ?? Number(/^TYPE(\d{1,5})$/.exec(type)?.[1] ?? 0), asked = encoded(name);
  if (!number || !asked) return undefined;
  const answers = (records ?? []).map(record => answer(asked, type, number, record)).filter(Boolean);
  const flags = records ? 0x8180 | (missing ? 3 : 0) : 0x0100;
  const out = [...two(id), ...two(flags), ...two(1), ...two(answers.length), 0, 0, 0, 0, ...asked, ...two(number), ...two(IN), ...answers.flat()];
  return out.length < LARGEST ? Uint8Array.from(out) : undefined;
}

const two = value => [(value >> 8) & 255, value & 255];

/** A name as labels; undefined for what is none. */
function encoded(name) {
  const labels = name.replace(/\.$/, "").split(".");
  if (name === "" || name === ".") return [0];
  if (name.length > 254 || labels.some(label => !label || label.length > 63 || /[^\x21-\x7e]/.test(label))) return undefined;
  return [...labels.flatMap(label => [label.length, ...octets(label)]), 0];
}

const octets = text => Array.from(text, c => c.charCodeAt(0) & 255);

function answer(owner, type, number, record) {
  const data = (DATA[type] ?? (() => undefined))(record);
  return data && [...owner, ...two(number), ...two(IN), 0, 0, 14, 16, ...two(data.length), ...data]; // an hour to live
}

/** Each type's data, from the record as a zone file writes it. */
const DATA = {
  A: record => /^(\d{1,3}\.){3}\d{1,3}$/.test(record) ? record.split(".").map(Number) : undefined,
  AAAA: ipv6,
  MX(record) { const [, preference, host] = /^(\d{1,5}) (\S+)$/.exec(record) ?? [], name = host && encoded(host); return name && [...two(Number(preference)), ...name]; },
  NS: encoded, CNAME: encoded, PTR: encoded,
  TXT(record) {
    const out = [];
    for (let p = 0; p < record.length || !p; p += MOST_STRING) { const piece = octets(record.slice(p, p + MOST_STRING)); out.push(piece.length, ...piece); }
    return out;
  },
};

function ipv6(record) {
  const [head, tail, more] = record.toLowerCase().split("::"), words = text => text ? text.split(":") : [];
  const left = words(head), right = words(tail), gap = 8 - left.length - right.length;
  const all = tail === undefined ? left : [...left, ...Array(Math.max(0, gap)).fill("0"), ...right];
  return more === undefined && all.length === 8 && all.every(word => /^[0-9a-f]{1,4}$/.test(word)) ? all.flatMap(word => two(parseInt(word, 16))) : undefined;
}
