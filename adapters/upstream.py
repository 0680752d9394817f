"""Signing in at another OpenID provider: code with PKCE, `private_key_jwt`, encrypted ID tokens.

We are a client there (OpenID Connect Core §3.1, RFC 7636, RFC 7523, RFC 9207). What it says counts
only as a signed ID token for us, for this very request; the NIK comes from there or from userinfo.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Final, TypeVar
from urllib.parse import urlencode, urlsplit

from joserfc import jwe, jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from adapters.circuit import Admission, Circuit
from adapters.outbound import ExchangeError, OutboundHttp, Reply
from idp.domain.errors import Refused
from idp.domain.identity.nik import Nik, parse_nik
from idp.domain.identity.upstream import UpstreamIdentity
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.errors import GatewayUnavailable
from idp.ports.metrics import Metrics

T = TypeVar("T")

CALL_SECONDS: Final = 5.0
CALLS_AT_ONCE: Final = 8
#: How long discovery and keys are used without asking again.
KEEP_SECONDS: Final = 900
#: The provider's clock may be so far off ours.
LEEWAY_SECONDS: Final = 10
ASSERTION_SECONDS: Final = 60
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

SIGNING: Final = ("ES256", "ES384", "ES512", "PS256", "EdDSA", "Ed25519")
KEY_MANAGEMENT: Final = ("ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW", "RSA-OAEP-256")
CONTENT: Final = ("A128GCM", "A256GCM", "A128CBC-HS256", "A256CBC-HS512")
_FORM: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class UpstreamSettings:
    """Who the provider is, and who we are there. `keys`: ours, private: to sign and to decrypt.

    `redirect_uri`: ours, as registered there. `nik_claim`: the claim that holds the NIK.
    """

    issuer: str
    client_id: str
    keys: KeySet = field(repr=False)
    scope: str
    nik_claim: str
    redirect_uri: str
    signing_alg: str
    must_encrypt: bool


@dataclass(slots=True)
class _Known:
    """What was learnt of the provider, and when. `until`: of the monotonic clock."""

    metadata: Mapping[str, Any] = field(default_factory=dict)
    keys: KeySet | None = None
    until: float = -1.0


@dataclass(frozen=True, slots=True)
class OpenIdUpstream:
    """Implements `idp.ports.gateways.UpstreamProvider`."""

    settings: UpstreamSettings
    http: OutboundHttp
    circuit: Circuit
    clock: Clock
    entropy: Entropy
    metrics: Metrics
    _known: _Known = field(default_factory=_Known)
    _lock: Lock = field(default_factory=Lock)

    def authorization_url(self, *, state: str, nonce: str, challenge: str) -> str:
        told = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": self.settings.redirect_uri,
            "scope": self.settings.scope,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        endpoint = self._told("discovery", lambda: self._endpoint("authorization_endpoint"))
        mark = "&" if urlsplit(endpoint).query else "?"
        return f"{endpoint}{mark}{urlencode(told)}"

    def redeem(
        self, code: str, *, verifier: str, nonce: str, issuer: str | None
    ) -> UpstreamIdentity:
        return self._told("exchange", lambda: self._redeem(code, verifier, nonce, issuer))

    def public_keys(self) -> Mapping[str, Any]:
        return public_part(self.settings.keys)

    def _redeem(self, code: str, verifier: str, nonce: str, issuer: str | None) -> UpstreamIdentity:
        says_issuer = self._metadata().get("authorization_response_iss_parameter_supported")
        if issuer != self.settings.issuer and (issuer is not None or says_issuer is True):
            # another provider's answer, mixed up with this one's (RFC 9207 §2.4)
            raise GatewayUnavailable("upstream", "issuer")
        tokens = self._tokens(code, verifier)
        claims = self._claims(tokens.get("id_token"), nonce)
        told = dict(claims)
        if self.settings.nik_claim not in told:
            told |= self._userinfo(tokens.get("access_token"), str(claims["sub"]))
        name = told.get("name")
        return UpstreamIdentity(
            self.settings.issuer,
            str(claims["sub"]),
            _nik(told.get(self.settings.nik_claim)),
            name if isinstance(name, str) else None,
        )

    def _told(self, what: str, call: Callable[[], T]) -> T:
        """Make a call through the breaker, and count how it ended."""
        admission = self.circuit.admit()
        if admission is Admission.REFUSED:
            raise GatewayUnavailable("upstream", "circuit")
        try:
            found = call()
        except GatewayUnavailable as failure:
            if failure.reason == "code":
                # a code that is not good is this browser's matter, not the provider's health
                self.circuit.succeeded(admission)
            else:
                self.circuit.failed(admission)
            self.metrics.count("upstream_calls", call=what, outcome=failure.reason)
            raise
        self.circuit.succeeded(admission)
        self.metrics.count("upstream_calls", call=what, outcome="done")
        return found

    def _tokens(self, code: str, verifier: str) -> Mapping[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.settings.redirect_uri,
            "code_verifier": verifier,
            "client_id": self.settings.client_id,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self._assertion(),
        }
        body = urlencode(form).encode()
        reply = self._exchange("POST", self._endpoint("token_endpoint"), body, _FORM)
        if reply.status == 400:
            raise GatewayUnavailable("upstream", "code")
        return _document(reply)

    def _assertion(self) -> str:
        """Say who we are (RFC 7523 §3), signed by the first of our signing keys."""
        now = self.clock.now()
        key = next(key for key in self.settings.keys.keys if key.get("use") != "enc")
        claims = {
            "iss": self.settings.client_id,
            "sub": self.settings.client_id,
            "aud": self.settings.issuer,
            "iat": now,
            "exp": now + ASSERTION_SECONDS,
            "jti": self.entropy.token(),
        }
        alg = str(key.get("alg") or "ES512")
        header = {"alg": alg, "typ": "JWT", "kid": key.kid or ""}
        header = {name: value for name, value in header.items() if value}
        return jws.serialize_compact(header, json.dumps(claims).encode(), key, algorithms=[alg])

    def _claims(self, token: object, nonce: str) -> Mapping[str, Any]:
        """Open and check an ID token (OpenID Connect Core §3.1.3.7)."""
        if not isinstance(token, str):
            raise GatewayUnavailable("upstream", "id_token")
        signed = self._decrypted(token)
        try:
            claims = json.loads(self._verified(signed))
        except (JoseError, ValueError, RecursionError) as error:
            raise GatewayUnavailable("upstream", "signature") from error
        if not isinstance(claims, dict):
            raise GatewayUnavailable("upstream", "id_token")
        self._check(claims, nonce)
        return claims

    def _decrypted(self, token: str) -> str:
        if token.count(".") == 2:
            if self.settings.must_encrypt:
                raise GatewayUnavailable("upstream", "unencrypted")
            return token
        try:
            algorithms = [*KEY_MANAGEMENT, *CONTENT]
            opened = jwe.decrypt_compact(token, self.settings.keys, algorithms=algorithms)
            return (opened.plaintext or b"").decode("ascii")
        except (JoseError, ValueError) as error:
            raise GatewayUnavailable("upstream", "encryption") from error

    def _verified(self, token: str) -> bytes:
        """Return the payload of a token signed as we were told it would be; keys may be new."""
        algorithms = [self.settings.signing_alg]
        try:
            found = jws.deserialize_compact(token, self._keys(), algorithms=algorithms)
        except (JoseError, ValueError):
            found = jws.deserialize_compact(token, self._keys(fresh=True), algorithms=algorithms)
        return found.payload or b""

    def _check(self, claims: Mapping[str, Any], nonce: str) -> None:
        now = self.clock.now()
        audience = claims.get("aud")
        wanted = self.settings.client_id
        expires, issued = claims.get("exp"), claims.get("iat")
        is_good = (
            claims.get("iss") == self.settings.issuer
            # nobody else's token, and nobody else's beside ours
            and audience in (wanted, [wanted])
            and claims.get("azp") in (None, wanted)
            and claims.get("nonce") == nonce
            and isinstance(expires, int)
            and expires > now - LEEWAY_SECONDS
            and isinstance(issued, int)
            and issued <= now + LEEWAY_SECONDS
            and isinstance(claims.get("sub"), str)
            and claims["sub"] != ""
        )
        if not is_good:
            raise GatewayUnavailable("upstream", "claims")

    def _userinfo(self, token: object, subject: str) -> Mapping[str, Any]:
        """Return what userinfo says of the same person; nothing where there is none."""
        endpoint = self._metadata().get("userinfo_endpoint")
        if not isinstance(endpoint, str) or not isinstance(token, str):
            return {}
        reply = self._exchange("GET", endpoint, None, "", Authorization=f"Bearer {token}")
        told = _document(reply)
        if told.get("sub") != subject:
            raise GatewayUnavailable("upstream", "userinfo")
        return told

    def _endpoint(self, name: str) -> str:
        found = self._metadata().get(name)
        if not isinstance(found, str) or urlsplit(found).scheme not in {"https", "http"}:
            raise GatewayUnavailable("upstream", "metadata")
        if urlsplit(found).scheme != urlsplit(self.settings.issuer).scheme:
            raise GatewayUnavailable("upstream", "metadata")
        return found

    def _metadata(self) -> Mapping[str, Any]:
        return self._learnt().metadata

    def _keys(self, *, fresh: bool = False) -> KeySet:
        keys = self._learnt(fresh=fresh).keys
        if keys is None:
            raise GatewayUnavailable("upstream", "keys")
        return keys

    def _learnt(self, *, fresh: bool = False) -> _Known:
        """Return discovery and keys (OpenID Connect Discovery §4), asked for again in time."""
        with self._lock:
            if fresh or self.clock.monotonic() >= self._known.until:
                well_known = f"{self.settings.issuer}/.well-known/openid-configuration"
                metadata = _document(self._exchange("GET", well_known, None, ""))
                if metadata.get("issuer") != self.settings.issuer:
                    raise GatewayUnavailable("upstream", "metadata")
                self._known.metadata = metadata
                self._known.keys = self._published(metadata.get("jwks_uri"))
                self._known.until = self.clock.monotonic() + KEEP_SECONDS
            return self._known

    def _published(self, url: object) -> KeySet:
        if not isinstance(url, str):
            raise GatewayUnavailable("upstream", "metadata")
        told = _document(self._exchange("GET", url, None, ""))
        try:
            return KeySet.import_key_set({"keys": _usable(told.get("keys"))})
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise GatewayUnavailable("upstream", "keys") from error

    def _exchange(
        self, method: str, url: str, body: bytes | None, content_type: str, **more: str
    ) -> Reply:
        headers = {"Accept": "application/json", **more}
        if content_type:
            headers["Content-Type"] = content_type
        try:
            return self.http.exchange(method, url, body, headers=headers)
        except ExchangeError as error:
            raise GatewayUnavailable("upstream", error.reason) from error


def _usable(keys: object) -> list[Any]:
    """Return public keys to verify with: what else a provider publishes is not ours to judge."""
    listed = keys if isinstance(keys, list) else []
    return [
        key
        for key in listed
        if isinstance(key, dict) and key.get("kty") in {"EC", "OKP", "RSA"} and "d" not in key
        if key.get("use", "sig") == "sig"
    ]


def _document(reply: Reply) -> Mapping[str, Any]:
    if reply.status != 200 or reply.is_cut:
        raise GatewayUnavailable("upstream", "status")
    try:
        told = json.loads(reply.body)
    except (ValueError, RecursionError) as error:
        raise GatewayUnavailable("upstream", "answer") from error
    if not isinstance(told, dict):
        raise GatewayUnavailable("upstream", "answer")
    return told


def _nik(given: object) -> Nik | None:
    """Return the NIK that a provider tells; one that is none counts for nothing."""
    if not isinstance(given, str):
        return None
    try:
        return parse_nik(given)
    except Refused:
        return None


def read_keys(path: Path) -> KeySet:
    """Return our private keys of a JWK set; `ValueError`, `OSError` where it can't be used."""
    try:
        keys = KeySet.import_key_set(json.loads(path.read_bytes()))
    except (JoseError, TypeError, KeyError, AttributeError) as error:
        raise ValueError("must be a JWK set") from error
    if not any(key.is_private and key.get("use") != "enc" for key in keys.keys):
        raise ValueError("needs a private key to sign with")
    return keys


