// Panes with moments of their own: all ways to move lead from one of them to the next.

const FORWARD = ["next", "over", "into"];

/** `at()` and `last()` are the moment one is at and the last there is; `go(to)` leads to one. */
export const along = (at, last, go) => ({
  move: way => go(at() + (FORWARD.includes(way) ? 1 : -1)),

  /** Home and End, where a key handler is asked. */
  ends(event) {
    const to = { Home: 0, End: last() }[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    go(to);
  },
});
