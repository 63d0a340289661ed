// Model: one score unpacked.  Rows stand in story order; what a view asks of them again and again is in typed arrays.

export const LEVELS = ["journey", "conversation", "exchange", "decision", "bytes"];
export const RANK = { journey: 0, conversation: 1, exchange: 2, decision: 3, message: 3, evidence: 3 };

export class Story {
  /** `score` is what `mailedu.views.score` wrote: title, rows, lanes, talks, machines, rules, names, meters. */
  constructor(score) {
    Object.assign(this, score);
    this.size = this.rows.length;
    this.rules ??= {}; this.codes ??= {}; this.names ??= {}; this.machines ??= {}; this.talks ??= []; this.meters ??= [];
    this.predictions = this.rows.filter(row => row.predict).length;
    this.timed = this.rows.some(row => row.at !== this.rows[0].at); // whether the lab's clock moved at all
    this.last = this.rows.reduce((most, row) => Math.max(most, row.n), 0);
    this.nest();
    this.place();
    this.talking();
    this.history();
    this.number();
  }

  /**
   * end[i]: the last row under i.  depth, kids; pos[i] of sibs[i]: its place among its siblings, for screen readers.
   * parted[i]: an outermost decision that has decisions in it.
   */
  nest() {
    const { rows, size } = this;
    this.up = new Int32Array(size).fill(-1);
    this.end = Int32Array.from({ length: size }, (_, i) => i);
    this.depth = new Uint8Array(size); this.kids = new Uint8Array(size);
    this.parted = new Uint8Array(size);
    this.pos = new Int32Array(size); this.sibs = new Int32Array(size);
    const count = new Int32Array(size + 1);
    for (let i = 0; i < size; i++) {
      const up = rows[i].up ?? -1;
      this.up[i] = up;
      if (up >= 0) { this.depth[i] = Math.min(255, this.depth[up] + 1); this.kids[up] = 1; }
      this.pos[i] = ++count[up + 1];
      if (decides(rows[i]) && decides(rows[up]) && !decides(rows[rows[up].up])) this.parted[up] = 1;
    }
    for (let i = size - 1; i >= 0; i--) {
      const up = this.up[i];
      this.sibs[i] = count[up + 1];
      if (up >= 0 && this.end[i] > this.end[up]) this.end[up] = this.end[i];
    }
  }

  /** from[i], to[i]: lanes.  mask[i]: a bit for each lane that is met in row i or under it. */
  place() {
    const { rows, size } = this;
    this.lane = new Map(this.lanes.flatMap((lane, at) => lane.of.map(actor => [actor, at])));
    this.from = new Int16Array(size); this.to = new Int16Array(size); this.mask = new Int32Array(size);
    for (let i = size - 1; i >= 0; i--) {
      const from = this.lane.get(rows[i].actor) ?? 0;
      const to = rows[i].to === undefined ? from : this.lane.get(rows[i].to) ?? from;
      this.from[i] = from; this.to[i] = to;
      this.mask[i] |= laneBit(from) | laneBit(to);
      if (this.up[i] >= 0) this.mask[this.up[i]] |= this.mask[i];
    }
  }

  /** talk[i]: the conversation a row belongs to, -1 for none.  secure[i]: 1 under TLS, 2 at the handshake itself. */
  talking() {
    const { rows, size } = this;
    this.talk = new Int32Array(size).fill(-1); this.secure = new Uint8Array(size);
    this.ends = this.talks.map(() => [0, 0]);
    const tls = new Uint8Array(this.talks.length);
    for (let i = 0; i < size; i++) {
      const row = rows[i];
      const talk = this.talk[i] = row.talk ?? (this.up[i] < 0 ? -1 : this.talk[this.up[i]]);
      if (talk < 0) continue;
      if (row.level === "conversation") this.ends[talk] = [this.from[i], this.to[i]];
      else this.secure[i] = row.kind === "tls" ? 2 : tls[talk];
      if (row.kind === "tls" && row.mood !== "bad") tls[talk] = 1;
    }
    this.anyTls = tls;
  }

