"""Code to copy, by library: files with `@name@` where a portal's own values go."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).parent / "snippets"


def read_snippet(library: str, values: Mapping[str, str]) -> str:
    """Return the code of a library; `values`: what stands in it, by name."""
    text = _read(library)
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text


@cache
def _read(library: str) -> str:
    return (_FOLDER / f"{library}.txt").read_text("utf-8")
