"""JSON as the protocol writes it (RFC 8259 §4): no blanks, UTF-8."""

from collections.abc import Mapping
from typing import Any

import orjson


def encode_json(document: Mapping[str, Any]) -> bytes:
    """Return the text of an object; `TypeError` for what JSON has no form for."""
    return orjson.dumps(document)
