// History: where you are in a story, what is folded, and how you move.  Pure, no DOM.
// One idea: what is folded is stepped over; standing on a folded group means "after all of it".

import { RANK, under } from "./model.js";
import { countLines } from "./spans.js";

const MOST_LINES = 6; // of one message, at the level of bytes

export class Walk {
  constructor(story, level = 2) {
    this.story = story;
    this.cursor = 0; // a row
    this.lanes = 0; // a bit for each lane that is shown; 0 is all
    this.quiz = story.predictions > 0; // whether predictions are asked for
    this.answers = new Map(); // row -> which choice was taken
    this.pending = -1; // the row whose prediction is asked for now
    this.setLevel(level);
  }

  /** The level switch only sets many folds at once. */
  setLevel(level) {
    const { story } = this;
    this.level = level;
    this.open = new Set();
    for (let i = 0; i < story.size; i++) if (story.kids[i] && isOpenAt(story, i, level)) this.open.add(i);
    this.stand();
    this.list();
  }

  /** The rows to be seen: `shown` has their indexes, `line` a message's line of octets (-1 for the row itself). */
  list() {
    const { story, open, lanes } = this, shown = [], line = [], bytes = this.level === 4;
    for (let i = 0; i < story.size;) {
      const folded = story.kids[i] && !open.has(i);
      if (lanes && !(story.mask[i] & lanes)) { i = story.end[i] + 1; continue; }
      shown.push(i); line.push(-1);
      if (bytes && story.rows[i].kind === "say") {
        const count = countLines(story.rows[i], MOST_LINES);
        for (let k = 0; k < count; k++) { shown.push(i); line.push(k); }
      }
      i = folded ? story.end[i] + 1 : i + 1;
    }
    this.shown = Int32Array.from(shown); this.line = Int8Array.from(line);
  }

  /** Where row i is on the screen; the group or the row before it when it is not. */
  placeOf(i) {
    let at = Math.max(0, under(this.shown, i));
    while (at > 0 && this.line[at] >= 0) at--;
    return at;
  }

  isFolded(i) { return this.story.kids[i] === 1 && !this.open.has(i); }

  /** The last row that has happened when you stand on row i. */
  after(i = this.cursor) { return this.isFolded(i) ? this.story.end[i] : i; }

  /** Nobody stands inside what is folded: up to the outermost folded group. */
  stand() { for (const up of this.story.above(this.cursor)) if (!this.open.has(up)) { this.cursor = up; break; } }

  reveal(i) {
    const closed = this.story.above(i).filter(up => !this.open.has(up));
    closed.forEach(up => this.open.add(up));
    if (this.lanes && !(this.story.mask[i] & this.lanes)) this.lanes = 0;
    this.list();
  }

  /** Everything from row i on that belongs to it is one to step on. */
  spread(i) {
    const { story, open } = this, before = open.size;
    for (const up of story.above(i)) open.add(up);
    for (let k = i; k <= story.end[i]; k++) if (story.kids[k]) open.add(k);
    if (open.size > before) this.list();
  }

  // -- moving; each returns whether anything moved

  /** To row i.  `jump`: without being asked to predict what lies between; what is landed on is asked for all the same. */
  go(i, { jump = false, reveal = false } = {}) {
    i = Math.max(0, Math.min(this.story.size - 1, i));
    const asked = jump ? this.toPredict(i - 1, this.after(i)) : i <= this.cursor ? -1 : this.toPredict(this.after(), this.after(i));
    if (asked >= 0) { this.reveal(asked); this.pending = asked; this.cursor = Math.max(0, asked - 1); return true; }
    const moved = i !== this.cursor || this.pending >= 0;
    this.pending = -1;
    this.cursor = i;
    if (reveal) this.reveal(i);
    return moved;
  }

  next() {
    let at = this.placeOf(this.cursor) + 1;
    while (this.line[at] >= 0) at++;
    return at < this.shown.length && this.go(this.shown[at]);
  }

  back() {
    if (this.pending >= 0) { this.pending = -1; return true; }
    let at = this.placeOf(this.cursor) - 1;
    while (at > 0 && this.line[at] >= 0) at--;
    return at >= 0 && this.go(this.shown[at]);
  }

  /** Unfold; when unfolded already, or a leaf: the next row. */
  into() {
    if (!this.isFolded(this.cursor)) return this.next();
    this.open.add(this.cursor); this.list();
    return true;
  }

  /** Fold; when folded already, or a leaf: up to the group. */
  out() {
    const { story, cursor } = this, up = story.up[cursor];
    if (story.kids[cursor] && this.open.has(cursor) && story.depth[cursor] > 0) { this.toggle(cursor); return true; }
    return up >= 0 && this.go(up, { jump: true });
  }

  /** Past this group, folded or not. */
  over() {
    const i = this.story.end[this.cursor] + 1;
    return i < this.story.size && this.go(i, { reveal: true });
  }

  toggle(i) {
    if (this.open.has(i)) this.open.delete(i); else this.open.add(i);
    this.stand();
    this.list();
  }

  /** To the next row that fits, around the end when `round`. */
  seek(fits, { round = false } = {}) {
    const { size } = this.story, start = round ? this.cursor : this.after();
    for (let k = 1; k <= size; k++) {
      const i = start + k;
      if (i >= size && !round) return false;
      if (fits(i % size)) return this.go(i % size, { jump: true, reveal: true }) || true;
    }
    return false;
  }

  last() { return this.go(this.story.size - 1, { jump: true, reveal: true }); }

  show(lanes) { this.lanes = lanes; this.list(); this.cursor = this.shown.length ? this.shown[this.placeOf(this.cursor)] : 0; }

  // -- predict, then reveal

  /** The first row in (from, to] whose prediction was not made yet; -1 for none. */
  toPredict(from, to) {
    if (this.quiz) for (let i = from + 1; i <= to; i++) if (this.story.rows[i].predict && !this.answers.has(i)) return i;
    return -1;
  }

  /** Whether row i must stay covered: it, or something folded into it, is still to be predicted. */
  covered(i) { return this.quiz && i > this.cursor && this.toPredict(i - 1, this.after(i)) >= 0; }
}

/** Journeys at the top are open at any level; a decision made up of decisions, where decisions are looked at. */
function isOpenAt(story, i, level) {
  const rank = RANK[story.rows[i].level];
  return rank < level || (rank === 0 && story.depth[i] === 0) || (rank === 3 && level === 3 && story.parted[i] === 1);
}

/** What the jumps look for. */
export const JUMPS = {
  refusal: row => row.kind === "say" && row.mood === "bad",
  verdict: row => (row.kind === "rule" || (row.kind === "open" && row.level === "decision")) && row.mood !== undefined,
  question: row => row.kind === "ask",
};

/** Whether a row has these (lower-case) letters in what it shows or carries. */
export function matches(row, letters) {
  return row.label.toLowerCase().includes(letters) || (row.data ?? "").toLowerCase().includes(letters) ||
    (row.rule ?? "").includes(letters) || (row.outcome ?? "").toLowerCase().includes(letters);
}
