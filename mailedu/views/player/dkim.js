// DKIM: the microscope.  A message, what is hashed of it in both forms, the two hashes, and what the signature says.

import { h, icon, put, tag } from "./dom.js";
import { compared, difference, glyph, inputPieces, intoHash, moved, outOfHash, partAt, rawPieces, rulesOf } from "./scope.js";
import { plural, seen } from "./words.js";

const NAMES = { fields: "Fields, b=", body: "Body, bh=" };
const FORMS = ["simple", "relaxed"];
const MOST = 6000; // octets of a column that are drawn one by one

export const holdsDkim = story => Boolean(story.dkim?.length);

export function dkimPane(app) {
  const nav = h("div", { class: "mp-dkim-nav" }), raw = column("raw", "The message as it came: arrow keys move from octet to octet"), out = h("div", { class: "mp-dkim-out" });
  const inputs = FORMS.map(form => column(form, `What is hashed of it, ${form}`));
  const element = h("div", { class: "mp-pane mp-dkim" }, nav, raw.box, inputs.map(input => input.box), out);
  let story, at = 0, change = 0, hash = "body", octet = -1, sorry = "";
  app.tampered = ({ scope, variant, why }) => {
    sorry = why ? String(why) : "";
    if (variant && story?.dkim?.[scope]) { story.dkim[scope].variants.push(variant); [at, change] = [scope, story.dkim[scope].variants.length - 1]; draw(); }
    else drawOut(shown());
    app.say(sorry || `Octet changed: ${shown().result} ${shown().reason}`);
  };

  raw.text.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const variant = shown(), [from, to] = bounds(variant), to_ = Math.min(to, from + MOST);
    const next = variant.message === undefined ? undefined : moved(variant.message, Math.max(octet, from), event.key, from, to_);
    if (next === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    point(octet < from ? from : next);
  });
  raw.text.addEventListener("click", event => { const own = event.target.closest("[data-at]"); if (own) point(Number(own.dataset.at)); });
  inputs.forEach((input, k) => input.text.addEventListener("click", event => {
    const own = event.target.closest("[data-at]"), view = shown().views?.[FORMS[k]];
    const from = own && outOfHash(view, hash, Number(own.dataset.at));
    if (from) point(from.from, k);
  }));

  const scope = () => story.dkim[at] ?? story.dkim[0];
  const shown = () => scope().variants[change] ?? scope().variants[0];
  const bounds = variant => hash === "body" ? [variant.octets[0], variant.octets[0] + variant.octets[1]] : [0, variant.octets[0]];
  const form = () => scope().forms[hash === "body" ? 1 : 0];

  function draw() {
    if (story !== app.story) [story, at, change, octet] = [app.story, 0, 0, -1];
    element.hidden = !holdsDkim(story);
    if (element.hidden) return;
    drawNav();
    const variant = shown();
    element.toggleAttribute("data-long", variant.message === undefined);
    if (variant.message !== undefined) { drawRaw(variant); FORMS.forEach((name, k) => drawInput(inputs[k], name, variant)); }
    else { raw.text.replaceChildren(h("p", { class: "quiet" }, "Too long to be shown octet by octet: its lengths and its hashes only.")); inputs.forEach(input => input.text.replaceChildren()); raw.head.replaceChildren(heading("The message", variant.octets[0] + variant.octets[1])); }
    drawOut(variant);
    mark();
    for (const { text } of [raw, ...inputs]) { const fresh = text.querySelector("[data-new]"); text.scrollTop = fresh && octet < 0 ? fresh.offsetTop - text.offsetTop - 60 : text.scrollTop; }
  }

  const pick = set => () => { set(); octet = -1; sorry = ""; draw(); };

  /** Where there is a kernel: another octet in the place of the chosen one, verified anew. */
  function tamper(variant) {
    if (octet < 0 || variant !== scope().variants[0] || !app.model.send || !app.model.get("tampering")) return null;
    const letter = h("input", { type: "text", size: 2, maxlength: 1, "aria-label": `Another letter for octet ${octet}` });
    return h("form", { class: "tamper", onsubmit: event => {
      event.preventDefault();
      const code = letter.value.codePointAt(0) ?? 256;
      if (code < 256) app.model.send({ type: "tamper", scope: at, at: octet, octet: code });
    } }, "Make it ", letter, " ", h("button", { type: "submit" }, "Change"), sorry ? h("p", { class: "quiet" }, seen(sorry, 200)) : null);
  }

  // -- what to look at

  function drawNav() {
    const { dkim } = story, variant = shown();
    const choice = (words, on, act, ...more) => h("button", { type: "button", "aria-pressed": String(on), onclick: act }, h("span", {}, words), more);
    nav.replaceChildren(
      ...(dkim.length > 1 ? [h("h3", {}, "Signature"), ...dkim.map((one, k) => choice(seen(one.domain, 60), k === at, pick(() => { at = k; change = 0; })))] : []),
      h("h3", {}, "Hash"),
      ...["body", "fields"].map(name => choice(NAMES[name], name === hash, pick(() => { hash = name; }), verdictOf(variant[name]))),
      h("h3", {}, "What happened to it"),
      ...scope().variants.map((one, k) => choice(one.title, k === change, pick(() => { change = k; }), verdictOf(one.result === "pass"))));
  }

  const verdictOf = good => good === null ? null : icon(good ? "check" : "cross", good ? "fits" : "differs");

  // -- octets

  const fresh = variant => change ? difference(scope().variants[0].message, variant.message) : [0, 0];

  function drawRaw(variant) {
    const [from, to] = bounds(variant), view = variant.views[form()];
    const [a, b] = fresh(variant);
    raw.head.replaceChildren(heading(hash === "body" ? "Body as it came" : "Header as it came", to - from));
    let left = MOST;
    const pieces = rawPieces(view, variant.message, from, to).map(piece => {
      const text = piece.text.slice(Math.max(0, from - piece.at), Math.max(0, left)), start = Math.max(piece.at, from);
      left -= text.length;
      return h("span", { "data-fate": piece.fate, title: piece.fate === "unsigned" ? "in no hash" : piece.step === "kept" ? undefined : piece.step },
        [...text].map((letter, k) => h("span", { "data-at": start + k, "data-new": start + k >= a && start + k < b }, glyph(letter))));
    });
    raw.text.replaceChildren(...pieces, ...(to - from > MOST ? [h("p", { class: "quiet" }, `… and ${plural(to - from - MOST, "octet")} more.`)] : []));
    if (to === from) raw.text.append(h("p", { class: "quiet" }, "Empty."));
  }

  function drawInput(input, name, variant) {
    const view = variant.views[name], own = name === form(), text = view[hash];
    input.box.toggleAttribute("data-own", own);
    input.head.replaceChildren(heading(name, text.length), own ? h("span", { class: "own" }, "this signature") : h("span", { class: "quiet" }, "for comparison"));
    const changed = new Set(), [a, b] = fresh(variant);
    for (let p = a; p < b; p++) { const into = intoHash(view, p); if (into?.hash === hash) for (let q = into.from; q < into.to; q++) changed.add(q); }
    let left = MOST;
    const pieces = inputPieces(view, hash).map(piece => {
      const letters = piece.text.slice(0, Math.max(0, left));
      left -= letters.length;
      return h("span", { "data-fate": piece.fate, title: piece.step === "kept" ? undefined : piece.step, "data-none": !piece.text }, [...letters].map((letter, k) => h("span", { "data-at": piece.at + k, "data-new": changed.has(piece.at + k) }, glyph(letter))));
    });
    const rules = rulesOf(view, hash);
    input.text.replaceChildren(...pieces);
    input.rules.replaceChildren(...rules.map(([step, times]) => h("li", {}, h("b", {}, `${times}×`), ` ${step} `, h("span", { class: "quiet" }, section(scope().steps[step])))),
      ...(rules.length ? [] : [h("li", { class: "quiet" }, "Every octet as it came.")]));
  }

  const section = where => where ? `RFC ${where}` : "";
  const heading = (words, octets) => h("h3", {}, words, " ", h("span", { class: "quiet" }, plural(octets, "octet")));

  /** Choose an octet of the message; `of` is the column that was clicked. */
  function point(to) {
    octet = to;
    mark();
    drawOut(shown());
    app.say(told(shown()));
  }

  /** Mark the chosen octet, and what became of it in both forms. */
  function mark() {
    for (const own of element.querySelectorAll("[data-hi]")) own.removeAttribute("data-hi");
    const variant = shown();
    if (octet < 0 || !variant.views) return;
    const own = raw.text.querySelector(`[data-at="${octet}"]`);
    own?.setAttribute("data-hi", "");
    own?.scrollIntoView?.({ block: "nearest" });
    FORMS.forEach((name, k) => {
      const into = intoHash(variant.views[name], octet);
      if (into?.hash !== hash) return;
      for (let p = into.from; p < into.to; p++) inputs[k].text.querySelector(`[data-at="${p}"]`)?.setAttribute("data-hi", "");
      inputs[k].text.querySelector("[data-hi]")?.scrollIntoView?.({ block: "nearest" });
    });
  }

  /** What is to say of the chosen octet. */
  function told(variant) {
    if (octet < 0 || !variant.views) return "";
    const view = variant.views[form()], into = intoHash(view, octet), letter = variant.message[octet];
    const name = `Octet ${octet}, ${letter === "\r" ? "CR" : letter === "\n" ? "LF" : letter === " " ? "a blank" : letter === "\t" ? "a tab" : `“${glyph(letter)}”`}`;
    if (!into?.hash) return `${name}, is in no hash: nobody signed it.`;
    const where = into.to === into.from ? "and leaves nothing there" : `at ${into.from}${into.to > into.from + 1 ? ` to ${into.to - 1}` : ""}`;
    return `${name}, is in the hash of the ${into.hash}, ${where}: ${into.step}${into.step === "kept" ? "" : ` (${section(scope().steps[into.step])})`}.`;
  }

  // -- what comes out

  function drawOut(variant) {
    const [mine, said] = hash === "body" ? [variant.hashes[1], variant.said[1]] : [variant.hashes[0], variant.said[0]];
    const { one, other, differ } = compared(mine, said), { domain, key, record, algorithm, length } = scope();
    const bytes = (list, against) => h("div", { class: "bytes" }, list.map((byte, k) => h("span", { "data-x": Boolean(against.length) && byte !== against[k] }, byte)));
    const good = variant[hash], unsigned = variant.canonical - variant.hashed;
    out.replaceChildren(...[
      octet < 0 ? h("p", { class: "hint quiet" }, "Click an octet, or use the arrow keys: which hash holds it?") : h("p", { class: "hint" }, told(variant)),
      tamper(variant),
      h("h3", {}, `The result for ${seen(domain, 100)}`),
      h("p", { class: "verdict" }, tag(variant.result === "pass" ? "good" : "bad", variant.result), h("span", { class: "vh" }, variant.result), variant.reason ? h("span", {}, ` ${seen(variant.reason, 300)}`) : null),
      h("h3", {}, `SHA-256 of the ${hash}`), bytes(one, other),
      h("h3", {}, hash === "body" ? "what bh= says" : "what b= opens to, with the key"),
      other.length ? bytes(other, one) : h("p", { class: "quiet" }, algorithm.startsWith("ed25519") ? "An Ed25519 signature does not open: it fits, or not." : "This key opens it to no hash."),
      good === null ? h("p", { class: "quiet" }, "Nobody looked at this hash.") : h("p", { class: "fits" }, tag(good ? "good" : "bad", good ? "fits" : "differs"), h("span", { class: "vh" }, good ? "It fits." : "It differs."), other.length && differ ? h("span", {}, ` ${differ} of 32 bytes`) : null),
      hash === "body" && length !== null ? h("p", {}, `l=${length}: ${plural(variant.hashed, "octet")} of ${variant.canonical} are hashed`, unsigned > 0 ? `; ${plural(unsigned, "octet")} behind them are anybody's.` : ".") : null,
      h("h3", {}, "What the key says"),
      h("p", { class: "mono" }, seen(key, 200)), h("p", { class: "mono quiet rec" }, record ? seen(record, 500) : "no record in this trace"),
    ].filter(Boolean));
  }

  return { element, draw, home: raw.text };
}

function column(name, label) {
  const head = h("div", { class: "hd" }), text = h("div", { class: "octets mono", "aria-label": label, role: "group" }), rules = h("ul", { class: "rules" });
  if (name === "raw") put(text, { tabindex: 0 });
  return { head, text, rules, box: h("div", { class: "mp-dkim-col", "data-column": name }, head, text, name === "raw" ? null : rules) };
}
