// Page: the same player in one HTML file, with no kernel and no network.  The address says where you are: #step=12.

import { render } from "./widget.js";

const CALM = 150; // ms without a step until the address is written

const step = () => Number(/(?:^|[#&])step=(\d+)/.exec(location.hash)?.[1] ?? 0);

/** What anywidget's model would be; a moved cursor goes into the address, and a changed address moves the cursor. */
function standIn(values) {
  const heard = new Map();
  let late = 0;
  const write = () => { try { history.replaceState(null, "", `#step=${values.cursor}`); } catch { /* a framed page has no address of its own */ } };
  addEventListener("hashchange", () => { values.cursor = step(); heard.get("change:cursor")?.(); });
  return {
    get: name => values[name],
    set(name, value) { values[name] = value; },
    save_changes() { clearTimeout(late); late = setTimeout(write, CALM); }, // at once it would cost more than the step itself
    on(name, handler) { heard.set(name, handler); },
    off(name) { heard.delete(name); },
  };
}

const kept = id => document.getElementById(id)?.textContent.trim() ?? "";

await render({
  model: standIn({ packed: kept("packed"), recorded: kept("recorded"), branches: JSON.parse(kept("branches") || "[]"), cursor: step() }),
  el: document.getElementById("player"),
});
if (window === window.top) document.querySelector(".mp-score, .mp-spf-tree, .mp-dmarc-tree, .mp-arena-list, .mp-tap-list")?.focus({ preventScroll: true }); // keys work at once; a framed page takes no focus
