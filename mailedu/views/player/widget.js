// Widget: the player in a notebook.  Traits: packed, recorded, cursor, branches, branching; messages: branch, tamper (out), refused, tampered (in).

import { unpack } from "./model.js";
import { player } from "./player.js";

const unpacked = new Map(); // packed -> { story, views }: the views of one widget share one copy

export async function render({ model, el, signal }) {
  const packed = model.get("packed"), began = performance.now();
  if (!unpacked.has(packed)) unpacked.set(packed, { story: unpack(packed), views: 0 });
  const kept = unpacked.get(packed);
  kept.views++;
  const story = await kept.story, read = performance.now();
  const release = () => { if (!--kept.views) unpacked.delete(packed); };
  if (signal?.aborted) return release();
  if (!story.size) { el.textContent = "Nothing happened: this trace has no steps."; return release; }
  const { app, off } = player(model, el, story);
  const branches = await grafting(model, app);
  app.root.player = { app, ms: { unpack: read - began, render: performance.now() - read, shown: performance.now() } }; // for tests and benchmarks
  return () => { branches(); off(); release(); app.root.remove(); };
}

/** Branches that are there, and those that come; returns what ends it. */
async function grafting(model, app) {
  const known = new Set();
  let ready = false;
  async function graft() {
    for (const { id, parent, at, title, packed, recorded } of model.get("branches") ?? []) {
      if (known.has(id)) continue;
      known.add(id);
      const branch = { id, parent, at, title, recorded, story: await unpack(packed) };
      if (ready) app.grow(branch); else app.futures.push(branch);
    }
  }
  const hear = message => { if (message?.type === "refused") app.refused(String(message.why)); if (message?.type === "tampered") app.tampered?.(message); };
  await graft();
  if (app.futures.length) app.turn(app.pane);
  ready = true;
  model.on?.("change:branches", graft);
  model.on?.("msg:custom", hear);
  return () => { model.off?.("change:branches", graft); model.off?.("msg:custom", hear); };
}

export default { render };
