"""Documents at addresses that clients chose: one guarded way out."""

from collections.abc import Callable
from typing import Protocol


class FetchFailed(Exception):  # noqa: N818 - named for what happened
    """The document can't be had.

    `reason`: stable word for logs and figures: `address` (not one that may be asked), `name`,
    `status`, `size`, `content`, `recent` (asked a moment ago in vain), or how the exchange failed.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class DocumentFetcher(Protocol):
    """Fetches small documents over https from public addresses."""

    def fetch(
        self,
        url: str,
        *,
        kind: str,
        reader: str,
        is_good: Callable[[bytes], bool],
        fresh: bool = False,
    ) -> bytes:
        """Return the body, kept a while; `fresh` asks again: twice at once, then each minute.

        `kind` names the use in figures and limits. `reader`: for whom it is kept: what one client
        publishes is kept apart from what another does at the same address. `is_good`: whether a
        body is what is wanted; one that is not changes nothing. Raises `FetchFailed`.
        """

    def fetch_anew(self, url: str, *, kind: str) -> bytes:
        """Return the body as it is now, and keep nothing. Raises `FetchFailed`."""

    def post(self, url: str, body: bytes, *, content_type: str, kind: str, bearer: str = "") -> int:
        """Send a body, with a bearer token if one is given, and return the status.

        Raises `FetchFailed`.
        """
