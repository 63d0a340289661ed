// Picture: the score at the chosen depth as one SVG file, in the colours of paper.

import { h, s } from "./dom.js";
import { HIGH, laneDrawing, laneWidth } from "./glyphs.js";
import { seen } from "./words.js";

const WORDS = 560, MOST = 2000; // px for the words; rows
const STYLE = `text { font: 12px system-ui, sans-serif; fill: #1d1c1a } .mono { font: 11.5px ui-monospace, monospace } .n { font-size: 10.5px; fill: #5b5953; text-anchor: end }
.life { stroke: #dddbd4 } .life.on { stroke: #827f76; stroke-width: 2.5 } .tube { fill: #e4f1f2 } .wall { stroke: #0b6470; fill: none }
.wire, .open { stroke: #1d1c1a; stroke-width: 1.5; fill: none } .head { fill: #1d1c1a } .sheath { fill: #fff; stroke: #0b6470 }
.dns { stroke: #663a9c; stroke-dasharray: 1.5 3 } .badge { fill: #fff; stroke: #663a9c } .q { font-size: 9.5px; font-weight: 700; fill: #663a9c; text-anchor: middle }
.dia { fill: #fff; stroke: #1d1c1a; stroke-width: 1.3 } .tick { fill: none; stroke: #1d1c1a; stroke-width: 1.5 } .good { stroke: #17693f } .bad { stroke: #b0241c }
.later { stroke: #855000 } .badfill { fill: #b0241c } .cross { stroke: #fff; stroke-width: 1.6 } .lane { text-anchor: middle; font-size: 10.5px } .count { font-size: 9.5px; font-weight: 700; text-anchor: middle }`;

export function picture(app) {
  const { story, walk } = app, grid = { pad: 18, gap: 40, number: 40 };
  const rows = [...walk.shown].filter((_, at) => walk.line[at] < 0).slice(0, MOST);
  const lanes = grid.number + laneWidth(story, grid), wide = lanes + WORDS, high = 64 + rows.length * HIGH;
  const svg = s("svg", { xmlns: "http://www.w3.org/2000/svg", width: wide, height: high, viewBox: `0 0 ${wide} ${high}` },
    s("title", {}, seen(story.title, 300)), s("style", {}, STYLE), s("rect", { width: wide, height: high, fill: "#fff" }),
    s("text", { x: 8, y: 20, "font-weight": 600 }, seen(story.title, 100)),
    story.lanes.map((lane, at) => s("text", { class: "lane", x: grid.number + grid.pad + at * grid.gap, y: 48 }, seen(lane.name, 14))));
  rows.forEach((i, at) => {
    const row = story.rows[i], y = 56 + at * HIGH, drawing = laneDrawing(story, i, grid, { folded: walk.isFolded(i) });
    const outcome = row.outcome && (row.kind !== "open" || walk.isFolded(i)) ? `  [${seen(row.outcome, 40)}]` : "";
    for (const text of drawing.querySelectorAll("text:not(.q)")) text.setAttribute("class", "count");
    svg.append(s("g", { transform: `translate(0 ${y})` }, s("text", { class: "n", x: grid.number - 4, y: 17 }, row.n),
      s("g", { transform: `translate(${grid.number} 0)` }, [...drawing.childNodes]),
      s("text", { class: row.kind === "say" ? "mono" : "", x: lanes + story.depth[i] * 10, y: 17 }, seen(row.label, 76) + outcome)));
  });
  return new XMLSerializer().serializeToString(svg);
}

/** The sheet of files that can be saved, each made on the spot. */
export function savingSheet(app, files) {
  const list = h("ul", {});
  const sheet = h("dialog", { class: "mp-help", "aria-label": "Save as a file" }, h("b", {}, "Save as a file"), list,
    h("button", { type: "button", onclick: () => sheet.close() }, "Close"));
  const save = async ({ name, type, make }) => { download(`${fileName(app.story.title)}.${name}`, type, await make(app)); sheet.close(); };
  return {
    sheet,
    open() {
      list.replaceChildren(...files.filter(file => file.has?.(app) ?? true).map(file =>
        h("li", {}, h("button", { type: "button", onclick: () => save(file) }, `.${file.name}`), h("span", {}, file.what))));
      sheet.showModal();
    },
  };
}

const fileName = title => seen(title, 60).toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "") || "trace";

function download(name, type, content) {
  const href = URL.createObjectURL(new Blob([content], { type }));
  h("a", { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 10_000);
}
