// Page: the same player in one HTML file, with no kernel and no network.  The address says where you are: #step=12.

import { render } from "./widget.js";

const step = () => Number(/(?:^|[#&])step=(\d+)/.exec(location.hash)?.[1] ?? 0);

/** What anywidget's model would be; a moved cursor goes into the address, and a changed address moves the cursor. */
function standIn(values) {
  const heard = new Map();
  addEventListener("hashchange", () => { values.cursor = step(); heard.get("change:cursor")?.(); });
  return {
    get: name => values[name],
    set(name, value) { values[name] = value; },
    save_changes() { try { history.replaceState(null, "", `#step=${values.cursor}`); } catch { /* a framed page has no address of its own */ } },
    on(name, handler) { heard.set(name, handler); },
    off(name) { heard.delete(name); },
  };
}

const kept = id => document.getElementById(id)?.textContent.trim() ?? "";

await render({
  model: standIn({ packed: kept("packed"), branches: JSON.parse(kept("branches") || "[]"), cursor: step() }),
  el: document.getElementById("player"),
});
