// Elements.  A message is hostile text: nothing here or elsewhere writes markup, only text nodes and attributes.
// Styles are set one property at a time, so that a page may forbid style attributes (Content-Security-Policy).

const SVG = "http://www.w3.org/2000/svg";

/** h("button", { class: "x", onclick: f, style: { top: "3px" } }, "text", other): an element. */
export const h = (tag, props, ...kids) => put(document.createElement(tag), props, kids);
/** The same for SVG. */
export const s = (tag, props, ...kids) => put(document.createElementNS(SVG, tag), props, kids);

const nothing = value => value === undefined || value === null || value === false;

export function put(element, props, kids = []) {
  for (const [key, value] of Object.entries(props ?? {})) {
    if (nothing(value)) continue;
    if (key === "style") for (const [name, to] of Object.entries(value)) element.style.setProperty(name, to);
    else if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...kids.flat(3).filter(kid => !nothing(kid)).map(kid => typeof kid === "object" ? kid : String(kid)));
  return element;
}

const ICONS = {
  person: "M7 7a2.6 2.6 0 1 0 0-5.2A2.6 2.6 0 0 0 7 7ZM2 13c.4-3 2.3-4 5-4s4.6 1 5 4",
  server: "M2 2h10v4H2ZM2 8h10v4H2ZM4.5 4h.1M4.5 10h.1",
  dns: "M7 1.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11ZM1.5 7h11M7 1.5c-4 3.5-4 7.5 0 11M7 1.5c4 3.5 4 7.5 0 11",
  lock: "M3 6.5h8V12H3ZM4.8 6.5V4.4a2.2 2.2 0 0 1 4.4 0v2.1",
  unlocked: "M3 6.5h8V12H3ZM4.8 6.5V4.4a2.2 2.2 0 0 1 4.1-1",
  fork: "M4 12V2M4 8c0-2.5 6-1.5 6-5M8 4.5l2-2 2 2",
  check: "M2.5 7.5l3 3 6-7",
  cross: "M3 3l8 8M11 3l-8 8",
  void: "M7 1.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11ZM3 11L11 3",
  unfold: "M5 2.5l5 4.5-5 4.5",
  play: "M4 2.5v9l7.5-4.5Z",
  pause: "M4.5 2.5v9M9.5 2.5v9",
  back: "M9 2.5L4 7l5 4.5",
  over: "M2 8c1-5 9-5 10 0M12 4v4H8.5",
  into: "M7 1.5v7M4 6l3 3 3-3M3 12.5h8",
  out: "M7 9V2M4 4.5L7 1.5l3 3M3 12.5h8",
  first: "M3.5 2.5v9M11 2.5L6 7l5 4.5",
  diamond: "M7 1.5L12.5 7 7 12.5 1.5 7Z",
  ask: "M4.5 5a2.5 2.5 0 1 1 3.5 2.3c-.7.3-1 .8-1 1.7M7 11.7v.1",
  eye: "M1 7c3-5.3 9-5.3 12 0-3 5.3-9 5.3-12 0ZM7 5.5a1.5 1.5 0 1 0 0 3 1.5 1.5 0 0 0 0-3Z",
  differs: "M3 5h8M3 9h8M9.5 2l-5 10",
  save: "M7 1.5v7M4 5.5l3 3 3-3M2 9.5v3h10v-3",
};

/** A small picture; with a label it is one to be read out, without it is decoration. */
export function icon(name, label) {
  const read = label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" };
  return s("svg", { class: "i", viewBox: "0 0 14 14", ...read }, s("path", { d: ICONS[name] }));
}

export const iconPath = name => ICONS[name];

export const MOODS = { good: "check", bad: "cross", later: "void" };

/** An outcome: shape and word first, colour second. */
export function tag(mood, word) {
  return h("span", { class: "mp-tag", "aria-hidden": "true", "data-r": mood }, MOODS[mood] ? icon(MOODS[mood]) : null,
    h("span", { class: "w" }, word));
}
