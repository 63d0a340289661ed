// Prompt: the next line of the conversation is yours.  The kernel replays the past into an equal world and says it there.

import { h, icon } from "./dom.js";
import { seen } from "./words.js";

const PATIENCE = 3000; // ms until a silent kernel is said to be silent
const MOST = 10_000; // letters
const HIGHEST = 6; // lines that the box grows to
const BLOCK = ["Subject: Hello", "", "Hi!", "."]; // what is offered where a whole message is wanted

export function promptView(app) {
  const form = h("form", { class: "mp-prompt" });
  const label = h("label", { for: `${app.uid}-line` });
  const line = h("textarea", {
    id: `${app.uid}-line`, rows: 1, wrap: "off", autocomplete: "off", autocapitalize: "off", spellcheck: "false", maxlength: MOST, "aria-describedby": `${app.uid}-hint`,
    oninput: grow,
    onkeydown(event) {
      event.stopPropagation();
      if (event.key === "Escape") app.focus();
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); form.requestSubmit(); }
    },
  });
  const hint = h("span", { class: "vh", id: `${app.uid}-hint` }, "Enter says it, Shift and Enter begins another line.");
  const note = h("div", { class: "mp-note", role: "status" });
  let at = -1, waiting = 0;
  form.append(label, line, hint, h("button", { type: "submit", title: "Say it there (Enter); Shift+Enter begins another line" }, "Branch"));

  /** The client's next command at or after the cursor, which another one may take the place of; -1 for none. */
  function place() {
    const { story, walk } = app, folded = walk.isFolded(walk.cursor);
    for (let i = folded ? walk.after() + 1 : walk.cursor; i < story.size; i++) {
      const row = story.rows[i];
      if (row.kind === "say" && !row.reply && story.talk[i] >= 0 && !story.kids[i]) return i;
    }
    return -1;
  }

  /** The step after which the past is left: the last thing that was said before row i in its conversation. */
  function before(i) {
    const { story } = app;
    for (let k = i - 1; k > 0; k--) if (story.talk[k] === story.talk[i] && story.rows[k].kind === "say") return story.rows[k].n;
    return story.rows[story.up[i]].n;
  }

  function draw() {
    form.hidden = !app.branching;
    if (!app.branching) return;
    const { story } = app;
    at = place();
    line.disabled = at < 0;
    form.querySelector("button").disabled = at < 0;
    if (at < 0) return label.replaceChildren(h("span", { class: "quiet" }, "No command after this point to replace."));
    const row = story.rows[at];
    label.replaceChildren(icon("fork"), h("span", { class: "word" }, "What if"), seen(story.name(row.actor), 24), h("span", { class: "word" }, "said"), `at ${row.n}`);
    line.placeholder = isBlock(row) ? `${seen(row.label, 40)} …   ⇧Enter: next line, end with a dot` : seen(row.label, 60);
  }

  /** As high as what is typed, up to a limit; a message being typed says how it goes on. */
  function grow() {
    const lines = line.value.split("\n").length;
    line.rows = Math.min(HIGHEST, lines);
    if (lines > 1) tell("Enter says all of it; Shift+Enter: another line. A dot alone in the last line ends a message.");
    else if (!waiting) tell("");
  }

  form.addEventListener("submit", event => {
    event.preventDefault();
    if (at < 0 || !line.value.trim()) return;
    app.model.send({ type: "branch", branch: app.shown, at: before(at), text: line.value });
    tell("Asked …");
    clearTimeout(waiting);
    waiting = setTimeout(() => tell("The kernel has not answered for 3 seconds. If it was restarted, run the cell again.", "bad"), PATIENCE);
  });

  function tell(text, mood) {
    note.replaceChildren(text);
    note.toggleAttribute("data-bad", mood === "bad");
  }

  return {
    form, note, draw,
    /** The kernel answered: a branch came, or a reason why not. */
    answered(why) { clearTimeout(waiting); waiting = 0; tell(why ? seen(why, 400) : "", why ? "bad" : ""); if (!why) { line.value = ""; line.rows = 1; } },
    /** Put a command into the line, for the user to finish. */
    type(verb) { if (!app.branching || line.disabled) return; line.value = verb + " "; line.focus(); },
    /** Into the line; where a message was said, one to begin with is in it. */
    focus() {
      if (!app.branching || line.disabled) return;
      if (!line.value && isBlock(app.story.rows[at])) { line.value = BLOCK.join("\n"); grow(); }
      line.focus();
    },
    off() { clearTimeout(waiting); },
  };
}

/** Whether what was said is no single line: a message. */
const isBlock = ({ data = "" }) => data.includes("\r\n") && data.indexOf("\r\n") < data.length - 2;
