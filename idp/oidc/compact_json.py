"""JSON as the protocol writes it (RFC 8259 §4): no blanks, UTF-8."""

from json import JSONEncoder
from typing import Final

#: `json.dumps` makes an encoder for each call that wants other separators than its own.
encode_json: Final = JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
