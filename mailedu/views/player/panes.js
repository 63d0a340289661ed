// Panes: a trace chooses which there are.  A protocol's own pane is one more entry; it reads the story and draws.

import { arenaPane, holdsArena } from "./arena.js";
import { branchesPane } from "./branches.js";
import { dkimPane, holdsDkim } from "./dkim.js";
import { dmarcPane, holdsDmarc } from "./dmarc.js";
import { holdsQueue, queuePane } from "./queue.js";
import { holdsSpf, spfPane } from "./spf.js";
import { holdsTap, tapPane } from "./tap.js";

/** id, title, whether it `fits` what there is, `make(app)` -> { element, draw, follow, home, move }: `follow` at each step, `home` has the keys, `move` where it has steps of its own.  The story is the frame's own. */
export const PANES = [
  { id: "story", title: "Story", fits: () => true },
  { id: "branches", title: "Branches", fits: app => app.futures.length > 0, make: branchesPane },
  { id: "arena", title: "Arena", fits: app => holdsArena(app.story), make: arenaPane },
  { id: "tap", title: "Tap", fits: app => holdsTap(app.story), make: tapPane },
  { id: "spf", title: "SPF", fits: app => holdsSpf(app.story), make: spfPane },
  { id: "queue", title: "Queue", fits: app => holdsQueue(app.story), make: queuePane },
  { id: "dkim", title: "DKIM", fits: app => holdsDkim(app.story), make: dkimPane },
  { id: "dmarc", title: "DMARC", fits: app => holdsDmarc(app.story), make: dmarcPane },
];
