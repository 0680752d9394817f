"""What a DPoP proof must claim (RFC 9449 §4.3), and the server's nonce (§8)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac_digest
from typing import Any, Final
from urllib.parse import urlsplit

from idp.domain.ids import encode_base64url
from idp.domain.protocol.errors import ProtocolError

TYPE: Final = "dpop+jwt"
#: How old and how far ahead a proof may be.
AGE_MAX_SECONDS: Final = 60
LEEWAY_SECONDS: Final = 10
NONCE_SECONDS: Final = 300


@dataclass(frozen=True, slots=True)
class ProofContext:
    """The call that a proof comes with. `urls`: the addresses of the endpoint that was called.

    `access_token`: at a resource; `nonces`: those that count; `needs_nonce`: whether a proof
    without nonce is sent back for one.
    """

    method: str
    urls: tuple[str, ...]
    now: int
    nonces: tuple[str, ...]
    needs_nonce: bool
    access_token: str | None = None


def invalid_proof(why: str) -> ProtocolError:
    """Return the refusal of a proof (RFC 9449 §5, §7.1)."""
    return ProtocolError("invalid_dpop_proof", f"the DPoP proof was refused: {why}")


def use_nonce() -> ProtocolError:
    """Ask for a proof with our nonce (RFC 9449 §8)."""
    return ProtocolError("use_dpop_nonce", "the DPoP proof needs the nonce of this answer")


def check_proof(claims: Mapping[str, Any], context: ProofContext) -> str:
    """Return the `jti` of a proof that was made for this very call (RFC 9449 §4.3).

    Refuses with `invalid_dpop_proof` or `use_dpop_nonce`. The signature was checked before.
    """
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 1 <= len(jti) <= 256:
        raise invalid_proof("jti must be a text of 1 to 256 characters")
    if claims.get("htm") != context.method:
        raise invalid_proof("htm is not the method of this call")
    htu = claims.get("htu")
    if not isinstance(htu, str) or not _is_target(htu, context.urls):
        raise invalid_proof("htu is not the address of this call")
    issued = claims.get("iat")
    if isinstance(issued, bool) or not isinstance(issued, int | float):
        raise invalid_proof("iat must be a number")
    if not context.now - AGE_MAX_SECONDS <= issued <= context.now + LEEWAY_SECONDS:
        raise invalid_proof("iat is not within the last minute")
    _check_nonce(claims.get("nonce"), context)
    if context.access_token is not None:
        expected = encode_base64url(sha256(context.access_token.encode()).digest())
        ath = claims.get("ath")
        if not isinstance(ath, str) or not compare_digest(ath.encode(), expected.encode()):
            raise invalid_proof("ath is not the hash of the access token")
    return jti


def _check_nonce(nonce: object, context: ProofContext) -> None:
    if nonce is None and not context.needs_nonce:
        return
    known = isinstance(nonce, str) and any(
        compare_digest(nonce.encode(), valid.encode()) for valid in context.nonces
    )
    if not known:
        raise use_nonce()


def _is_target(htu: str, urls: tuple[str, ...]) -> bool:
    target = normalise_target(htu)
    return target is not None and any(target == normalise_target(url) for url in urls)


def normalise_target(url: str) -> str | None:
    """Return scheme, host, port and path in one spelling; query and fragment do not count.

    RFC 9449 §4.3 point 9, by RFC 3986 §6.2.2 (case, percent encoding, dot segments) and §6.2.3
    (port, empty path). `None` for what is no http URL, or names a user.
    """
    if not url.isascii() or not url.isprintable() or " " in url:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    scheme = parts.scheme
    if scheme not in _PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    where = host if port in {None, _PORTS[scheme]} else f"{host}:{port}"
    return f"{scheme}://{where}{_plain_path(parts.path)}"


_PORTS: Final = {"http": 80, "https": 443}
_ENCODED: Final = re.compile(r"%[0-9A-Fa-f]{2}")


def _plain_path(path: str) -> str:
    """Return a path without needless encoding and without dot segments (RFC 3986 §5.2.4)."""

    def plain(encoded: re.Match[str]) -> str:
        character = chr(int(encoded[0][1:], 16))
        is_unreserved = character.isascii() and (character.isalnum() or character in "-._~")
        return character if is_unreserved else encoded[0].upper()

    kept: list[str] = []
    segments = _ENCODED.sub(plain, path).split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments and segments[-1] in {".", ".."}:
        kept.append("")
    return "/" + "/".join(kept)


def nonces_at(now: int, key: bytes) -> tuple[str, str]:
    """Return the nonce of this window and of the one before."""
    window = now // NONCE_SECONDS
    return _nonce(window, key), _nonce(window - 1, key)


def _nonce(window: int, key: bytes) -> str:
    mac = hmac_digest(key, f"dpop nonce {window}".encode(), sha256)
    return encode_base64url(mac[:18])
