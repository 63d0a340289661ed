import assert from "node:assert/strict";
import test from "node:test";
import { capture, checksum } from "../../mailedu/views/player/capture.js";
import { message } from "../../mailedu/views/player/nameserver.js";
import { story } from "./stories.js";

test("packets: a header, and per packet a length that leads to the next; the octets come out again", () => {
  const bytes = capture(story()), view = new DataView(bytes.buffer);
  assert.equal(view.getUint32(0), 0xa1b2c3d4);
  const said = { 110: "", 53: "", dns: "", other: "" };
  let at = 24, packets = 0;
  for (; at < bytes.length; packets++) {
    const size = view.getUint32(at + 8), ip = bytes.subarray(at + 30, at + 16 + size), inner = ip.subarray(20), tcp = ip[9] === 6;
    assert.equal(checksum(ip.subarray(0, 20)), 0, "the header's checksum is right");
    const pseudo = Uint8Array.from([...ip.subarray(12, 20), 0, ip[9], inner.length >> 8, inner.length & 255, ...inner]);
    assert.equal(checksum(pseudo), 0, "and so is TCP's or UDP's");
    const port = inner[0] * 256 + inner[1];
    said[!tcp ? (port === 53 ? 53 : "dns") : port === 110 ? 110 : "other"] += String.fromCharCode(...inner.subarray(tcp ? 20 : 8));
    at += 16 + size;
  }
  assert.equal(at, bytes.length);
  assert.equal(packets, 11);
  assert.equal(said[110], "+OK ready\r\n-ERR no\r\n");
  assert.equal(said.other, "USER bob\r\n");
  assert.ok(said.dns.includes("\x04beta\x07example\0\0\x0f\0\x01"), "a question for MX");
  assert.ok(said[53].endsWith("\0\x06\0\x0a\x02mx\0"), "and its answer");
});

const octets = text => Array.from(text, c => c.charCodeAt(0));
const data = (type, record) => { const out = message(7, "a.example", type, [record]); return [...out].slice(12 + 11 + 4 + 11 + 8); };

test("records as octets", () => {
  assert.deepEqual(data("A", "192.0.2.1"), [0, 4, 192, 0, 2, 1]);
  assert.deepEqual(data("AAAA", "2001:db8::1"), [0, 16, 0x20, 1, 0x0d, 0xb8, ...Array(11).fill(0), 1]);
  assert.deepEqual(data("MX", "10 mx.a.example."), [0, 16, 0, 10, 2, ...octets("mx"), 1, ...octets("a"), 7, ...octets("example"), 0]);
  assert.deepEqual(data("TXT", "x".repeat(256)), [1, 2, 255, ...octets("x".repeat(255)), 1, 120]);
  assert.deepEqual(data("TXT", ""), [0, 1, 0]);
});

test("what is no record, no name or no type is left out", () => {
  const answers = (type, ...records) => { const out = message(7, "a.example", type, records); return out[7]; };
  assert.equal(answers("A", "<script>", "999"), 0);
  assert.equal(answers("AAAA", "1::2::3:zz"), 0);
  assert.equal(answers("MX", "mx.a.example"), 0);
  assert.equal(message(7, "a..example", "A"), undefined);
  assert.equal(message(7, "x".repeat(64), "A"), undefined);
  assert.equal(message(7, "a.example", "<b>"), undefined);
  assert.equal(message(7, "nowhere.example", "A", [], true)[3] & 15, 3, "no such name");
});
