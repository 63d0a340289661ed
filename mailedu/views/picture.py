"""A drawing in a notebook: light on a light page, dark on a dark one, and words where there is no page."""

from __future__ import annotations

from typing import Any

from .drawing import Drawing
from .svg import svg

# JupyterLab and Notebook 7 say on <body> which theme they have.  Elsewhere, and without the style, it is light.
STYLE = (
    "<style>body[data-jp-theme-light=false] .mailedu-light{display:none}"
    "body[data-jp-theme-light=false] .mailedu-dark{display:block!important}</style>"
)


class Picture:
    """Shows itself; `text` says the same in words."""

    def __init__(self, drawing: Drawing, text: str) -> None:
        self.drawing, self.text = drawing, text

    def __repr__(self) -> str:
        return self.text

    def svg(self, dark: bool = False) -> str:
        """One of the two, for a file."""
        return svg(self.drawing, dark)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        light = f'<div class="mailedu-light">{self.svg()}</div>'
        dark = f'<div class="mailedu-dark" style="display:none">{self.svg(dark=True)}</div>'
        return {"text/html": STYLE + light + dark, "text/plain": self.text}
