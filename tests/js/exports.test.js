import assert from "node:assert/strict";
import test from "node:test";
import { capture, checksum, data, transcript } from "../../mailedu/views/player/exports.js";
import { story } from "./stories.js";

test("a transcript: one line a row, nothing that could leave it", () => {
  const it = story();
  it.rows[6].label = "\x1b[2J\n";
  const lines = transcript(it).split("\n");
  assert.equal(lines[0], "bob reads");
  assert.ok(lines.includes(" 9       C: USER bob"));
  assert.ok(lines.some(line => line.includes("S: ‹ESC›[2J‹LF›  [refused]")));
  assert.ok(lines.every(line => !/[\x00-\x1f]/.test(line)));
});

test("data: what came", () => assert.equal(JSON.parse(data(story())).rows.length, 12));

test("packets: a header, and per packet a length that leads to the next; the octets come out again", () => {
  const bytes = capture(story()), view = new DataView(bytes.buffer);
  assert.equal(view.getUint32(0), 0xa1b2c3d4);
  const said = { 110: "", other: "" };
  let at = 24, packets = 0;
  for (; at < bytes.length; packets++) {
    const size = view.getUint32(at + 8), ip = bytes.subarray(at + 30, at + 16 + size), tcp = ip.subarray(20);
    assert.equal(checksum(ip.subarray(0, 20)), 0, "the header's checksum is right");
    const pseudo = Uint8Array.from([...ip.subarray(12, 20), 0, 6, tcp.length >> 8, tcp.length & 255, ...tcp]);
    assert.equal(checksum(pseudo), 0, "and so is TCP's");
    const port = tcp[0] * 256 + tcp[1];
    said[port === 110 ? 110 : "other"] += String.fromCharCode(...tcp.subarray(20));
    at += 16 + size;
  }
  assert.equal(at, bytes.length);
  assert.equal(packets, 9);
  assert.deepEqual(said, { 110: "+OK ready\r\n-ERR no\r\n", other: "USER bob\r\n" });
});
