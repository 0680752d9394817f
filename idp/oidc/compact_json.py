"""JSON as the protocol writes it (RFC 8259 §4): no blanks, UTF-8."""

from collections.abc import Mapping
from json import JSONEncoder
from typing import Any, Final

import orjson

_ANY: Final = JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def encode_json(document: Mapping[str, Any]) -> bytes:
    """Return the text of an object; `TypeError` for what JSON has no form for."""
    try:
        return orjson.dumps(document)
    except orjson.JSONEncodeError:
        # a client's own numbers may have more than 64 bits, which orjson does not write
        return _ANY(document).encode()
