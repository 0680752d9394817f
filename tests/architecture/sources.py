"""The product's modules, as text and as syntax trees."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent.parent
PRODUCT: Final = ("idp", "adapters", "config", "jkp", "migrations")


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def modules(*folders: str) -> list[Path]:
    """Return every module below folders of the checkout, tests of theirs left out."""
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    wanted = [path for path in found if "node_modules" not in path.parts]
    if "tests" in folders:
        return wanted
    return [path for path in wanted if "tests" not in path.relative_to(ROOT).parts]


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Return every call with the last part of what is called."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Attribute):
                yield called.attr, node
            elif isinstance(called, ast.Name):
                yield called.id, node


def text_of(node: ast.expr) -> str | None:
    """Return a literal text; values in an f-string stand as `{}`."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = (part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
        return "".join(map(str, parts))
    return None
