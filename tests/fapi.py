"""A client of the `fapi2` profile, in every variant that the conformance plans know."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from typing import Any
from urllib.parse import quote, urlencode

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from werkzeug.test import TestResponse

from tests.conformance import CALLBACK, ISSUER, MTLS, Answer, Suite
from tests.portal import CHALLENGE, VERIFIER
from tests.proofs import Holder, hash_of
from tests.signing import ASSERTION_TYPE, Signer

_numbers = count()

#: How the client authenticates, and what binds its tokens.
VARIANTS = (
    ("private_key_jwt", "dpop"),
    ("private_key_jwt", "mtls"),
    ("tls_client_auth", "mtls"),
    ("tls_client_auth", "dpop"),
)


@dataclass(frozen=True)
class Certificate:
    """A client certificate as a proxy passes it on."""

    pem: str
    subject: str

    @classmethod
    def made(cls, name: str) -> "Certificate":
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(next(_numbers) + 1)
            .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
            .not_valid_after(datetime(2036, 1, 1, tzinfo=UTC))
            .sign(key, SHA256())
        )
        return cls(made.public_bytes(Encoding.PEM).decode(), subject.rfc4514_string())

    @property
    def headers(self) -> dict[str, str]:
        return {"X-Client-Cert": quote(self.pem), "X-Client-Verify": "SUCCESS"}


@dataclass
class FapiClient:
    """`signs`: it pushes signed requests; `jarm`: it asks for signed answers.

    `scope`: what its requests ask for.
    """

    suite: Suite
    registered: dict[str, Any]
    signer: Signer
    auth: str = "private_key_jwt"
    sender: str = "dpop"
    holder: Holder = field(default_factory=Holder)
    certificate: Certificate = field(default_factory=lambda: Certificate.made("client"))
    signs: bool = False
    jarm: bool = False
    scope: str = "openid"
    nonce: str | None = None

    @property
    def client_id(self) -> str:
        return str(self.registered["client_id"])

    @property
    def now(self) -> int:
        return self.suite.clock.now()

    # --- proving who it is, and which key it holds

    def claims_now(self, **changes: Any) -> dict[str, Any]:
        told = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": ISSUER,
            "iat": self.now,
            "nbf": self.now,
            "exp": self.now + 60,
            "jti": f"a-{next(_numbers)}",
            **changes,
        }
        return {name: value for name, value in told.items() if value is not None}

    def assertion(self, **changes: Any) -> str:
        return self.signer.sign(self.claims_now(**changes))

    def credentials(self, assertion: str | None = None) -> dict[str, str]:
        if self.auth != "private_key_jwt":
            return {"client_id": self.client_id}
        return {
            "client_assertion": assertion or self.assertion(),
            "client_assertion_type": ASSERTION_TYPE,
        }

    def url_of(self, name: str) -> str:
        """Return where the client finds an endpoint: the alias where it shows a certificate."""
        document = self.suite.discovery
        uses_certificate = self.sender == "mtls" or self.auth != "private_key_jwt"
        found = document["mtls_endpoint_aliases" if uses_certificate else "issuer"]
        return str(found[name] if isinstance(found, dict) else document[name])

    def certificates(self) -> dict[str, str]:
        uses = self.sender == "mtls" or self.auth != "private_key_jwt"
        return self.certificate.headers if uses else {}

    def proof(self, url: str, method: str = "POST", **changes: Any) -> str:
        told = {"iat": self.now, "nonce": self.nonce, **changes}
        return self.holder.proof(url, method, **told)

    def post(self, name: str, form: Mapping[str, Any], proof: str | None = None) -> TestResponse:
        """Call an endpoint; where it asks for a nonce the call is made again, as in the suite."""
        url = self.url_of(name)
        headers = dict(self.certificates())
        if proof is not None:
            headers["DPoP"] = proof
        elif self.sender == "dpop" and name == "token_endpoint":
            headers["DPoP"] = self.proof(url)
        answer = self.suite.post(url, dict(form), **headers)
        if proof is None and answer.is_json and _wants_nonce(answer):
            self.nonce = answer.headers["DPoP-Nonce"]
            retried = {**form, **(self.credentials() if "client_assertion" in form else {})}
            return self.post(name, retried)
        return answer

    # --- the request

    def parameters(self, **changes: Any) -> dict[str, Any]:
        told = {
            "client_id": self.client_id,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": self.scope,
            "state": "state-of-the-suite",
            "nonce": "nonce-of-the-suite" if "openid" in self.scope.split() else None,
            "response_mode": "jwt" if self.jarm else None,
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            **changes,
        }
        return {name: value for name, value in told.items() if value is not None}

    def request_claims(self, **changes: Any) -> dict[str, Any]:
        told = {
            **self.parameters(),
            "iss": self.client_id,
            "aud": ISSUER,
            "nbf": self.now,
            "exp": self.now + 300,
            **changes,
        }
        return {name: value for name, value in told.items() if value is not None}

    def request_object(self, **changes: Any) -> str:
        return self.signer.sign(self.request_claims(**changes))

    def push(self, *, proof: str | None = None, **changes: Any) -> TestResponse:
        """Push a request; a signed one where the client signs, `request` is sent as it is."""
        if "request" in changes:
            form = changes
        elif self.signs:
            form = {"request": self.request_object(**changes)}
        else:
            form = self.parameters(**changes)
        return self.push_form(form, proof=proof)

    def push_form(self, form: Mapping[str, Any], *, proof: str | None = None) -> TestResponse:
        told = {**self.credentials(), **form}
        return self.post("pushed_authorization_request_endpoint", told, proof)

    def pushed(self, **changes: Any) -> str:
        answer = self.push(**changes)
        assert answer.status_code == 201, answer.text
        return str(answer.get_json()["request_uri"])

    def open(self, request_uri: str, **beside: str) -> TestResponse:
        query = {"client_id": self.client_id, "request_uri": request_uri, **beside}
        return self.suite.get(f"/authorize?{urlencode(query)}")

    def authorize(self, *, decision: str = "allow", **changes: Any) -> Answer:
        answer = self.suite.walk(self.open(self.pushed(**changes)), decision=decision)
        return self.unwrapped(answer)

    def unwrapped(self, answer: Answer) -> Answer:
        """Return what a signed answer holds, after the checks of JARM §2.4."""
        if not self.jarm:
            return answer
        assert set(answer.params) == {"response"}, answer.params
        claims = self.suite.verified(answer["response"], algorithms=("ES256",))
        assert (claims.pop("aud"), claims["iss"]) == (self.client_id, ISSUER)
        assert self.now < claims.pop("exp") <= self.now + 600
        claims.pop("iat", None)
        return Answer(answer.mode, claims)

    # --- tokens

    def token(self, *, proof: str | None = None, **form: Any) -> TestResponse:
        told = {name: value for name, value in form.items() if value is not None}
        return self.post("token_endpoint", {**self.credentials(), **told}, proof)

    def redeem(self, code: str, **changes: Any) -> TestResponse:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
            **changes,
        }
        return self.token(**form)

    def tokens(self, **changes: Any) -> dict[str, Any]:
        answer = self.redeem(self.authorize(**changes)["code"])
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.get_json()
        return found

    def read(self, access_token: str, *, scheme: str | None = None, **headers: str) -> TestResponse:
        """Use a token at the resource: userinfo, or the trial resource without `openid`."""
        has_openid = "openid" in self.scope.split()
        path = "/userinfo" if has_openid else "/sandbox/resource"
        url = f"{MTLS if self.sender == 'mtls' and has_openid else ISSUER}{path}"
        sent = {**self.certificates(), "x-fapi-interaction-id": "c0ffee", **headers}
        chosen = scheme or ("DPoP" if self.sender == "dpop" else "Bearer")
        if self.sender == "dpop" and "DPoP" not in headers:
            sent["DPoP"] = self.proof(url, "GET", ath=hash_of(access_token))
        return self.suite.get(url, Authorization=f"{chosen} {access_token}", **sent)


def _wants_nonce(answer: TestResponse) -> bool:
    return bool(answer.get_json().get("error") == "use_dpop_nonce")


def a_fapi_client(
    suite: Suite, auth: str = "private_key_jwt", sender: str = "dpop", **given: Any
) -> FapiClient:
    """Register a client; `scope`, `signs`, `jarm` are the client's, the rest is metadata."""
    signer = given.pop("signer", None) or Signer()
    own = {name: given.pop(name) for name in ("scope", "signs", "jarm") if name in given}
    certificate = Certificate.made(f"client-{next(_numbers)}")
    metadata: dict[str, Any] = {
        "profile": "fapi2",
        "scope": "openid profile email address phone offline_access accounts",
        "token_endpoint_auth_method": auth,
        "jwks": signer.jwks(),
        "require_signed_request_object": own.get("signs", False),
        **given,
    }
    if auth == "tls_client_auth":
        metadata["tls_client_auth_subject_dn"] = certificate.subject
    if sender == "dpop":
        metadata["dpop_bound_access_tokens"] = True
    else:
        metadata["tls_client_certificate_bound_access_tokens"] = True
    registered = suite.static_client(**metadata)
    return FapiClient(suite, registered, signer, auth, sender, certificate=certificate, **own)


def another_key(client: FapiClient) -> FapiClient:
    """Return the same client with another DPoP key and another certificate."""
    return replace(client, holder=Holder(), certificate=Certificate.made("another"))
