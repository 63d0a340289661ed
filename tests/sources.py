"""mailedu's sources as data, for the tests of its architecture: modules, what they import, and which rules they name.

Reads files and imports nothing, so it also judges a room that does not run yet.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
HOUSE = ROOT / "mailedu"


class Module(NamedTuple):
    """One source file."""

    name: str  # "smtp.server"; "mailedu" is the package itself
    package: tuple[str, ...]  # where its relative imports begin
    tree: ast.Module

    @property
    def room(self) -> str:
        return self.name.split(".")[0]


def read(path: Path) -> Module:
    parts = path.relative_to(HOUSE).with_suffix("").parts
    package = parts[:-1]
    name = ".".join(package if parts[-1] == "__init__" else parts) or "mailedu"
    return Module("cli" if name == "__main__" else name, package, ast.parse(path.read_bytes()))


MODULES = [read(path) for path in sorted(HOUSE.rglob("*.py"))]
NAMES = {module.name for module in MODULES}
ROOMS = {path.stem for path in HOUSE.glob("*.py")} - {"__init__", "__main__"} | {
    path.parent.name for path in HOUSE.glob("*/__init__.py")
}


def targets(module: Module, tree: ast.AST) -> Iterator[str]:
    """What of mailedu is imported anywhere in this tree: "acts", "smtp.grammar", "mailedu"."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "mailedu":
                    yield alias.name.removeprefix("mailedu.")
        elif isinstance(node, ast.ImportFrom):
            words = node.module.split(".") if node.module else []
            if node.level:
                words = [*module.package[: len(module.package) - node.level + 1], *words]
            elif words and words[0] == "mailedu":
                words = words[1:]
            else:
                continue
            for alias in node.names:
                deeper = ".".join([*words, alias.name])
                yield deeper if deeper in NAMES else ".".join(words) or "mailedu"


