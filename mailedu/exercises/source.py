"""A learner's function as text: itself, and what it uses of the notebook, so that it can run in another process."""

from __future__ import annotations

import ast
import inspect
import linecache
import textwrap
from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple

from .plain import NotPlain, pack


class Source(NamedTuple):
    """Python that defines it, the name it has there, and the notebook's plain data that it uses, packed."""

    text: str
    name: str
    values: Mapping[str, Any]


def source_of(function: Any) -> Source:
    """NotPlain for what has no text of its own: a lambda, a class, something that is called in another way."""
    if not isinstance(function, FunctionType) or function.__name__ == "<lambda>":
        raise NotPlain("is a function without a `def` of its own")
    found = Collected(function.__module__)
    found.take_function(function.__name__, function)
    return Source("\n\n".join(found.texts), function.__name__, found.values)


class Collected:
    """What a function needs, in the order in which it must be defined."""

    def __init__(self, home: str) -> None:
        self.home = home  # the notebook's module; all other modules can be imported
        self.texts: list[str] = []
        self.values: dict[str, Any] = {}
        self.names: set[str] = set()

    def take(self, name: str, thing: Any) -> None:
        module = getattr(thing, "__module__", None)
        if isinstance(thing, ModuleType):
            self.texts.append(f"import {thing.__name__} as {name}")
        elif isinstance(thing, FunctionType) and module == self.home:
            self.take_function(name, thing)
        elif isinstance(thing, type) and module == self.home:
            self.take_class(name, thing)
        elif isinstance(module, str) and hasattr(thing, "__qualname__"):
            self.texts.append(f"from {module} import {thing.__qualname__.partition('.')[0]} as {name}")
        else:
            self.values[name] = pack(thing)

    def take_function(self, name: str, function: FunctionType) -> None:
        self.take_used(name, function)
        self.texts.append(text_of(function))
        if name != function.__name__:
            self.texts.append(f"{name} = {function.__name__}")

    def take_class(self, name: str, thing: type) -> None:
        methods = [method for method in vars(thing).values() if isinstance(method, FunctionType)]
        if not methods:
            raise NotPlain(f"uses {thing.__name__}, whose text Python does not know")
        for method in methods:
            self.take_used(name, method)
        text = "".join(linecache.getlines(methods[0].__code__.co_filename))
        for found in ast.walk(ast.parse(text)):
            if isinstance(found, ast.ClassDef) and found.name == thing.__name__:
                self.texts.append(ast.unparse(found))

    def take_used(self, name: str, function: FunctionType) -> None:
        """What a function uses of the notebook."""
        self.names.add(name)
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        around = function.__globals__ | {free: cell.cell_contents for free, cell in cells}
        for used in dict.fromkeys(names_in(function.__code__)):
            if used in around and used not in self.names:
                self.names.add(used)
                try:
                    self.take(used, around[used])
                except NotPlain:
                    continue  # should it get there, it will miss that name, and say so


def text_of(thing: Any) -> str:
    try:
        return textwrap.dedent(inspect.getsource(thing)).rstrip()
    except (OSError, TypeError):
        raise NotPlain(f"is or uses {thing.__name__}, whose text Python does not know") from None


def names_in(code: CodeType) -> Iterator[str]:
    """The names that a function, and the functions inside it, use."""
    yield from (*code.co_names, *code.co_freevars)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from names_in(constant)
