"""Proof key for code exchange (RFC 7636), S256 alone."""

import re
from hashlib import sha256
from hmac import compare_digest
from typing import Final

from idp.domain.ids import encode_base64url
from idp.domain.protocol.errors import invalid_grant, invalid_request

_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER: Final = re.compile(r"[A-Za-z0-9\-._~]{43,128}")


def check_challenge(challenge: str | None, method: str | None, *, required: bool) -> None:
    """Refuse anything but an S256 challenge (RFC 7636 §4.3); its lack only where it is required."""
    if challenge is None:
        if method is not None:
            raise invalid_request("code_challenge_method came without code_challenge")
        if required:
            raise invalid_request(
                "code_challenge is required: switch on PKCE with S256 in the client library"
            )
        return
    if method != "S256":
        raise invalid_request("code_challenge_method must be S256")
    if not _CHALLENGE.fullmatch(challenge):
        raise invalid_request("code_challenge must be 43 base64url characters")


def check_verifier(challenge: str | None, verifier: str | None) -> None:
    """Refuse a verifier that does not fit the challenge (RFC 7636 §4.6)."""
    if challenge is None:
        if verifier is not None:
            raise invalid_grant("code_verifier came for a code without challenge")
        return
    if verifier is None:
        raise invalid_grant("code_verifier is missing")
    if not _VERIFIER.fullmatch(verifier):
        raise invalid_grant("code_verifier must be 43 to 128 unreserved characters")
    computed = encode_base64url(sha256(verifier.encode()).digest())
    if not compare_digest(computed, challenge):
        raise invalid_grant("code_verifier does not fit the code_challenge")
