"""An executed lesson as one HTML file: with its players, without kernel and network.

nbconvert makes the body; the page around it is ours, because nbconvert's own calls content networks.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from ..acts import LabError
from .grading import HOUSE
from .map import PLACE
from .sheet import sheet

STYLE = (Path(__file__).parent / "page.css").read_text("utf-8")
# On a page nobody can choose: a reveal tells, and stands folded.
PRELUDE = "from mailedu.exercises.guess import Guess\nGuess.reveal = Guess.tell\ndel Guess"
SECONDS = 120  # for a cell
WIDGET = "application/vnd.jupyter.widget-view+json"


# -- running -----------------------------------------------------------------------------------------------------------


def executed(notebook: NotebookNode) -> NotebookNode:
    """Run it from top to bottom, in a folder of its own; errors of cells become outputs.  LabError if it cannot be."""
    with tempfile.TemporaryDirectory(prefix="mailedu-", ignore_cleanup_errors=True) as folder:
        environment = dict(os.environ) | {PLACE: "", "IPYTHONDIR": folder, "MPLCONFIGDIR": folder}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(HOUSE), environment.get("PYTHONPATH", "")]))
        client = NotebookClient(
            notebook,
            timeout=SECONDS,
            allow_errors=True,
            kernel_name="python3",
            resources={"metadata": {"path": folder}},
            extra_arguments=["--HistoryManager.hist_file=:memory:"],
            store_widget_state=False,
        )
        first = notebook.cells[0] if notebook.cells else None
        try:
            with client.setup_kernel(env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
                prelude = nbformat.v4.new_code_cell(PRELUDE)  # type: ignore[no-untyped-call]
                client.execute_cell(prelude, 0, store_history=False)
                if first is not None:
                    notebook.cells[0] = first  # nbclient has put the prelude in its place
                for index, cell in enumerate(notebook.cells):
                    if cell.cell_type == "code":
                        client.execute_cell(cell, index)
        except (CellTimeoutError, DeadKernelError) as why:
            raise LabError(f"The notebook did not come to its end: {str(why).splitlines()[0]}") from None
    return notebook


# -- showing -----------------------------------------------------------------------------------------------------------


def page(
    notebook: NotebookNode, title: str, *, above: str = "", below: str = "", link: Callable[[str], str] = str
) -> str:
    """The notebook with its outputs as a page; `link` says where a link to another notebook leads."""
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(template_name="basic", exclude_input_prompt=True, exclude_output_prompt=True)  # type: ignore[no-untyped-call]
    parts = []
    for cell in notebook.cells:
        if is_graded(cell):
            continue
        one = nbformat.v4.new_notebook(cells=[shown(cell)], metadata=notebook.metadata)  # type: ignore[no-untyped-call]
        body, _ = exporter.from_notebook_node(one)
        parts.append(folded(body) if is_folded(cell) else body)
    body = relinked("\n".join(parts), link)
    return framed(title, body, above=above, below=below)


def framed(title: str, body: str, *, above: str = "", below: str = "") -> str:
    """A page in the lessons' style; `title` is text, the others are HTML."""
    return sheet(title, STYLE, f"{above}<main>\n{body}\n</main>\n{below}")


def is_graded(cell: NotebookNode) -> bool:
    """It says what the cell above it says, once more for a grader."""
    return bool(cell.metadata.get("nbgrader", {}).get("grade"))


def is_folded(cell: NotebookNode) -> bool:
    return bool(cell.metadata.get("jupyter", {}).get("source_hidden"))


def folded(body: str) -> str:
    return f"<details class=reveal><summary>Guess first, then look</summary>\n{body}\n</details>"


def shown(cell: NotebookNode) -> NotebookNode:
    """The cell as a page without kernel can show it: a player as its page, buttons as their text."""
    if cell.cell_type != "code":
        return cell
    if is_folded(cell):
        cell = nbformat.from_dict(cell | {"source": ""})  # type: ignore[no-untyped-call]
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        data.pop(WIDGET, None)
        if "text/html" in data:
            data["text/html"] = data["text/html"].replace("<iframe ", '<iframe loading="lazy" ', 1)
    return cell


def relinked(body: str, link: Callable[[str], str]) -> str:
    return re.sub(r'href="([\w.-]+\.ipynb)"', lambda found: f'href="{link(found[1])}"', body)


def title_of(notebook: NotebookNode, name: str) -> str:
    """Its first heading, or its file's name."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and (found := re.search(r"^# (.+)$", cell.source, re.MULTILINE)):
            return found[1].strip()
    return name
