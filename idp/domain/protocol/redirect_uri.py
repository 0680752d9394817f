"""Redirect URIs: what may be registered, and what equals a registered one.

RFC 9700 §2.1 (exact match), RFC 8252 §7.3 (the port of a loopback address may differ for native
applications), OpenID Connect Registration §2.
"""

import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

from idp.domain.protocol.metadata_faults import Fault, Reason, Unfit, because, unfit

URI_MAX: Final = 2048
REDIRECT_URIS_MAX: Final = 20
LOOPBACK_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_LOOPBACK_URI: Final = re.compile(
    r"http://(?P<host>127\.0\.0\.1|\[::1\])(?::(?P<port>[1-9][0-9]{0,4}))?(?P<rest>(?:/.*)?)"
)
_ALLOWED: Final = re.compile(r"[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=%]+")
#: What a text has that no URI has, by the code of the reason.
_FOREIGN: Final = (
    ("control", re.compile(r"[\x00-\x1f\x7f-\x9f]")),
    ("uri.blank", re.compile(r"\s")),
    ("uri.ascii", re.compile(r"[^\x00-\x7f]")),
    ("uri.percent", re.compile(r"%(?![0-9A-Fa-f]{2})")),
)
_DOT_SEGMENT: Final = re.compile(r"/(?:\.|%2e){1,2}(?:/|$)", re.IGNORECASE)
_APP_SCHEME: Final = re.compile(r"[a-z][a-z0-9+\-]*(?:\.[a-z0-9+\-]+)+")
_HOST: Final = re.compile(r"(?=.{1,253}$)(?!-)[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)*")
_NEVER: Final = frozenset({"javascript", "data", "file", "vbscript", "about", "blob", "urn"})


def split_uri(uri: str) -> SplitResult | None:
    """Return the parts of an absolute URI in ASCII without tricks, `None` for anything else."""
    return urlsplit(uri) if why_not_uri(uri) is None else None


def why_not_uri(uri: str) -> Reason | None:
    """Return why a text is no absolute URI in ASCII without tricks, `None` if it is one."""
    if not uri.strip():
        return because("uri.empty")
    for code, pattern in _FOREIGN:
        if pattern.search(uri):
            return because(code)
    try:
        parts = urlsplit(uri)
    except ValueError:
        return because("uri.form")
    if not parts.scheme or not _ALLOWED.fullmatch(uri):
        return because("uri.form")
    if parts.scheme != uri.split(":", 1)[0]:
        return because("uri.case")
    if "@" in parts.netloc or parts.fragment or _DOT_SEGMENT.search(parts.path):
        return because("uri.form")
    return None if _has_port_or_none(parts) else because("uri.port")


def _has_port_or_none(parts: SplitResult) -> bool:
    try:
        return parts.port is None or parts.port >= 0
    except ValueError:
        return False


def why_not_redirect_uri(uri: str, *, native: bool, allow_loopback_http: bool) -> Reason | None:
    """Return why a URI can't be registered, `None` if it can.

    `native`: application_type of the client. `allow_loopback_http`: for every client, outside
    production.
    """
    if len(uri) > URI_MAX:
        return because("uri.long", maximum=URI_MAX)
    if "#" in uri:
        return because("uri.fragment")
    if "*" in uri.split("?", 1)[0]:
        return because("uri.wildcard")
    why = why_not_uri(uri)
    if why is not None:
        return why
    parts = urlsplit(uri)
    if parts.scheme in _NEVER:
        return because("uri.never", scheme=parts.scheme)
    if parts.scheme in {"https", "http"}:
        return why_not_web_address(parts, allow_http=native or allow_loopback_http)
    if not native:
        return because("uri.native")
    if not _APP_SCHEME.fullmatch(parts.scheme):
        return because("uri.scheme")
    return None


def why_not_web_address(parts: SplitResult, *, allow_http: bool) -> Reason | None:
    """Return why an http or https URI can't be kept. `allow_http`: on loopback addresses."""
    host = parts.hostname or ""
    is_address = host.startswith("[") or ":" in host
    if not host or (not is_address and not _HOST.fullmatch(host)):
        return because("uri.host")
    if parts.scheme == "https":
        return None
    if host in LOOPBACK_HOSTS and allow_http:
        return None
    return because("uri.loopback")


def is_registered(uri: str, registered: frozenset[str], *, native: bool) -> bool:
    """Return whether `uri` is one of the registered, character by character.

    For native applications the port of a literal loopback address is left out of the comparison.
    """
    if uri in registered:
        return True
    if not native:
        return False
    bare = _without_port(uri)
    return bare is not None and any(bare == _without_port(other) for other in registered)


def _without_port(uri: str) -> tuple[str, str] | None:
    """Return host and rest of a loopback address as they are written, `None` for others."""
    found = _LOOPBACK_URI.fullmatch(uri)
    if found is None or int(found["port"] or 1) > 65535:
        return None
    return found["host"], found["rest"]


def nearest(uri: str, registered: frozenset[str]) -> tuple[str, int] | None:
    """Return the registered URI with the longest common beginning and where it differs."""

    def common(other: str) -> int:
        pairs = zip(uri, other, strict=False)
        return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(uri), len(other)))

    if not registered:
        return None
    best = max(sorted(registered), key=common)
    return best, common(best)


def check_redirect_uris(uris: object, *, native: bool, allow_loopback_http: bool) -> list[str]:
    """Return the list as it is kept; `Unfit` names the position of every entry that can't be."""
    if not isinstance(uris, list) or not all(isinstance(uri, str) for uri in uris):
        raise unfit("uri.texts")
    if len(uris) > REDIRECT_URIS_MAX:
        raise unfit("many", maximum=REDIRECT_URIS_MAX)
    reasons = [
        why_not_redirect_uri(uri, native=native, allow_loopback_http=allow_loopback_http)
        for uri in uris
    ]
    faults = [Fault("", why, at) for at, why in enumerate(reasons, start=1) if why is not None]
    if faults:
        raise Unfit(*faults)
    return list(dict.fromkeys(uris))
