"""What can be wrong with a registration: the member, the entry, and why (RFC 7591 §3.2.2).

`REASONS` has every reason once: its code, by which pages choose their words, and what a developer
is told. All faults of one registration are told together.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from idp.domain.protocol.errors import ProtocolError

#: What is wrong, by code. `{name}` stands for a value of the reason.
REASONS: Final[Mapping[str, str]] = {
    "object": "must be a JSON object",
    "text": "must be a text of at most {maximum} characters",
    "control": "has a control character",
    "markup": "has a character of markup",
    "boolean": "must be true or false",
    "seconds": "must be a number of seconds, 0 or more",
    "lifetime": "must be a number of seconds from {minimum} to {maximum}",
    "choice": "must be one of: {allowed}",
    "level": "must be 0, 1 or 2",
    "texts": "must be a list of at most {maximum} texts",
    "many": "has more than {maximum} entries",
    "missing": "is missing",
    "needed": "is missing; {by} needs it",
    "keys": "or jwks is missing; {by} needs one",
    "excluded": "and {other} exclude one another",
    # addresses
    "uri": "must be a URI",
    "uri.absolute": "must be an absolute URI without fragment, user or control character",
    "uri.https": "must be https",
    "uri.long": "is longer than {maximum} characters",
    "uri.fragment": "has a fragment",
    "uri.fragment_form": "has a bad fragment",
    "uri.wildcard": "has a wildcard",
    "uri.empty": "is empty",
    "uri.blank": "has a blank",
    "uri.ascii": "has a character outside ASCII: hosts come in Punycode, the rest percent-encoded",
    "uri.percent": "has a percent sign without two hexadecimal digits behind it",
    "uri.port": "has a port that is no number up to 65535",
    "uri.case": "has a scheme that is not in lower case",
    "uri.form": "is not an absolute URI without user, dot segment or control character",
    "uri.never": "has the scheme {scheme}",
    "uri.host": "has no host that a name or an address could be",
    "uri.loopback": "must be https; http is for loopback addresses",
    "uri.native": "must be https; other schemes are for native applications",
    "uri.scheme": "needs a scheme that is a domain name in reverse order (RFC 8252 section 7.1)",
    "uri.list": "must be a list of at most {maximum} URIs",
    "uri.texts": "must be a list of strings",
    "resource": "must be an absolute URI without fragment",
    # scopes, grants, methods
    "scope.text": "must be a text of scopes",
    "scope.character": "has a character that scopes do not have",
    "scope.unknown": "has the scope {scope}, which is not offered here",
    "scope.optional": "must be among the scopes, without openid",
    "scope.purpose": "must give purpose and legal_basis for the scope {scope}",
    "scope.purposes": "must be a JSON object of scopes, each with purpose and legal_basis",
    "scope.purposeless": "names the scope {scope}, which is not among the scopes",
    "grant": "has {grant}, which is not offered here; it may have: {allowed}",
    "grant.authenticated": "has {grant}, which needs a client that authenticates",
    "response": "may only be: code",
    "details": "has a type that is not offered here",
    "method.profile": "must be one of {allowed}: the profile allows no other",
    "alg.profile": "must not be {alg}: the profile does not allow it",
    "secretless": "is one without a secret",
    "usercode": "must be false: user codes are not supported",
    # keys and certificates
    "statement": "must be a signed JWT",
    "jwks": "must be a JSON object with 1 to {maximum} keys",
    "jwks.kind": "must be EC, RSA or OKP",
    "jwks.private": "holds a private or secret key",
    "jwks.part": "lacks {part}, or it is not base64url",
    "jwks.word": "has a member that must be a short text",
    "jwks.texts": "has a member that must be a list of texts",
    "subject": "is no name of that kind (RFC 8705 section 2.1.2)",
    "subject.one": "is needed: tls_client_auth takes exactly one tls_client_auth_ member",
    "subject.many": "and {other} exclude one another: exactly one tls_client_auth_ member is taken",
    # names
    "language": "has a language tag that is no language",
    "source": "must be a source of `siapkerja legacy import`",
    "unknown": "is no member that we know",
    "secret": "must not stand in a document",
    "twice": "stands there more than once",
    "client_id": "must be 1 to {maximum} printable ASCII characters",
    "client_secret": "must be a text of {minimum} to {maximum} characters",
    # what others publish
    "sector.hosts": "have several hosts: pairwise subjects need sector_identifier_uri",
    "sector.fetch": "can not be fetched",
    "sector.names": "does not name every redirect URI",
    "fetch": "can not be fetched: {reason}",
    "fetch.address": "can not be fetched: it has a private address, or a port that is not asked",
    "fetch.size": "is larger than {maximum} bytes",
    "fetch.keys": "is no set of public keys",
    "logo": "is no picture that can be shown: PNG, JPEG, WebP or GIF",
    "logo.size": "is larger than {maximum} bytes",
    "logo.name": "must be null, or one of the logos of the file",
}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a value can't be taken. `code`: of `REASONS`; `values`: what its words need."""

    code: str
    values: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def text(self) -> str:
        """What a developer is told: English, printable ASCII without quotes (RFC 6749 §5.2)."""
        return REASONS[self.code].format_map(dict(self.values))


def because(code: str, **values: object) -> Reason:
    """Return a reason with its values."""
    return Reason(code, MappingProxyType(values))


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong.

    `member`: its wire name, language tag included. `position`: of an entry in it, from 1; `unit`:
    what an entry is called.
    """

    member: str
    reason: Reason
    position: int | None = None
    unit: str = "entry"

    @property
    def text(self) -> str:
        """The whole sentence for a developer."""
        where = "" if self.position is None else f" {self.unit} {self.position}"
        return f"{self.member}{where} {self.reason.text}"


class Unfit(Exception):  # noqa: N818 - a verdict on one value
    """A value can't be taken. `reasons`: of its entries, where a list has several."""

    def __init__(self, *reasons: Reason | Fault) -> None:
        super().__init__(*reasons)
        self.reasons = reasons

    def at(self, member: str) -> tuple[Fault, ...]:
        """Return the faults as those of a member."""
        return tuple(
            Fault(member, found.reason, found.position, found.unit)
            if isinstance(found, Fault)
            else Fault(member, found)
            for found in self.reasons
        )


def unfit(code: str, **values: object) -> Unfit:
    """Return the verdict with one reason."""
    return Unfit(because(code, **values))


#: How much of what is wrong one sentence tells.
_TOLD_MAX: Final = 5


class InvalidMetadata(ProtocolError):  # noqa: N818 - a refusal, as its base is
    """A registration can't be taken (RFC 7591 §3.2.2). `faults`: everything that is wrong with it.

    The error is `invalid_redirect_uri` where nothing but redirect URIs is wrong.
    """

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(faults)
        told = [fault.text for fault in self.faults[:_TOLD_MAX]]
        left = len(self.faults) - len(told)
        super().__init__(
            "invalid_redirect_uri"
            if all(fault.member == "redirect_uris" for fault in self.faults)
            else "invalid_client_metadata",
            "; ".join([*told, f"and {left} more"] if left else told),
        )


def refuse_member(member: str, code: str, **values: Any) -> InvalidMetadata:
    """Return the refusal of one member."""
    return InvalidMetadata((Fault(member, because(code, **values)),))
