"""The player's files as one text, for anywidget takes one ES module, and a page should need no other file.

The source stays in small modules (``player/*.js``) that node and a browser can load as they are.  Here each becomes a
function that is called once: what it imports are names taken from those before it, what it exports is what it returns.

    import { unpack } from "./model.js";      ->   const { unpack } = $model;
    export function player(…) { … }           ->   function player(…) { … }   …   return { player };
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

IMPORT = re.compile(r'^import \{ ([\w, ]+) \} from "\./(\w+)\.js";$', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:const|function\*?|class) (\w+))", re.MULTILINE)
DEFAULT = re.compile(r"^export default .*;$", re.MULTILINE)
LEFT = re.compile(r"^(?:import|export)\b.*$", re.MULTILINE)  # a form that is not understood above
FORBIDDEN = re.compile(r"</script|</style|<!--|\]\]>", re.IGNORECASE)  # would end the element it stands in

STYLES = ("tokens", "player", "panes", "spf", "dkim", "queue", "dmarc", "arena", "tap")


@cache
def script(root: str) -> str:
    """The module `root` and all it imports, as one module."""
    placed: dict[str, str] = {}
    place(root, placed, ())
    return checked("\n".join(placed.values()), root)


@cache
def style() -> str:
    """The stylesheets, in their order."""
    return checked("\n".join(read(f"{name}.css") for name in STYLES), "style")


def read(name: str) -> str:
    return resources.files(__package__).joinpath("player", name).read_text("utf-8")


def place(name: str, placed: dict[str, str], above: tuple[str, ...]) -> None:
    """Put what a module imports before it, then the module itself; each once."""
    if name in above:
        raise ValueError(f"{name}.js imports itself: {' -> '.join([*above, name])}")
    if name in placed:
        return
    text = read(f"{name}.js")
    for names, other in IMPORT.findall(text):
        place(other, placed, (*above, name))
        missing = set(names.split(", ")) - set(EXPORT.findall(read(f"{other}.js")))
        if missing:
            raise ValueError(f"{name}.js imports {', '.join(sorted(missing))}, which {other}.js does not export")
    placed[name] = wrapped(name, text) if above else bare(name, text)


def wrapped(name: str, text: str) -> str:
    """A module that others import: a function that returns what it exports."""
    exports = ", ".join(EXPORT.findall(text))
    return f"const ${name} = (() => {{\n{bare(name, DEFAULT.sub('', text))}return {{ {exports} }};\n}})();"


def bare(name: str, text: str) -> str:
    """The module without its imports and the word `export`; `export default` may stay."""
    text = IMPORT.sub(r"const { \1 } = $\2;", EXPORT.sub("", text))
    left = LEFT.search(DEFAULT.sub("", text))
    if left:
        raise ValueError(
            f'{name}.js: only `import {{ a, b }} from "./c.js";` and `export const|function|class` '
            f"on a line of its own are understood, not {left[0]!r}"
        )
    return text


def checked(text: str, name: str) -> str:
    found = FORBIDDEN.search(text)
    if found:
        raise ValueError(f"{name} holds {found[0]!r}, which would end the element it stands in")
    return text
