"""Static files: their content is in their address, so they are kept for ever; text goes packed.

Pages are never packed: what somebody may put beside a secret must not change a length (BREACH).
"""

import gzip
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from flask import Flask, Response, abort, request, url_for

_FOLDER: Final = Path(__file__).parent / "static"
_TYPES: Final[Mapping[str, str]] = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}
_READY_PACKED: Final = frozenset({".woff2"})
_YEAR: Final = "public, max-age=31536000, immutable"
#: Of an address without the content's own version, or with an older one.
_SHORT: Final = "public, max-age=300"
_REFERENCE: Final = re.compile(rb'url\("([^"?]+)"\)')


@dataclass(frozen=True, slots=True)
class Asset:
    """One file. `packed`: by gzip, `None` where that gains nothing."""

    content: bytes
    packed: bytes | None
    content_type: str
    version: str


def init_app(app: Flask) -> None:
    """Serve the files at the address of Flask's own static endpoint."""
    app.view_functions["static"] = serve
    app.jinja_env.globals.update(asset=address_of)


@cache
def read(name: str) -> Asset:
    """Return a file by its name; raises `KeyError` for every name that is not one."""
    path = _FOLDER / name
    if Path(name).name != name or path.suffix not in _TYPES or not path.is_file():
        raise KeyError(name)
    content = path.read_bytes()
    if path.suffix == ".css":
        content = _REFERENCE.sub(_versioned, content)
    packed = None if path.suffix in _READY_PACKED else gzip.compress(content, 9, mtime=0)
    return Asset(content, packed, _TYPES[path.suffix], sha256(content).hexdigest()[:12])


def _versioned(reference: re.Match[bytes]) -> bytes:
    name = reference[1].decode()
    return f'url("{name}?v={read(name).version}")'.encode()


def address_of(name: str) -> str:
    """Return the address of a file as pages write it."""
    return url_for("static", filename=name, v=read(name).version)


def serve(filename: str) -> Response:
    """Answer with a file, packed where the browser takes it."""
    try:
        asset = read(filename)
    except KeyError:
        abort(404)
    packed = asset.packed if request.accept_encodings.quality("gzip") > 0 else None
    response = Response(packed or asset.content, content_type=asset.content_type)
    response.headers["Vary"] = "Accept-Encoding"
    response.headers["Cache-Control"] = _YEAR if request.args.get("v") == asset.version else _SHORT
    if packed is not None:
        response.headers["Content-Encoding"] = "gzip"
    response.set_etag(f"{asset.version}{'-gzip' if packed is not None else ''}")
    response.make_conditional(request)
    return response
