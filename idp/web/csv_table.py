"""Lists as CSV that no spreadsheet takes for formulas (`security.md` IN-4)."""

import csv
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Final

from flask import Response

#: With these a cell begins a formula, or hides that it does.
_DANGEROUS: Final = frozenset("=+-@\t\r")


def csv_answer(name: str, head: Sequence[object], rows: Iterable[Sequence[object]]) -> Response:
    """Return a table for download; `name`: of the file, ours and without anything personal."""
    written = StringIO()
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow([safe_cell(cell) for cell in head])
    writer.writerows([safe_cell(cell) for cell in row] for row in rows)
    # the mark tells spreadsheets that it is UTF-8
    response = Response("\ufeff" + written.getvalue(), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response


def safe_cell(value: object) -> str:
    """Return a cell as text; one that would be a formula begins with an apostrophe."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.lstrip(" ")[:1] in _DANGEROUS else text