  /** For each meter, and each conversation's state: the rows at which it changed, and what it became. */
  history() {
    this.metered = {}; this.entered = this.talks.map(() => ({ at: [], was: [] }));
    this.rows.forEach((row, i) => {
      for (const [meter, value] of Object.entries(row.world ?? {})) {
        const told = this.metered[meter] ??= { at: [], was: [] };
        told.at.push(i); told.was.push(value);
      }
      if (row.state && this.talk[i] >= 0) { const told = this.entered[this.talk[i]]; told.at.push(i); told.was.push(row.state); }
    });
  }

  /** Step number -> row: its own, or the one that speaks for it. */
  number() {
    this.first = this.rows.reduce((least, row) => Math.min(least, row.n), this.size ? Infinity : 0);
    const highest = this.rows.reduce((most, row) => Math.max(most, row.n, ...(row.also ?? [])), this.first);
    this.byStep = new Int32Array(highest - this.first + 1).fill(-1);
    this.rows.forEach((row, i) => { for (const n of row.also ?? []) this.byStep[n - this.first] = i; });
    this.rows.forEach((row, i) => { this.byStep[row.n - this.first] = i; });
  }

  /** The row of a step; the nearest one before it when that step has none, the last one beyond the end. */
  rowOf(step) {
    if (step - this.first >= this.byStep.length) return this.size - 1;
    for (let at = Math.min(step - this.first, this.byStep.length - 1); at >= 0; at--) if (this.byStep[at] >= 0) return this.byStep[at];
    return 0;
  }

  name(actor) { return actor === undefined ? "" : this.lanes[this.lane.get(actor)]?.name ?? actor; }

  /** The kind of mark that octets of this name get, and what the name means. */
  kind(name) { return this.names[name]?.[0] ?? "text"; }
  meaning(name) { return this.names[name]?.[1] ?? ""; }

  /** A meter's value after row i. */
  meter(id, i) { return last(this.metered[id], i) ?? 0; }

  /** [before, verb, after, the row that did it] of the conversation that row i stands in; undefined before its first state. */
  state(talk, i) {
    const told = this.entered[talk], at = told ? under(told.at, i) : -1;
    return at < 0 ? undefined : [...told.was[at], told.at[at]];
  }

  /** The rows above i, outermost first. */
  above(i) {
    const found = [];
    for (let up = this.up[i]; up >= 0; up = this.up[up]) found.unshift(up);
    return found;
  }

  /** What the time line calls its pieces: the outermost groups below the journeys. */
  *pieces() {
    for (let i = 0; i < this.size;) {
      if (this.rows[i].level === "journey" && this.kids[i]) { i++; continue; }
      yield i;
      i = this.end[i] + 1;
    }
  }
}

const decides = row => row?.kind === "open" && row.level === "decision";

export const laneBit = lane => 1 << Math.min(lane, 30); // lanes beyond the 31st are filtered together

/** The place of the last entry that is not after i; -1 when there is none. */
export function under(sorted, i) {
  let low = 0, high = sorted.length;
  while (low < high) { const middle = (low + high) >> 1; if (sorted[middle] <= i) low = middle + 1; else high = middle; }
  return low - 1;
}

const last = (told, i) => { const at = told ? under(told.at, i) : -1; return at < 0 ? undefined : told.was[at]; };

/** A score as it travels (gzip of JSON; as bytes, or as base64 in a page) -> Story. */
export const unpack = async packed => new Story(JSON.parse(await unzip(packed)));

/** Gzip, as bytes or as base64 -> text. */
export async function unzip(packed) {
  const bytes = typeof packed === "string" ? Uint8Array.from(atob(packed), c => c.charCodeAt(0)) : packed;
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}
