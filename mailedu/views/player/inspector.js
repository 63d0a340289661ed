// Inspector: five bands that never move: the sentence, the octets, the rule, the state, the world.  Only the octets scroll.

import { h, icon } from "./dom.js";
import { drawGlosses, drawOctets, roving } from "./octets.js";
import { stateRail } from "./rail.js";
import { sealed } from "./sealed.js";
import { brief, duration, isSaid, plural, seen, sentence } from "./words.js";
import { question } from "./predict.js";
import { explain } from "./why.js";
import { worldBand } from "./world.js";

const INSIDE = 12; // rows listed of what a group holds
const GLOSSED = 3; // lines of each message of an exchange

export function inspectorView(app) {
  const panel = h("div", { class: "mp-insp" });
  let mode = "text";

  function draw() {
    if (app.walk.pending >= 0) return panel.replaceChildren(...question(app));
    const { story, walk } = app, i = walk.cursor, row = story.rows[i], after = walk.after();
    const why = h("div", { class: "mp-why" });
    explain(why, story, i, "");
    const box = h("div", { class: "mp-bytes", tabindex: 0, role: "region", "aria-label": row.data === undefined ? "Details of this step" : "Octets of this step" });
    if (row.data) drawOctets(story, box, row, isWords(row) ? "words" : mode, app.sizes.inspector < 440 ? 8 : 16, name => explain(why, story, i, name));
    if (row.records?.length) { box.append(sealed(row, name => explain(why, story, i, name))); roving(box); }
    if (row.because) box.append(reasons(row.because));
    if (!row.data && story.kids[i]) box.append(...(row.level === "exchange" ? exchange(i) : contents(i)));
    panel.replaceChildren(heading(i, after), box, why, stateRail(story, i, after, Math.max(300, app.sizes.inspector - 24), app.branching ? app.type : null), worldBand(app, i, after));
  }

  function heading(i, after) {
    const { story } = app, row = story.rows[i];
    const choice = row.data?.length > 64 && !isWords(row) ? h("div", { class: "mp-mode", role: "group", "aria-label": "Octets as" },
      ["text", "hex"].map(word => h("button", { type: "button", "aria-pressed": String(mode === word), onclick: () => { mode = word; draw(); panel.querySelector(".mp-mode [aria-pressed=true]").focus(); } }, word))) : h("span");
    return h("div", { class: "mp-say" }, h("h3", {}, cutAt(sentence(story, i), 150)), choice, h("div", { class: "cap" },
      h("span", {}, `step ${row.n}`), story.timed ? h("span", {}, duration(row.at - story.rows[0].at)) : null, safety(i),
      row.data === undefined || isWords(row) ? null : h("span", {}, plural(row.size ?? row.data.length, "octet")),
      row.wire ? h("span", {}, `${row.wire.toLocaleString("en")} on the wire`) : null,
      story.kids[i] ? h("span", {}, plural(story.end[i] - i, "step") + " inside") : null,
      row.from ? h("span", {}, `from ${seen(row.from, 60)}`) : null,
      row.to === undefined ? h("span", {}, seen(row.actor, 60)) : h("span", {}, `${seen(row.actor, 60)} → ${seen(row.to, 60)}`)));
  }

  /** Whether others on the way could read it. */
  function safety(i) {
    const { story } = app, row = story.rows[i];
    if (story.talk[i] < 0 || !isSaid(row)) return null;
    if (story.secure[i]) return h("span", {}, icon("lock"), "under TLS");
    let tls = false;
    for (let k = i; k <= story.end[i] && !tls; k++) tls = story.secure[k] > 0;
    return h("span", {}, icon(tls ? "lock" : "unlocked"), tls ? "in clear, then under TLS" : "in clear");
  }

  /** What a rule saw, in order; "=" where two say the same. */
  const reasons = because => h("dl", { class: "kv" }, Object.entries(because).flatMap(([key, value], at, all) =>
    [h("dt", {}, seen(key, 60)), h("dd", { "data-eq": at > 0 && all[at - 1][1] === value }, seen(value))]));

  /** A command with its reply: what was said in it, glossed, and what was decided in between. */
  function exchange(i) {
    const { story } = app, found = [];
    for (let k = i + 1; k <= story.end[i] && found.length < INSIDE; k = story.rows[k].level === "decision" ? story.end[k] + 1 : k + 1) {
      const row = story.rows[k], words = row.outcome ? `${seen(row.label, 200)} (${brief(row.outcome)})` : seen(row.label, 200);
      found.push(h("div", { class: "said" }, h("span", { class: "cap" }, row.n), row.kind === "say" && row.data ? drawGlosses(story, row, GLOSSED) : h("span", {}, words)));
    }
    return found;
  }

  /** What a group holds: how much of what, and its first rows. */
  function contents(i) {
    const { story } = app, count = new Map(), rows = [];
    for (let k = i + 1; k <= story.end[i]; k++) {
      const what = !story.kids[k] && NOUNS[story.rows[k].kind]?.(story.rows[k]);
      if (what) count.set(what, (count.get(what) ?? 0) + 1);
    }
    for (let k = i + 1; k <= story.end[i] && rows.length < INSIDE; k = story.end[k] + 1) rows.push(story.rows[k]);
    const took = story.rows[story.end[i]].at - story.rows[i].at;
    const told = [...[...count].map(([noun, many]) => plural(many, noun)), ...(took > 0 ? [duration(took)] : [])].join(", ");
    return [h("p", { class: "told" }, told ? told + "." : ""), h("dl", { class: "kv words" }, rows.flatMap(row =>
      [h("dt", {}, row.n), h("dd", {}, seen(row.label, 120), row.outcome ? h("span", { class: "quiet" }, "  " + brief(row.outcome)) : "")]))];
  }

  return { panel, draw };
}

/** A question to the DNS and its answer are shown as words: in this world they were no octets on a wire. */
const isWords = row => row.kind === "ask" || row.kind === "answer";

const NOUNS = {
  say: row => row.reply ? "reply" : "command", ask: () => "DNS question", rule: () => "decision", connect: () => "connection",
  store: () => "mailbox change", tls: () => "TLS handshake",
};

const cutAt = (text, most) => text.length > most ? text.slice(0, most - 1) + "…" : text;
