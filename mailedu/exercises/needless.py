"""Which cells a graded run can leave out: those of the lesson's walk that are as they were, and that nobody needs.

A lesson shows much before it asks.  What stands before its exercises, is unchanged, and makes no name that a cell uses
which stays, cannot change a grade: each exercise has a world of its own.
"""

from __future__ import annotations

import symtable
from collections.abc import Iterator

from nbformat import NotebookNode

START = "student"  # the id of the cell where exercises begin


def needless(notebook: NotebookNode, released: NotebookNode) -> set[int]:
    """The places of these cells; none where that cannot be told."""
    walk = {cell.source for cell in before_exercises(released)}
    code = {place: cell.source for place, cell in enumerate(notebook.cells) if cell.cell_type == "code"}
    try:
        names = {place: names_of(source) for place, source in code.items()}
    except (SyntaxError, ValueError):  # a magic, or a slip: then nothing is known of what it uses
        return set()
    left = {place for place, source in code.items() if source in walk}
    wanted = set[str]().union(*(used for place, (_, used) in names.items() if place not in left))
    while more := {place for place in left if names[place][0] & wanted}:
        left -= more
        wanted |= set[str]().union(*(names[place][1] for place in more))
    return left


def before_exercises(released: NotebookNode) -> Iterator[NotebookNode]:
    """The walk's code cells; none where the lesson does not say where its exercises begin."""
    ids = [cell.get("id") for cell in released.cells]
    for cell in released.cells[: ids.index(START)] if START in ids else []:
        if cell.cell_type == "code":
            yield cell


def names_of(source: str) -> tuple[set[str], set[str]]:
    """(names that a cell makes or changes for others, names that it uses)."""
    top = symtable.symtable(source, "<cell>", "exec")
    made = {one.get_name() for one in top.get_symbols() if one.is_assigned() or one.is_imported() or one.is_namespace()}
    used = {
        one.get_name()
        for table in all_tables(top)
        for one in table.get_symbols()
        if one.is_referenced() and (table is top or one.is_global())
    }
    changed = {
        one.get_name()
        for table in all_tables(top)
        for one in table.get_symbols()
        if one.is_declared_global() and one.is_assigned()
    }
    return made | changed, used


def all_tables(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for inner in table.get_children():
        yield from all_tables(inner)
