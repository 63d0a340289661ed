// Console: a call that one types into, and the states of its server; the one it is in is lit.
// Traits: said ([who, line], …), state, pictures (light, dark), may, why.  Messages: line, back (out); done, refused (in).
// What a server says is hostile text: it becomes text nodes; the diagram is an image, in which nothing can run.

const h = (tag, props, ...kids) => {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(props ?? {})) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value); else element.setAttribute(key, value);
  }
  element.append(...kids);
  return element;
};
const isDark = () => {
  const light = document.body.dataset.jpThemeLight;
  return light ? light === "false" : matchMedia("(prefers-color-scheme: dark)").matches;
};
let count = 0;

export function render({ model, el }) {
  const id = `mailedu-line-${++count}`;
  const log = h("div", { class: "log", role: "log", tabindex: "0", "aria-label": "What was said" });
  const label = h("label", { for: id }, "You say"), note = h("div", { class: "note", role: "status" });
  const line = h("input", { id, type: "text", autocomplete: "off", autocapitalize: "off", spellcheck: "false", maxlength: "10000" });
  const undo = h("button", { type: "button", title: "Take the last line back: the lab as it was before it", onclick: () => model.send({ type: "back" }) }, "Back");
  const form = h("form", { class: "prompt" }, label, line, h("button", { type: "submit" }, "Say it"), undo);
  const may = h("div", { class: "may" }), why = h("div", { class: "why" }), picture = h("img", {});
  const root = h("section", { class: "mailedu-console", "aria-label": "Console" }, log, form, may, why, note, picture);
  el.replaceChildren(root);

  const older = [];
  let at = 0;
  form.addEventListener("submit", event => {
    event.preventDefault();
    older.push(line.value);
    at = older.length;
    model.send({ type: "line", text: line.value });
    note.textContent = "";
  });
  line.addEventListener("keydown", event => {
    event.stopPropagation();
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step || !older.length) return;
    event.preventDefault();
    at = Math.max(0, Math.min(older.length, at + step));
    line.value = older[at] ?? "";
  });

  function draw() {
    const state = model.get("state");
    log.replaceChildren(...model.get("said").map(([who, text]) => h("div", { class: who === "S" && /^[45]/.test(text) ? "S no" : who }, h("b", {}, who), " ", text)));
    log.scrollTop = log.scrollHeight;
    const inData = model.get("block");
    line.placeholder = inData ? "a line of the letter; a dot alone ends it" : "type a line, then Enter";
    may.replaceChildren(h("b", { class: "state" }, state), inData ? " every line is the letter's" : ` may hear ${model.get("may").join(", ") || "nothing more"}`);
    why.textContent = model.get("why");
    undo.disabled = model.get("said").every(([who]) => who === "S");
    paint();
  }
  function paint() {
    const [light, dark] = model.get("pictures");
    picture.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(isDark() ? dark : light);
    picture.alt = `The states of the server; it is in ${model.get("state")}`;
  }
  const hear = message => {
    if (message?.type === "done") line.value = "";
    if (message?.type === "refused") note.textContent = String(message.why);
  };
  const themes = new MutationObserver(paint);
  themes.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light"] });
  model.on("change", draw);
  model.on("msg:custom", hear);
  draw();
  return () => { themes.disconnect(); model.off("change", draw); model.off("msg:custom", hear); };
}

export default { render };