def outside(tree: ast.AST) -> set[str]:
    """What is imported from elsewhere, anywhere in this tree: "urllib.parse", and "urllib" too."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found | {name.split(".")[0] for name in found}


class ForTypesOnly(ast.NodeTransformer):
    """Takes away what never runs."""

    def visit_If(self, node: ast.If) -> ast.AST | None:
        return None if "TYPE_CHECKING" in ast.unparse(node.test) else self.generic_visit(node)


class Later(ForTypesOnly):
    """Takes away what does not run when the module is imported."""

    def drop(self, node: ast.AST) -> None:
        return None

    visit_FunctionDef = visit_AsyncFunctionDef = visit_Lambda = drop


def without(what: type[ast.NodeTransformer], tree: ast.Module) -> ast.Module:
    """A copy of the tree that lacks something."""
    return what().visit(ast.parse(ast.unparse(tree)))


# -- rules -------------------------------------------------------------------------------------------------------------


class Site(NamedTuple):
    """One place in the code that names a rule."""

    where: str
    room: str
    rule: str
    keys: frozenset[str]  # what its `because` surely has
    open: bool  # it may have more


def last_word(node: ast.AST) -> str:
    """``acts.Refused`` -> "Refused"."""
    return ast.unparse(node).split(".")[-1]


def is_super(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "super().__init__"


class RoomReader:
    """The rules that one room's code names, and what their sentences can be filled with."""

    def __init__(self, modules: list[Module]) -> None:
        self.modules = modules
        self.up: dict[ast.AST, ast.AST] = {
            child: node for module in modules for node in ast.walk(module.tree) for child in ast.iter_child_nodes(node)
        }
        self.named = {"Rule", "Refused", "Stop"}  # what is called with a rule's name
        self.kinds: list[ast.ClassDef] = []  # kinds of these, and kinds of those
        for _ in range(3):
            self.kinds = [
                node
                for module in modules
                for node in ast.walk(module.tree)
                if isinstance(node, ast.ClassDef) and {last_word(base) for base in node.bases} & self.named
            ]
            self.named |= {node.name for node in self.kinds}
        own = [node for node in self.kinds if any(getattr(line, "name", "") == "__init__" for line in node.body)]
        self.named -= {node.name for node in own}  # these name their rule themselves, in super().__init__("…")
        self.supers = {call for node in own for call in ast.walk(node) if is_super(call)}
        self.passed_on: set[str] = set()  # keys that are added to whatever rule a refusal brings: Rule(no.rule, …)

    def sites(self) -> list[Site]:
        found = []
        for module in self.modules:
            for call in ast.walk(module.tree):
                if isinstance(call, ast.Call) and (last_word(call.func) in self.named or call in self.supers):
                    found += self.sites_of(module, call)
        return found

    def sites_of(self, module: Module, call: ast.Call) -> list[Site]:
        where = f"{module.name}:{call.lineno}"
        if not call.args and not call.keywords:
            return []  # a pattern: case Rule()
        assert call.args, f"{where}: the rule's name comes first, without a keyword"
        first = call.args[0]
        keys, more = self.keys_of_call(call)
        if isinstance(first, ast.Attribute) and first.attr == "rule":
            self.passed_on |= keys
            return []
        names = self.literals(first, call, where)
        assert names, f"{where}: a rule's name is a literal, so that it can be found"
        return [Site(where, module.room, name, frozenset(keys), more) for name in names]

    def literals(self, node: ast.expr, call: ast.AST, where: str) -> list[str]:
        """All that this expression can be, when that stands in the source; a parameter is what the callers give."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return [node.value]
        if isinstance(node, ast.IfExp):
            return self.literals(node.body, call, where) + self.literals(node.orelse, call, where)
        if isinstance(node, ast.Name):
            function = self.function_of(call)
            if function and node.id in (order := [argument.arg for argument in function.args.args]):
                return self.given(function.name, order, node.id, where)
            return [name for value in self.assigned(node.id, call) for name in self.literals(value, call, where)]
        return []

    def given(self, helper: str, order: list[str], parameter: str, where: str) -> list[str]:
        """The literals with which this helper is called."""
        place = order.index(parameter) - (order[0] == "self")
        found = []
        for module in self.modules:
            for call in ast.walk(module.tree):
                if isinstance(call, ast.Call) and last_word(call.func) == helper:
                    values = [kw.value for kw in call.keywords if kw.arg == parameter] or call.args[place : place + 1]
                    names = [name for value in values for name in self.literals(value, call, where)]
                    assert names, f"{module.name}:{call.lineno}: {helper} wants a rule's name as a literal"
                    found += names
        return found

    def keys_of_call(self, call: ast.Call) -> tuple[set[str], bool]:
        """The names in `because`, and whether there may be more of them."""
        if last_word(call.func) == "Rule":
            because = [*call.args[2:3], *(keyword.value for keyword in call.keywords if keyword.arg == "because")]
            return self.keys_of(because[0] if because else None, call)
        keys, more = set(), False
        for keyword in call.keywords:
            if keyword.arg:
                keys.add(keyword.arg)
            else:
                inner, open_ = self.keys_of(keyword.value, call)
                keys, more = keys | inner, more or open_
        return keys, more

    def keys_of(self, node: ast.expr | None, call: ast.AST) -> tuple[set[str], bool]:
        if node is None:
            return set(), False
        if isinstance(node, ast.Dict):
            keys, more = set(), False
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant):
                    keys.add(str(key.value))
                else:
                    inner, open_ = self.keys_of(value, call) if key is None else (set(), True)
                    keys, more = keys | inner, more or open_
            return keys, more
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            (one, more), (two, yet_more) = self.keys_of(node.left, call), self.keys_of(node.right, call)
            return one | two, more or yet_more
        if isinstance(node, ast.IfExp):
            (one, more), (two, yet_more) = self.keys_of(node.body, call), self.keys_of(node.orelse, call)
            return one & two, more or yet_more
        if isinstance(node, ast.Name) and (values := self.assigned(node.id, call)):
            several = [self.keys_of(value, call) for value in values]
            return set.intersection(*(keys for keys, _ in several)), any(more for _, more in several)
        return set(), True

    def assigned(self, name: str, call: ast.AST) -> list[ast.expr]:
        """What this name is set to, in the function around `call` or else in its module."""
        scope = self.function_of(call) or next(m.tree for m in self.modules if call in set(ast.walk(m.tree)))
        return [
            node.value
            for node in ast.walk(scope)
            if isinstance(node, ast.Assign | ast.AnnAssign)
            and node.value is not None
            and name in [ast.unparse(t) for t in (node.targets if isinstance(node, ast.Assign) else [node.target])]
        ]

    def function_of(self, node: ast.AST) -> ast.FunctionDef | None:
        while (node := self.up.get(node)) is not None:  # type: ignore[assignment]
            if isinstance(node, ast.FunctionDef):
                return node
        return None
