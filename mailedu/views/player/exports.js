// Exports that need no page: the transcript as text, the rows as JSON.  Pure, no DOM.

import { decoded, seen } from "./words.js";

/** One line a row, indented as it is nested; hostile text cannot leave its line or steer a terminal. */
export function transcript(story) {
  const wide = String(story.last).length;
  const lines = [seen(story.title), ""];
  story.rows.forEach((row, i) => {
    const mark = row.kind === "say" ? (row.reply ? "S: " : "C: ") : row.kind === "ask" ? "? " : row.kind === "answer" ? "= " : row.kind === "rule" ? "* " : "";
    const outcome = row.outcome ? `  [${seen(row.outcome, 60)}]` : "";
    lines.push(`${String(row.n).padStart(wide)} ${"  ".repeat(story.depth[i])}${mark}${seen(row.label, 300)}${outcome}`);
    if (row.kind === "say") for (const more of decoded(row.data ?? "").split("\r\n").slice(1, -1)) lines.push(`${" ".repeat(wide + 1)}${"  ".repeat(story.depth[i])}${mark}${seen(more, 1000)}`);
  });
  return lines.join("\n") + "\n";
}

/** The score as it came, readable: for other programs. */
export const data = story => JSON.stringify({ title: story.title, rows: story.rows, lanes: story.lanes, talks: story.talks, meters: story.meters, rules: story.rules, machines: story.machines }, null, 1);
