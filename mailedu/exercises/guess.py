"""Predict, then reveal: a guess is written down before the truth is told, and forgotten afterwards.

A guess is never scored, and it is kept nowhere but in the notebook's own kernel.
"""

from __future__ import annotations

import html
import string
from collections.abc import Mapping, Sequence
from typing import Any

from ..acts import LabError
from .words import Note

LETTERS = string.ascii_uppercase


class Guess:
    """A question with its choices, A, B, C …; `choose` commits to one of them, and `reveal` answers it."""

    def __init__(self, question: str, choices: Sequence[str]) -> None:
        if isinstance(choices, str) or not 2 <= len(choices) <= len(LETTERS):
            raise LabError(f"Give from 2 to {len(LETTERS)} choices, as in predict('How many letters?', ['2', '3']).")
        self.question = question
        self.choices = dict(zip(LETTERS, map(str, choices), strict=False))  # "A" -> what it says
        self.chosen = ""

    def letter(self, choice: object) -> str:
        """The letter of a choice: of "b", of "B", or of what B says."""
        said = str(choice).strip()
        for letter, words in self.choices.items():
            if said == words or said.upper() == letter:
                return letter
        raise LabError(f"{said!r} is none of the choices: type one of {', '.join(self.choices)}.")

    def choose(self, choice: object) -> Guess:
        """Commit to a choice, by its letter or by its words.  There is no other once it is made."""
        letter = self.letter(choice)
        if self.chosen and letter != self.chosen:
            raise LabError(f"Your guess is {self.chosen}, and it stays: run the cell with predict(...) to guess anew.")
        self.chosen = letter
        return self

    def reveal(self, truth: object, told: Mapping[str, str]) -> Note:
        """The truth, and an answer to the choice that was made; before a choice was made it stays untold.

        `told` answers every choice, by its letter: what is right in it, and what is not.
        """
        right = self.answered(truth, told)
        if not self.chosen:
            return Note(
                "**You have not guessed yet.** Choose above, or type `.choose('A')` on your guess; "
                "then run this cell again. A wrong guess costs nothing."
            )
        parts = [f"**{right} · {self.choices[right]}.** {told[right]}"]
        if self.chosen == right:
            parts.append("Your guess was right.")
        else:
            parts.append(f"*You said {self.chosen} · {self.choices[self.chosen]}?* {told[self.chosen]}")
        parts += [
            f"*Others say {letter} · {words}.* {told[letter]}"
            for letter, words in self.choices.items()
            if letter not in (right, self.chosen)
        ]
        return Note("\n\n".join(parts))

    def tell(self, truth: object, told: Mapping[str, str]) -> Note:
        """The same for a page on which nobody can guess: the truth, and what is to be said of the other choices."""
        right = self.answered(truth, told)
        others = [f"*{letter} · {words}?* {told[letter]}" for letter, words in self.choices.items() if letter != right]
        return Note("\n\n".join([f"**{right} · {self.choices[right]}.** {told[right]}", *others]))

    def answered(self, truth: object, told: Mapping[str, str]) -> str:
        """The letter of the truth; LabError when a choice has no answer."""
        if missing := [letter for letter in self.choices if letter not in told]:
            raise LabError(f"Every choice wants an answer, and {', '.join(missing)} has none.")
        return self.letter(truth)

    # -- showing itself

    def __repr__(self) -> str:
        lines = [self.question, *(f"  {letter} · {words}" for letter, words in self.choices.items())]
        return "\n".join([*lines, f"Your guess: {self.chosen}" if self.chosen else "Type .choose('A') to guess."])

    def widget(self) -> Any:
        """Buttons that do the same as `choose`; needs Jupyter."""
        from ipywidgets import HTML, Button, Layout, RadioButtons, VBox

        options = [(f"{letter} · {words}", letter) for letter, words in self.choices.items()]
        radio = RadioButtons(
            options=options, value=self.chosen or None, disabled=bool(self.chosen), layout=Layout(width="auto")
        )
        button = Button(description="This is my guess", disabled=True)
        said = HTML()

        def pick(_: Any) -> None:
            button.disabled = radio.value is None or bool(self.chosen)

        def commit(_: Any) -> None:
            if not self.chosen:
                self.choose(radio.value)
            radio.value, radio.disabled, button.disabled = self.chosen, True, True
            said.value = f"Your guess: {self.chosen}"

        radio.observe(pick, "value")
        button.on_click(commit)
        heading = HTML()
        heading.value = f"<b>{html.escape(self.question)}</b>"
        return VBox([heading, radio, button, said])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        """The buttons where there are widgets; the text anyway."""
        plain = {"text/plain": repr(self)}
        try:
            bundle = self.widget()._repr_mimebundle_()
        except ImportError:
            return plain
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return {**(data or {}), **plain}, metadata


def predict(question: str, choices: Sequence[str]) -> Guess:
    """Ask for a guess before something is shown: ``guess = predict("How many letters?", ["2", "3", "-ERR"])``."""
    return Guess(question, choices)
