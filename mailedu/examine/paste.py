"""A box to paste a message's source into, and its explanation below: for a notebook; needs ipywidgets."""

from __future__ import annotations

from typing import Any

from ..acts import LabError
from .explanation import explain


def paste(**how: Any) -> Any:
    """A box for the raw source of a message; its button calls `explain` with it, and with `how` (dns=, ip=, …)."""
    from IPython.display import display
    from ipywidgets import Button, HBox, Label, Layout, Output, Textarea, VBox

    hint = "Paste the whole source of a message: all its header fields, an empty line, its body."
    box = Textarea(placeholder=hint, layout=Layout(width="calc(100% - 4px)", height="14em"))
    button, said, shown = Button(description="Explain", button_style="primary"), Label(), Output()

    def explained(_: object = None) -> None:
        shown.clear_output()
        try:
            found = explain(box.value, **how)
        except LabError as error:
            said.value = str(error)
            return
        said.value = f"{found.verdict}: SPF {found.spf}, DKIM {' '.join(found.dkim) or 'none'}, DMARC {found.dmarc}"
        with shown:
            print(found)
            display(found)  # type: ignore[no-untyped-call]

    button.on_click(explained)
    whole = VBox([box, HBox([button, said]), shown])
    whole.box, whole.button, whole.said, whole.shown = box, button, said, shown  # to be pressed by a program
    return whole
