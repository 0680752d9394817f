"""How an authorization answer travels, always with `iss` (RFC 9207 §2).

OAuth 2.0 Multiple Response Types §2.1, OAuth 2.0 Form Post Response Mode §2, JARM §2.3 and §4.
Seam: Authlib's code flow ignores `response_mode`, and its issuer hook edits `Location` alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from idp.domain.protocol.client import Client
from idp.domain.protocol.profile import rules_of
from idp.oidc.encryption import CannotEncrypt, Encryption
from idp.oidc.tokens.key_ring import KeyRing

#: Modes in the order in which metadata names them.
RESPONSE_MODES: Final = (
    "query",
    "form_post",
    "fragment",
    "jwt",
    "query.jwt",
    "form_post.jwt",
    "fragment.jwt",
)

#: JARM §2.1: ten minutes at most are recommended.
JWT_SECONDS: Final = 600


@dataclass(frozen=True, slots=True)
class Redirect:
    """Send the browser to the client."""

    location: str


@dataclass(frozen=True, slots=True)
class FormPost:
    """Let the browser post the answer to the client."""

    action: str
    fields: Mapping[str, str]


Answer = Redirect | FormPost


@dataclass(frozen=True, slots=True)
class AnswerWriter:
    """Writes answers in every mode."""

    issuer: str
    ring: KeyRing
    encryption: Encryption

    def write(
        self, client: Client, params: Mapping[str, Any], fields: Mapping[str, str], now: int
    ) -> Answer:
        """Return the answer to a request; the registered URI keeps the query that it has."""
        told = dict(fields)
        if isinstance(params.get("state"), str):
            told["state"] = params["state"]
        told["iss"] = self.issuer
        mode = str(params.get("response_mode") or "query")
        if mode not in RESPONSE_MODES:
            mode = "query"
        if mode.endswith("jwt"):
            told = {"response": self._signed(client, told, now)}
            mode = mode.removesuffix("jwt").removesuffix(".") or "query"
        return _travelling(str(params["redirect_uri"]), mode, told)

    def _signed(self, client: Client, told: Mapping[str, str], now: int) -> str:
        """Return the answer as a JWT (JARM §2.1), encrypted where registered."""
        claims = {**told, "aud": client.client_id, "exp": now + JWT_SECONDS, "iat": now}
        alg = client.metadata.get(
            "authorization_signed_response_alg", rules_of(client).own_algorithm
        )
        signed = self.ring.signer(alg).sign(claims, "JWT")
        try:
            return self.encryption.to_client(signed, client, "authorization")
        except CannotEncrypt:
            # a code must not travel open where encryption was registered; the error may
            error = {"error": "server_error", "error_description": "no key to encrypt to"}
            kept = {n: v for n, v in claims.items() if n in {"iss", "aud", "exp", "iat", "state"}}
            return self.ring.signer(alg).sign({**kept, **error}, "JWT")


def _travelling(uri: str, mode: str, told: Mapping[str, str]) -> Answer:
    if mode == "form_post":
        return FormPost(uri, told)
    if mode == "fragment":
        return Redirect(f"{uri}#{urlencode(told)}")
    joint = "&" if "?" in uri else "?"
    if uri.endswith(("?", "&")):
        joint = ""
    return Redirect(f"{uri}{joint}{urlencode(told)}")
