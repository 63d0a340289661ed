// Two futures side by side: which rows of them are the same.  Pure, no DOM.

const MOST = 4_000_000; // cells of the table; longer futures are paired from both ends only

/** Pairs [a, b] of rows, equal ones together, the rest beside each other: by longest common subsequence of `same`. */
export function align(A, B, same = (a, b) => a.label === b.label && a.actor === b.actor) {
  let start = 0, tail = 0;
  while (start < A.length && start < B.length && same(A[start], B[start])) start++;
  while (tail < A.length - start && tail < B.length - start && same(A.at(-1 - tail), B.at(-1 - tail))) tail++;
  const a = A.slice(start, A.length - tail), b = B.slice(start, B.length - tail);
  return [
    ...A.slice(0, start).map((row, i) => [row, B[i]]),
    ...(a.length * b.length > MOST ? beside(a, b) : middle(a, b, same)),
    ...A.slice(A.length - tail).map((row, i) => [row, B[B.length - tail + i]]),
  ];
}

const beside = (a, b) => Array.from({ length: Math.max(a.length, b.length) }, (_, i) => [a[i], b[i]]);

function middle(A, B, same) {
  const wide = B.length + 1, longest = new Uint16Array((A.length + 1) * wide);
  for (let i = A.length - 1; i >= 0; i--) for (let j = B.length - 1; j >= 0; j--)
    longest[i * wide + j] = same(A[i], B[j]) ? longest[(i + 1) * wide + j + 1] + 1
      : Math.max(longest[(i + 1) * wide + j], longest[i * wide + j + 1]);
  const pairs = [];
  let left = [], right = [], i = 0, j = 0;
  const flush = () => { pairs.push(...beside(left, right)); left = []; right = []; };
  while (i < A.length || j < B.length) {
    if (i < A.length && j < B.length && same(A[i], B[j])) { flush(); pairs.push([A[i++], B[j++]]); }
    else if (j >= B.length || (i < A.length && longest[(i + 1) * wide + j] >= longest[i * wide + j + 1])) left.push(A[i++]);
    else right.push(B[j++]);
  }
  flush();
  return pairs;
}

/** The first place at which two stories differ, as a row of each: what they share before it is told once. */
export function fork(a, b, same = (x, y) => x.label === y.label && x.actor === y.actor && x.kind === y.kind) {
  let i = 0;
  while (i < a.size && i < b.size && same(a.rows[i], b.rows[i])) i++;
  return i;
}

/** Lines for rails, so that none lies over another: [{from, to}] -> the line of each, the first free one. */
export function railLines(rails, apart = 8) {
  const full = []; // line -> [[from, to], …]
  return rails.map(({ from, to }) => {
    let line = 0;
    while (full[line]?.some(([a, b]) => from < b + apart && to > a - apart)) line++;
    (full[line] ??= []).push([from, to]);
    return line;
  });
}
