"""The issuer as a relying party sees it: discovery, published keys, and calls as its client."""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, KeySet
from requests import RequestException

logger = logging.getLogger(__name__)

DISCOVERY_PATH: Final = "/.well-known/openid-configuration"
SCOPE: Final = "openid profile jkp"
METHOD: Final = "private_key_jwt"
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

#: Algorithms whose signatures we take; `none` and HMAC are not among them.
ALGORITHMS: Final = ("ES256", "ES384", "ES512", "PS256", "Ed25519", "RS256")

TIMEOUT_SECONDS: Final = 5
ASSERTION_SECONDS: Final = 60
#: How long published keys are kept, and how soon an unknown `kid` may ask for them again.
KEYS_SECONDS: Final = 300
REFETCH_SECONDS: Final = 10


class IssuerError(Exception):
    """The issuer refused; `error` and `description` are its registered words (RFC 6749 §5.2)."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(error)
        self.error, self.description = error, description


class IssuerUnavailable(Exception):  # noqa: N818 - it names what is so, not a mistake
    """The issuer can't be reached, or answers what it never should."""


@dataclass(frozen=True, slots=True)
class Registration:
    """Who we are at the issuer. `key`: private, its public half is registered there."""

    issuer: str
    client_id: str
    key: ECKey = field(repr=False)
    redirect_uri: str


