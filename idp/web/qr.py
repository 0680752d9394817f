"""QR codes for authenticator apps: drawn by the template, which trusts no markup."""

from dataclasses import dataclass
from itertools import groupby

_BORDER = 4


@dataclass(frozen=True, slots=True)
class QrCode:
    """`size`: modules on a side, with the quiet zone. `path`: the dark ones, as SVG path data."""

    size: int
    path: str


def qr_of(text: str) -> QrCode:
    """Return the QR code of a text (ISO/IEC 18004, level M)."""
    import segno  # noqa: PLC0415 - few processes ever draw one

    rows = [bytes(row) for row in segno.make(text, error="m").matrix_iter(border=_BORDER)]
    runs = []
    for y, row in enumerate(rows):
        x = 0
        for is_dark, group in groupby(row):
            width = len(list(group))
            if is_dark:
                runs.append(f"M{x} {y}h{width}v1h-{width}z")
            x += width
    return QrCode(len(rows), "".join(runs))
