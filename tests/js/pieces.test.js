// What the tap's pane makes of a piece: who has what of it, what was changed in it, and a record's five octets.

import assert from "node:assert/strict";
import test from "node:test";

import { changed, columns, header, pieceAt } from "../../mailedu/views/player/pieces.js";

test("in the clear all three have the same", () => {
  assert.deepEqual(columns({ from: "client", said: "QUIT", came: true }), { client: "QUIT", wire: "QUIT", server: "QUIT" });
  assert.deepEqual(columns({ from: "server", said: "221 bye", came: true }), { client: "221 bye", wire: "221 bye", server: "221 bye" });
});

test("under TLS who listens has nothing; an attacker who reads it does", () => {
  assert.deepEqual(columns({ from: "client", said: "QUIT", came: true, sealed: true }), { client: "QUIT", wire: undefined, server: "QUIT" });
  assert.equal(columns({ from: "client", said: "QUIT", came: true, sealed: true, read: "QUIT", did: "reads" }).wire, "QUIT");
});

test("what did not come is not there, and what comes otherwise is", () => {
  assert.equal(columns({ from: "client", said: "QUIT" }).server, undefined);
  assert.equal(columns({ from: "server", said: "250-STARTTLS\n250 OK", heard: "250 OK" }).client, "250 OK");
  assert.equal(columns({ from: "client", aside: true, did: "swaps", sealed: true }).wire, undefined);
});

test("a line that is missing, one that is new, one that is twice", () => {
  assert.deepEqual(changed("a\nb\nc", "a\nc"), [[" ", "a"], ["-", "b"], [" ", "c"]]);
  assert.deepEqual(changed("a", "a\nb"), [[" ", "a"], ["+", "b"]]);
  assert.deepEqual(changed("a\nb", "x\nb"), [["-", "a"], ["+", "x"], [" ", "b"]]);
  assert.deepEqual(changed("a\na", "a"), [[" ", "a"], ["-", "a"]]);
});

test("whatever is compared, without what is gone it is the second text", () => {
  const letters = ["", "a", "b", "c"];
  const texts = letters.flatMap(x => letters.flatMap(y => letters.map(z => [x, y, z].join("\n"))));
  for (const one of texts) for (const two of texts) {
    const found = changed(one, two);
    assert.equal(found.filter(([sign]) => sign !== "-").map(([, line]) => line).join("\n"), two);
    assert.deepEqual(found.filter(([sign]) => sign !== "+").map(([, line]) => line).sort(), one.split("\n").sort());
  }
});

test("five octets before each record", () => {
  const told = header(["client", 22, "handshake, ClientHello", 512, "\x16\x03\x01\x02\x00\x01\xff"]);
  assert.deepEqual([told.octets, told.version, told.rest], [[22, 3, 1, 2, 0], "1.0", "01 ff"]);
  assert.equal(header(["server", 23, "application data", 0, "\x17\x03\x03\x00\x00"]).rest, "");
  assert.equal(header(["client", 71, "type 71", 9, "GET / HTTP"]).version, undefined, "no TLS at all");
});

test("a step is in the last piece that had begun", () => {
  const rows = [{ n: 3 }, { n: 6, did_n: 8 }, { n: 9 }];
  assert.deepEqual([0, 3, 5, 6, 8, 9, 99].map(step => pieceAt(rows, step)), [0, 0, 0, 1, 1, 2, 2]);
});