@dataclass(slots=True)
class Issuer:
    """Asks the issuer. `now`: epoch seconds."""

    registration: Registration
    now: Callable[[], int]
    _metadata: Mapping[str, Any] | None = None
    _keys: Mapping[str, Key] = field(default_factory=dict)
    _fetched_at: int = 0
    _lock: Lock = field(default_factory=Lock)

    def metadata(self) -> Mapping[str, Any]:
        """Return the discovery document, which must name this very issuer (Discovery §4.3)."""
        if self._metadata is None:
            found = self._get(self.registration.issuer + DISCOVERY_PATH)
            if found.get("issuer") != self.registration.issuer:
                raise IssuerUnavailable("the discovery document names another issuer")
            self._metadata = found
        return self._metadata

    def key(self, kid: object) -> Key | None:
        """Return a published key, `None` where there is none; a new `kid` makes us look again."""
        if not isinstance(kid, str):
            return None
        with self._lock:
            age = self.now() - self._fetched_at
            is_missing = kid not in self._keys
            if age >= KEYS_SECONDS or (is_missing and age >= REFETCH_SECONDS):
                self._fetch_keys()
            if not self._keys:
                raise IssuerUnavailable("no key of the issuer is known yet")
            return self._keys.get(kid)

    def push(self, **parameters: str) -> tuple[str, str, str]:
        """Push an authorization request (RFC 9126) with PKCE, state and nonce of our own.

        Returns where to send the browser, the `state`, and what `redeem` needs (JSON).
        """
        verifier, nonce = generate_token(64), generate_token(32)
        metadata = self.metadata()
        with self._session() as session:
            url, state = session.create_authorization_url(
                metadata["authorization_endpoint"],
                code_verifier=verifier,
                nonce=nonce,
                **parameters,
            )
            wanted = dict(parse_qsl(urlsplit(url).query))
            pushed = self._post(session, metadata["pushed_authorization_request_endpoint"], wanted)
        told = urlencode(
            {"client_id": self.registration.client_id, "request_uri": pushed["request_uri"]}
        )
        kept = json.dumps({"verifier": verifier, "nonce": nonce})
        return f"{metadata['authorization_endpoint']}?{told}", state, kept

    def redeem(self, code: str, kept: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Exchange a code; returns the token answer and the verified claims of its ID token.

        The access token is for userinfo and introspection, so its audience is the issuer.
        """
        own = json.loads(kept)
        with self._session() as session, _translated():
            token = session.fetch_token(
                self.metadata()["token_endpoint"],
                code=code,
                code_verifier=own["verifier"],
                resource=self.registration.issuer,
            )
        return dict(token), self._id_token(token, own["nonce"])

    def introspect(self, token: str) -> dict[str, Any]:
        """Ask whether a token still counts (RFC 7662); `active` says so."""
        with self._session() as session:
            return self._post(
                session,
                self.metadata()["introspection_endpoint"],
                {"token": token, "token_type_hint": "access_token"},
            )

    def userinfo(self, access_token: str) -> dict[str, Any]:
        """Return the person's claims."""
        headers = {"Authorization": f"Bearer {access_token}"}
        return self._get(self.metadata()["userinfo_endpoint"], headers=headers)

    def _id_token(self, token: Mapping[str, Any], nonce: str) -> dict[str, Any]:
        """Return the claims of an ID token after every check of OpenID Connect Core §3.1.3.7."""
        found = self.verify(str(token.get("id_token", "")))
        if found is None:
            raise IssuerError("invalid_id_token", "the ID token is not signed by a published key")
        _, claims = found
        rules = jwt.JWTClaimsRegistry(
            now=self.now(),
            leeway=ASSERTION_SECONDS,
            iss={"essential": True, "value": self.registration.issuer},
            aud={"essential": True, "value": self.registration.client_id},
            nonce={"essential": True, "value": nonce},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            auth_time={"essential": True},
        )
        try:
            rules.validate(claims)
        except JoseError as error:
            raise IssuerError("invalid_id_token", f"the ID token fails: {error.error}") from error
        return claims

    def verify(self, text: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Return header and claims of a JWT signed by a published key, `None` for all else.

        The key is looked up by `kid` alone and must be of the header's algorithm; keys that a
        header brings along (`jwk`, `jku`, `x5c`) are never looked at.
        """
        header = read_header(text)
        key = self.key(header.get("kid"))
        if key is None or header.get("alg") not in ALGORITHMS:
            return None
        if key.get("alg", header["alg"]) != header["alg"] or "crit" in header:
            return None
        try:
            token = jwt.decode(text, key, algorithms=[header["alg"]])
        except (JoseError, ValueError):
            return None
        return dict(token.header), dict(token.claims)

    def assertion(self) -> str:
        """Return a client assertion (RFC 7523 §3) that only the issuer takes, once."""
        client_id = self.registration.client_id
        now = self.now()
        claims = {
            "iss": client_id,
            "sub": client_id,
            "aud": self.registration.issuer,
            "iat": now,
            "exp": now + ASSERTION_SECONDS,
            "jti": generate_token(32),
        }
        header = {"alg": "ES256", "typ": "client-authentication+jwt"}
        return jwt.encode(header, claims, self.registration.key, algorithms=["ES256"])

    def _fetch_keys(self) -> None:
        """Fetch the key set; while the issuer is away, the keys that we have go on counting."""
        self._fetched_at = self.now()
        try:
            document = self._get(self.metadata()["jwks_uri"])
            found = KeySet.import_key_set(document)  # type: ignore[arg-type]  # checked inside
        except (IssuerUnavailable, JoseError, KeyError, TypeError, ValueError):
            logger.warning("jwks_unavailable")
            return
        self._keys = {key.kid: key for key in found.keys if key.kid}

    def _session(self) -> Any:
        own = self.registration
        session = OAuth2Session(
            own.client_id,
            token_endpoint_auth_method=METHOD,
            scope=SCOPE,
            redirect_uri=own.redirect_uri,
            code_challenge_method="S256",
            default_timeout=TIMEOUT_SECONDS,
        )
        session.trust_env = False
        session.register_client_auth_method((METHOD, self._authenticate))
        return session

    def _authenticate(
        self, auth: object, method: str, uri: str, headers: Any, body: str
    ) -> tuple[str, Any, str]:
        """Add the assertion to a request of Authlib's."""
        del auth, method
        proof = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": self.assertion()}
        return uri, headers, "&".join(filter(None, (body, urlencode(proof))))

    def _post(self, session: Any, url: str, form: Mapping[str, str]) -> dict[str, Any]:
        proof = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": self.assertion()}
        with _translated():
            reply = session.post(url, data={**form, **proof}, withhold_token=True)
            told = reply.json()
            if not reply.ok or not isinstance(told, dict):
                raise OAuthError(told.get("error"), told.get("error_description"))
            return told

    def _get(self, url: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        with self._session() as session, _translated():
            reply = session.get(url, headers=headers, withhold_token=True)
            reply.raise_for_status()
            told = reply.json()
            if not isinstance(told, dict):
                raise TypeError("the answer is no JSON object")
            return told


@contextmanager
def _translated() -> Iterator[None]:
    """Turn errors of the libraries into ours."""
    try:
        yield
    except OAuthError as error:
        raise IssuerError(error.error or "invalid", error.description or "") from error
    except (RequestException, ValueError, TypeError, AttributeError) as error:
        raise IssuerUnavailable("the issuer does not answer as it should") from error


def read_header(text: str) -> dict[str, Any]:
    """Return the header of a compact JWS, unverified; an empty one where there is none."""
    try:
        return dict(jws.extract_compact(text.encode("ascii")).protected)
    except (JoseError, ValueError):
        return {}