def public_part(keys: KeySet) -> Mapping[str, Any]:
    """Return what others may know of our keys."""
    return {"keys": [key.as_dict(private=False) for key in keys.keys]}


def new_keys() -> Mapping[str, Any]:
    """Return a new private JWK set: one key to sign with, one to decrypt with."""
    sign = ECKey.generate_key("P-521", {"use": "sig", "alg": "ES512"}, auto_kid=True)
    decrypt = ECKey.generate_key("P-256", {"use": "enc", "alg": "ECDH-ES"}, auto_kid=True)
    return {"keys": [key.as_dict(private=True) for key in (sign, decrypt)]}


def registration_of(settings: UpstreamSettings) -> Mapping[str, Any]:
    """Return the client metadata to register with the provider (RFC 7591 §2, OpenID §2)."""
    keys = settings.keys.keys
    signing = next(key for key in keys if key.get("use") != "enc")
    decrypting = next((key for key in keys if key.get("use") == "enc"), None)
    told: dict[str, Any] = {
        "redirect_uris": [settings.redirect_uri],
        "response_types": ["code"],
        "grant_types": ["authorization_code"],
        "scope": settings.scope,
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": str(signing.get("alg") or "ES512"),
        "id_token_signed_response_alg": settings.signing_alg,
    }
    if decrypting is not None:
        told["id_token_encrypted_response_alg"] = str(decrypting.get("alg") or KEY_MANAGEMENT[0])
        told["id_token_encrypted_response_enc"] = "A256GCM"
    return {**told, "jwks": public_part(settings.keys)}


def build_upstream(
    settings: UpstreamSettings, *, clock: Clock, entropy: Entropy, metrics: Metrics
) -> OpenIdUpstream:
    """Return the client of a provider."""
    http = OutboundHttp(clock, seconds=CALL_SECONDS, connections=CALLS_AT_ONCE)
    return OpenIdUpstream(settings, http, Circuit(clock), clock, entropy, metrics)
