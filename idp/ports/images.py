"""Pictures that strangers made."""

from typing import Protocol


class NoImage(Exception):  # noqa: N818 - named for what it is
    """The bytes are no picture that may be shown."""


class Images(Protocol):
    """Draws pictures anew, so that nothing of what came goes out."""

    def redrawn(self, body: bytes, *, side: int) -> bytes:
        """Return the picture as a square PNG of `side` pixels, without metadata.

        What is not square stands in the middle, on nothing. Raises `NoImage`.
        """
