"""Templates compiled once and kept as Python keeps its modules, in `__pycache__`.

Reading a compiled template takes a thirtieth of compiling it. Whoever may write here keeps what was
compiled, for each start and each first visitor after; others compile for themselves.
"""

from contextlib import suppress
from pathlib import Path
from typing import Final

from flask import Flask
from jinja2.bccache import Bucket, FileSystemBytecodeCache
from typing_extensions import override

FOLDER: Final = Path(__file__).parent / "__pycache__" / "templates"


def init_app(app: Flask) -> None:
    """Let the templates of `app` be found compiled; one that changed is compiled anew."""
    app.jinja_env.bytecode_cache = _Kept(str(FOLDER), "%s.jinja")


def load(app: Flask) -> int:
    """Load every template, compile what is not yet, and return how many there are."""
    names = app.jinja_env.list_templates(("html", "txt"))
    for name in names:
        app.jinja_env.get_template(name)
    return len(names)


def load_compiled(app: Flask) -> None:
    """Load every template where somebody compiled them; elsewhere the start does not wait."""
    if FOLDER.is_dir():
        load(app)


class _Kept(FileSystemBytecodeCache):
    @override
    def load_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):
            super().load_bytecode(bucket)

    @override
    def dump_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):
            Path(self.directory).mkdir(parents=True, exist_ok=True)
            super().dump_bytecode(bucket)
