// Capture: the talks and the DNS questions of a story as a packet capture (pcap).  Pure, no DOM.

import { message } from "./nameserver.js";

const SEGMENT = 1400; // octets of a packet
const ETHERNET = 1, TCP = 6, UDP = 17, SYN = 2, ACK = 16, PUSH = 8, FIN = 1;
const CLEAR = { 465: 587, 993: 143, 995: 110 }; // where TLS was there from the start: the port of the same protocol without
const RESOLVER = "192.0.2.53"; // stands for whoever answers DNS questions

/**
 * A capture that packet analysers read: the octets of each talk as TCP over IPv4 over Ethernet, in clear even where
 * they went under TLS, and the questions to the DNS as UDP.  Handshakes and acknowledgements are made up, and so are
 * the addresses of those of whom the trace tells none.
 */
export function capture(story) {
  const packets = [];
  const started = Date.parse("2026-01-01T00:00:00Z") / 1000; // unless the lab's clock counts from 1970
  const base = story.size && story.rows[0].at > 1e9 ? 0 : started;
  const where = addresses(story);
  story.talks.forEach((talk, index) => {
    const rows = story.rows.filter((row, i) => story.talk[i] === index);
    const call = rows.find(row => row.level === "conversation");
    if (!call) return;
    const ends = [{ ip: address(call.from) ?? where(call.actor), port: 49152 + index % 16000, seq: 1000 }, { ip: where(call.to), port: CLEAR[talk.port] ?? (talk.port || 7), seq: 5000 }];
    const send = (from, at, flags, bytes = new Uint8Array()) => {
      packets.push({ at, bytes: segment(ends[from], ends[1 - from], flags, bytes) });
      ends[from].seq = (ends[from].seq + bytes.length + (flags & (SYN | FIN) ? 1 : 0)) >>> 0;
    };
    send(0, call.at, SYN); send(1, call.at, SYN | ACK); send(0, call.at, ACK);
    let end = call.at;
    for (const row of rows) {
      end = Math.max(end, row.at);
      if (row.kind !== "say" || row.data === undefined) continue;
      const bytes = Uint8Array.from(row.data, c => c.charCodeAt(0));
      for (let p = 0; p < bytes.length; p += SEGMENT) send(row.reply ? 1 : 0, row.at, ACK | PUSH, bytes.subarray(p, p + SEGMENT));
    }
    send(0, end, FIN | ACK); send(1, end, FIN | ACK); send(0, end, ACK);
  });
  packets.push(...questions(story, where));
  packets.sort((a, b) => a.at - b.at); // stable: what happened at one moment stays in its order
  return joined([header(), ...packets.map(({ at, bytes }) => framed(base + at, bytes))]);
}

/** Each question to the DNS, and its answer where one came. */
function questions(story, where) {
  const packets = [], resolver = { ip: address(RESOLVER), port: 53 };
  let number = 0, asker, question;
  for (const row of story.rows) {
    if (row.kind !== "ask" && row.kind !== "answer") continue;
    const [name, type] = (row.data ?? "").split("\n", 1)[0].split(" ");
    if (row.kind === "ask") {
      question = `${name} ${type}`;
      asker = { ip: where(row.actor), port: 40000 + ++number % 20000 };
      const asked = message(number, name, type);
      if (asked) packets.push({ at: row.at, bytes: datagram(asker, resolver, asked) });
    } else if (asker && question === `${name} ${type}` && row.outcome !== "no answer") {
      const answered = message(number, name, type, row.data.split("\n").slice(1), row.label === "no such name");
      if (answered) packets.push({ at: row.at, bytes: datagram(resolver, asker, answered) });
      asker = undefined;
    }
  }
  return packets;
}

/** Whose address is which: what calls and the DNS told of it; else one of those set aside for tests. */
function addresses(story) {
  const known = new Map();
  for (const row of story.rows) {
    if (row.level === "conversation" && address(row.from)) known.set(row.actor, address(row.from));
    const [asked, record] = row.kind === "answer" ? (row.data ?? "").split("\n") : [];
    if (asked?.endsWith(" A") && address(record)) known.set(asked.slice(0, -2).replace(/\.$/, ""), address(record));
  }
  let made = 0;
  return actor => {
    if (!known.has(actor)) known.set(actor, address(actor) ?? [198, 18, ++made >> 8, made & 255]);
    return known.get(actor);
  };
}

function address(text) {
  const parts = /^\d+\.\d+\.\d+\.\d+$/.test(text ?? "") ? text.split(".").map(Number) : [];
  return parts.length && parts.every(part => part < 256) ? parts : undefined;
}

// -- the layers, from the file down

function header() {
  const view = new DataView(new ArrayBuffer(24));
  view.setUint32(0, 0xa1b2c3d4); view.setUint16(4, 2); view.setUint16(6, 4); view.setUint32(16, 65535); view.setUint32(20, ETHERNET);
  return new Uint8Array(view.buffer);
}

function framed(at, bytes) {
  const view = new DataView(new ArrayBuffer(16));
  view.setUint32(0, Math.floor(at)); view.setUint32(4, Math.min(999_999, Math.round((at % 1) * 1e6))); view.setUint32(8, bytes.length); view.setUint32(12, bytes.length);
  return joined([new Uint8Array(view.buffer), bytes]);
}

/** Ethernet and IPv4 around what TCP or UDP carries; `checksummed` is where that has its own sum. */
function packet(from, to, protocol, inner, checksummed) {
  const out = new Uint8Array(34 + inner.length), view = new DataView(out.buffer);
  out.set([2, 0, ...to.ip], 0); out.set([2, 0, ...from.ip], 6); view.setUint16(12, 0x0800);
  out[14] = 0x45; view.setUint16(16, 20 + inner.length); view.setUint16(20, 0x4000); out[22] = 64; out[23] = protocol;
  out.set(from.ip, 26); out.set(to.ip, 30);
  view.setUint16(24, checksum(out.subarray(14, 34)));
  out.set(inner, 34);
  const pseudo = Uint8Array.from([...from.ip, ...to.ip, 0, protocol, inner.length >> 8, inner.length & 255]);
  view.setUint16(34 + checksummed, checksum(joined([pseudo, inner])) || 0xffff);
  return out;
}

function segment(from, to, flags, bytes) {
  const out = new Uint8Array(20 + bytes.length), view = new DataView(out.buffer);
  view.setUint16(0, from.port); view.setUint16(2, to.port); view.setUint32(4, from.seq); view.setUint32(8, flags & ACK ? to.seq : 0);
  out[12] = 0x50; out[13] = flags; view.setUint16(14, 65535);
  out.set(bytes, 20);
  return packet(from, to, TCP, out, 16);
}

function datagram(from, to, bytes) {
  const out = new Uint8Array(8 + bytes.length), view = new DataView(out.buffer);
  view.setUint16(0, from.port); view.setUint16(2, to.port); view.setUint16(4, out.length);
  out.set(bytes, 8);
  return packet(from, to, UDP, out, 6);
}

/** RFC 1071: the ones' complement of the ones' complement sum. */
export function checksum(bytes) {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i] << 8) | (bytes[i + 1] ?? 0);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

export function joined(pieces) {
  const out = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0));
  pieces.reduce((at, piece) => { out.set(piece, at); return at + piece.length; }, 0);
  return out;
}
