"""JSON that somebody sent and that is kept, shown or sent on (RFC 7493, RFC 8725 §2.1)."""

import json
import math
import re
from collections import Counter
from typing import Any, Final


def read_json(text: str | bytes) -> Any:
    """Return the value of a JSON text.

    Raises `ValueError` for what is no JSON, and for what Python would read in spite of that or
    could not write again: NaN and infinity, half of a surrogate pair, nesting without end. Also
    for a name that stands twice in an object: two readers may take another one each (§2.3).
    """
    try:
        value = json.loads(
            text, parse_constant=_refuse, parse_float=_finite, object_pairs_hook=_object
        )
        if "\\u" in text if isinstance(text, str) else b"\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except UnicodeEncodeError as error:
        raise ValueError("a text has half of a surrogate pair") from error
    return value


#: As much of a name as an error tells.
_TOLD_MAX: Final = 60


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) != len(members):
        name = Counter(name for name, _ in members).most_common(1)[0][0]
        raise ValueError(f"the member {json.dumps(name[:_TOLD_MAX])} stands twice in an object")
    return found


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _finite(digits: str) -> float:
    found = float(digits)
    if not math.isfinite(found):
        raise ValueError("the number is too large")
    return found


def depth_of(text: bytes) -> int:
    """Return how deep brackets nest, strings left out: looked at before any parser recurses."""
    deepest = depth = 0
    for token in _BRACKETS.findall(text):
        if token in {b"[", b"{"}:
            depth += 1
            deepest = max(deepest, depth)
        elif token in {b"]", b"}"}:
            depth -= 1
    return deepest


_BRACKETS: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
