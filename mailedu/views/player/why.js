// Why: what the third band says of a step: its rule; else what the table that ran says of its command; else a hint.

import { h } from "./dom.js";
import { seen } from "./words.js";

/** Fill the band for row i; with `name`, say instead what octets of that name are. */
export function explain(band, story, i, name) {
  const row = story.rows[i], codes = () => told(story, reply(story, i).means);
  if (name) return band.replaceChildren(h("b", {}, name), story.meaning(name) ? `: ${story.meaning(name)}` : "", ...(story.kind(name) === "code" ? codes() : []));
  const says = row.kind === "rule" ? row.label : row.says;
  if (says) return band.replaceChildren(seen(says, 600), " ", cite(story.rules[row.rule], row.rule), ...codes());
  const [words, section] = byTable(story, i) ?? [];
  if (words) return band.replaceChildren(words, " ", section ? cite(section) : "", ...codes());
  if (row.means?.length) return band.replaceChildren(...codes());
  if (row.reply) return band.replaceChildren(...firstCode(story, row));
  band.replaceChildren(h("span", { class: "quiet" }, HINTS[row.kind] ?? (story.kids[i] ? "Open it (→) to see each step and each rule."
    : row.data ? "Point at the octets, or go through them by Tab and arrows: each has a name." : "")));
}

const HINTS = {
  tls: "From here on all that is said in this call is encrypted; who listens sees that there is talk, and how much.",
  connect: "A connection (TCP) stands: what one end says now reaches the other, in order and whole.",
  hangup: "The connection ends here: nothing more can be said in this call.",
  ask: "A question to the DNS: this name, and this type of record.",
};

/** The reply that row i is, or that ends the exchange it stands for. */
function reply(story, i) {
  if (story.rows[i].level === "exchange") for (let k = story.end[i]; k > i; k--) if (story.rows[k].reply) return story.rows[k];
  return story.rows[i];
}

/** What the codes of a reply mean, each in a line of its own. */
const told = (story, codes = []) => codes.filter(code => story.codes[code]).map(code => {
  const [says, source] = story.codes[code];
  return h("div", { class: "code" }, h("b", {}, code), " ", seen(says, 600), " ", cite(source));
});

/** [sentence, section]: where the table lets this command be said, or which state it led to. */
function byTable(story, i) {
  const row = story.rows[i];
  if (row.level !== "exchange" && row.kind !== "say") return undefined;
  const group = row.verb ? i : story.up[i], verb = story.rows[group]?.verb;
  const machine = story.machines[story.talks[story.talk[i]]?.machine];
  const rows = machine?.rows.filter(row => row[1] === verb) ?? [];
  if (!rows.length) return undefined;
  const label = state => machine.labels?.[state] ?? state;
  const section = text => text.startsWith("RFC") ? text : machine.rfc ? `RFC ${machine.rfc} §${text}` : "";
  const change = row.state;
  if (change) {
    const taken = rows.find(row => row[0] === change[0] && row[3] === change[2]) ?? rows[0];
    return [`${verb}, answered like this, leads from ${label(change[0])} to ${label(change[2])}.`, section(taken[4])];
  }
  if (row.reply) return undefined;
  const states = [...new Set(rows.map(row => label(row[0])))], all = new Set(machine.rows.map(row => label(row[0]))).size;
  const where = states.length === all ? "any state" : states.length === 1 ? `the state ${states[0]} only` : `the states ${states.join(", ")}`;
  return [`${verb} may be said in ${where}.`, section(rows[0][4])];
}

/** What the reply's first word for programs means. */
function firstCode(story, row) {
  const name = row.spans?.map(([, name]) => name).find(name => story.kind(name) === "code");
  return name ? [h("b", {}, name), `: ${story.meaning(name)}`] : [];
}

/** Where it is written: "RFC 5321 §4.2.1", as a link. */
function cite(section, rule) {
  const [, number, part] = /^RFC (\d+)(?: §([\w.]+))?/.exec(section ?? "") ?? [];
  if (!number) return h("span", { class: "cap", title: rule }, section || "a rule of this lab");
  const href = `https://www.rfc-editor.org/rfc/rfc${number}${part ? `#section-${part}` : ""}`;
  return h("a", { class: "cite", href, target: "_blank", rel: "noreferrer noopener", title: rule }, section);
}
