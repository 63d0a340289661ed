"""A function's choices as controls, with what it returns below them: the player of each run.

`ipywidgets.interact` would do, but it captures output, and a program that runs a notebook may wait for that for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


class Controls:
    """``Controls(forge_under, {"policy": ["reject", "none"]})``: the same as calling ``forge_under("reject")``."""

    def __init__(self, function: Callable[..., Any], choices: dict[str, Sequence[Any]]) -> None:
        self.function = function
        self.choices = choices
        self.chosen = {name: several[0] for name, several in choices.items()}

    def call(self, **chosen: Any) -> Any:
        """What the function returns for these choices, and for the last ones where none is given."""
        self.chosen |= chosen
        return self.function(**self.chosen)

    def __repr__(self) -> str:
        calls = ", ".join(f"{name}=one of {list(several)}" for name, several in self.choices.items())
        return f"{self.function.__name__}({calls})"

    def widget(self) -> Any:
        """A menu for each choice, a line of text, and a player or a picture; needs Jupyter."""
        from ipywidgets import Dropdown, Label, Layout, VBox

        menus = {
            name: Dropdown(description=name, options=list(several), value=self.chosen[name])
            for name, several in self.choices.items()
        }
        said = Label(layout=Layout(width="auto"))
        box = VBox()

        def show(_: Any = None) -> None:
            made = self.call(**{name: menu.value for name, menu in menus.items()})
            said.value = repr(made)
            older = box.children[len(menus) + 1 :]
            box.children = (*menus.values(), said, shown(made))
            for one in older:
                one.close()

        for menu in menus.values():
            menu.observe(show, "value")
        show()
        return box

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        """The menus and the player where there are widgets; the text anyway."""
        plain = {"text/plain": repr(self)}
        try:
            bundle = self.widget()._repr_mimebundle_()
        except ImportError:
            return plain
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return {**(data or {}), **plain}, metadata


def shown(made: Any) -> Any:
    """What it shows below the menus: its own widget, or its player."""
    return made.widget() if hasattr(made, "widget") else made.player()


def controls(function: Callable[..., Any], **choices: Sequence[Any]) -> Controls:
    """Menus beside a player: ``controls(forge_under, policy=["reject", "quarantine", "none"])``."""
    return Controls(function, choices)
