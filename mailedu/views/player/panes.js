// Panes: a trace chooses which there are.  A protocol's own pane is one more entry; it reads the story and draws.

import { branchesPane } from "./branches.js";

/** id, title, whether it `fits` what there is, and `make(app)` -> { element, draw }.  The story is the frame's own. */
export const PANES = [
  { id: "story", title: "Story", fits: () => true },
  { id: "branches", title: "Branches", fits: app => app.futures.length > 0, make: branchesPane },
];
