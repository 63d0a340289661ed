// Predict, then reveal: the next row stays covered until the student has guessed.  Never scored, never stored.

import { h, icon } from "./dom.js";
import { seen } from "./words.js";

/** The bands that take the inspector's place while a prediction is asked for. */
export function question(app) {
  const i = app.walk.pending, row = app.story.rows[i], { ask, choices } = row.predict, taken = app.walk.answers.get(i);
  const done = taken !== undefined;
  const list = h("ol", {}, choices.map((choice, at) => h("li", { "data-r": !done ? undefined : choice.right ? "good" : at === taken ? "bad" : undefined },
    h("button", { type: "button", disabled: done, onclick: () => guess(app, at) }, h("kbd", {}, at + 1), h("span", { class: "choice" }, seen(choice.text, 300)),
      done && choice.right ? [icon("check"), "what happened"] : done && at === taken ? [icon("cross"), "your guess"] : null),
    done && at === taken && choice.hint ? h("div", { class: "hint" }, seen(choice.hint, 600)) : null)));
  const show = h("button", { type: "button", class: "reveal", onclick: () => app.go(i, { jump: true }) }, icon("eye"), `Show step ${row.n}`);
  return [
    h("div", { class: "mp-say" }, h("h3", {}, seen(ask, 300)), h("span"), h("div", { class: "cap" }, `before step ${row.n}`)),
    h("div", { class: "mp-quiz" }, done ? null : h("p", { class: "quiet" }, `Choose with 1 to ${choices.length}, or click. The octets are covered until then.`),
      list, done ? h("div", {}, show) : h("div", { class: "mp-cover" })),
  ];
}

/** Take a choice; what it says about it is said aloud too. */
export function guess(app, at) {
  const { walk, story } = app, choice = story.rows[walk.pending]?.predict?.choices[at];
  if (!choice || walk.answers.has(walk.pending)) return;
  walk.answers.set(walk.pending, at);
  app.draw();
  app.say(choice.right ? "Right." : `Not this time. ${choice.hint ?? ""}`);
  app.root.querySelector(".reveal")?.focus();
}
