// Exports that need no page: the transcript as text, the talks as a packet capture (pcap).  Pure, no DOM.

import { decoded, seen } from "./words.js";

/** One line a row, indented as it is nested; hostile text cannot leave its line or steer a terminal. */
export function transcript(story) {
  const wide = String(story.last).length;
  const lines = [seen(story.title), ""];
  story.rows.forEach((row, i) => {
    const mark = row.kind === "say" ? (row.reply ? "S: " : "C: ") : row.kind === "ask" ? "? " : row.kind === "answer" ? "= " : row.kind === "rule" ? "* " : "";
    const outcome = row.outcome ? `  [${seen(row.outcome, 60)}]` : "";
    lines.push(`${String(row.n).padStart(wide)} ${"  ".repeat(story.depth[i])}${mark}${seen(row.label, 300)}${outcome}`);
    if (row.kind === "say") for (const more of decoded(row.data ?? "").split("\r\n").slice(1, -1)) lines.push(`${" ".repeat(wide + 1)}${"  ".repeat(story.depth[i])}${mark}${seen(more, 1000)}`);
  });
  return lines.join("\n") + "\n";
}

/** The score as it came, readable: for other programs. */
export const data = story => JSON.stringify({ title: story.title, rows: story.rows, lanes: story.lanes, talks: story.talks, meters: story.meters, rules: story.rules, machines: story.machines }, null, 1);

const SEGMENT = 1400; // octets of a packet
const ETHERNET = 1, TCP = 6, SYN = 2, ACK = 16, PUSH = 8, FIN = 1;

/**
 * A capture that packet analysers read: the octets of each talk as TCP over IPv4 over Ethernet, in clear even where
 * they went under TLS.  Handshakes and acknowledgements are made up; a server's address is, too, for no trace has it.
 */
export function capture(story) {
  const packets = [header()];
  const started = Date.parse("2026-01-01T00:00:00Z") / 1000; // unless the lab's clock counts from 1970
  const base = story.size && story.rows[0].at > 1e9 ? 0 : started;
  const servers = new Map();
  story.talks.forEach((talk, index) => {
    const rows = story.rows.filter((row, i) => story.talk[i] === index);
    const call = rows.find(row => row.level === "conversation");
    if (!call) return;
    const server = servers.get(call.to) ?? servers.set(call.to, `198.18.0.${servers.size + 1}`).get(call.to);
    const ends = [{ ip: address(call.from, "198.18.1.1"), port: 49152 + index % 16000, seq: 1000 }, { ip: address(server), port: talk.port || 7, seq: 5000 }];
    const send = (from, at, flags, bytes = new Uint8Array()) => {
      packets.push(packet(base + at, ends[from], ends[1 - from], flags, bytes));
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
  return joined(packets);
}

function address(text, otherwise = "198.18.1.1") {
  const parts = /^\d+\.\d+\.\d+\.\d+$/.test(text ?? "") ? text.split(".").map(Number) : otherwise.split(".").map(Number);
  return parts.every(part => part < 256) ? parts : address(otherwise);
}

function header() {
  const view = new DataView(new ArrayBuffer(24));
  view.setUint32(0, 0xa1b2c3d4); view.setUint16(4, 2); view.setUint16(6, 4); view.setUint32(16, 65535); view.setUint32(20, ETHERNET);
  return new Uint8Array(view.buffer);
}

function packet(at, from, to, flags, bytes) {
  const size = 14 + 20 + 20 + bytes.length, out = new Uint8Array(16 + size), view = new DataView(out.buffer);
  view.setUint32(0, Math.floor(at)); view.setUint32(4, Math.round((at % 1) * 1e6)); view.setUint32(8, size); view.setUint32(12, size);
  const eth = 16, ip = eth + 14, tcp = ip + 20;
  out.set([2, 0, ...to.ip], eth); out.set([2, 0, ...from.ip], eth + 6); view.setUint16(eth + 12, 0x0800);
  out[ip] = 0x45; view.setUint16(ip + 2, 40 + bytes.length); view.setUint16(ip + 6, 0x4000); out[ip + 8] = 64; out[ip + 9] = TCP;
  out.set(from.ip, ip + 12); out.set(to.ip, ip + 16);
  view.setUint16(ip + 10, checksum(out.subarray(ip, ip + 20)));
  view.setUint16(tcp, from.port); view.setUint16(tcp + 2, to.port); view.setUint32(tcp + 4, from.seq); view.setUint32(tcp + 8, flags & ACK ? to.seq : 0);
  out[tcp + 12] = 0x50; out[tcp + 13] = flags; view.setUint16(tcp + 14, 65535);
  out.set(bytes, tcp + 20);
  const pseudo = joined([Uint8Array.from([...from.ip, ...to.ip, 0, TCP, (20 + bytes.length) >> 8, (20 + bytes.length) & 255]), out.subarray(tcp)]);
  view.setUint16(tcp + 16, checksum(pseudo));
  return out;
}

/** RFC 1071: the ones' complement of the ones' complement sum. */
export function checksum(bytes) {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i] << 8) | (bytes[i + 1] ?? 0);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

function joined(pieces) {
  const out = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0));
  pieces.reduce((at, piece) => { out.set(piece, at); return at + piece.length; }, 0);
  return out;
}
