"""What a registration may say (RFC 7591 §2, OpenID Connect Registration §2, and what extends them).

`MEMBERS` is the table: a member's name, what its value must be, its default, and who may set it.
Unknown members are dropped (RFC 7591 §2). Every refusal names the member.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from idp.domain.identity.assurance import ACR_VALUES, LEVELS
from idp.domain.identity.claims import SCOPES, SENSITIVE_SCOPES
from idp.domain.identity.legacy_record import is_source
from idp.domain.protocol import algorithms
from idp.domain.protocol.authorization_details import TYPES
from idp.domain.protocol.certificate import SUBJECTS, read_subject
from idp.domain.protocol.ciba import DELIVERY_MODES
from idp.domain.protocol.ciba import GRANT_TYPE as CIBA
from idp.domain.protocol.client import Environment, Profile
from idp.domain.protocol.device import GRANT_TYPE as DEVICE_CODE
from idp.domain.protocol.errors import ProtocolError
from idp.domain.protocol.metadata_faults import (
    Fault,
    InvalidMetadata,
    Reason,
    Unfit,
    because,
    refuse_member,
    unfit,
)
from idp.domain.protocol.profile import RULES
from idp.domain.protocol.redirect_uri import (
    URI_MAX,
    check_redirect_uris,
    split_uri,
    why_not_redirect_uri,
    why_not_uri,
    why_not_web_address,
)
from idp.domain.protocol.scope import parse_scope

#: Scopes of a client that names none: everything but what needs a decision of its own.
DEFAULT_SCOPE: Final = " ".join(scope for scope in SCOPES if scope not in SENSITIVE_SCOPES)

PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
KEYS_MAX: Final = 20
TEXT_MAX: Final = 1000
OWNER_MAX: Final = 80
LIST_MAX: Final = 50
URIS_MAX: Final = 20
STATEMENT_MAX: Final = 16384
#: No token of a client lives shorter than this; the provider's own setting is the longest.
LIFE_MIN_SECONDS: Final = 30
#: Members that shorten what lives for a client, in seconds.
LIFETIMES: Final = (
    "access_token_seconds",
    "id_token_seconds",
    "refresh_idle_seconds",
    "refresh_absolute_seconds",
)


@dataclass(frozen=True, slots=True)
class MetadataPolicy:
    """What a registration may ask for, by who asks and where.

    `grant_types`, `auth_methods`, `scopes`: what this provider offers. `allow_loopback_http`: this
    machine's own addresses need no TLS. `takes_certificates`: client certificates reach us.
    `is_operator`: members that only an operator may set are taken. `is_form`: an officer's form,
    which is told more: markup in names, scopes that nobody here knows, sensitive scopes without
    purpose. `lifetimes`: the longest life by member, in seconds.
    """

    grant_types: frozenset[str]
    auth_methods: frozenset[str]
    scopes: frozenset[str]
    is_operator: bool
    allow_loopback_http: bool
    takes_certificates: bool = True
    is_form: bool = False
    lifetimes: Mapping[str, int] = field(default_factory=dict)


Check = Callable[[Any, MetadataPolicy], Any]


@dataclass(frozen=True, slots=True)
class Member:
    """One member. `check` returns the value as it is kept, or raises `Unfit`.

    `by_language`: may come with a `#id` or `#en` suffix (RFC 7591 §2.2).
    """

    name: str
    check: Check
    operator_only: bool = False
    by_language: bool = False


#: Characters that turn or hide what stands beside them: a page would read `gro.live` as `evil.org`.
_TURNING: Final = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def _text(value: Any, policy: MetadataPolicy) -> str:
    del policy
    if not isinstance(value, str) or not value.strip() or len(value) > TEXT_MAX:
        raise unfit("text", maximum=TEXT_MAX)
    if any(ord(c) < 32 or 127 <= ord(c) < 160 or c in _TURNING for c in value):
        raise unfit("control")
    return value


def _owner(value: Any, policy: MetadataPolicy) -> str:
    text = _text(value, policy)
    if len(text) > OWNER_MAX:
        raise unfit("text", maximum=OWNER_MAX)
    return text


def _words(value: Any, policy: MetadataPolicy) -> str:
    """Check words that people read."""
    text = _text(value, policy)
    if policy.is_form and not {"<", ">"}.isdisjoint(text):
        raise unfit("markup")
    return text


def _boolean(value: Any, policy: MetadataPolicy) -> bool:
    del policy
    if not isinstance(value, bool):
        raise unfit("boolean")
    return value


def _certificate_bound(value: Any, policy: MetadataPolicy) -> bool:
    """Refuse tokens that no call could ever prove the certificate of (RFC 8705 §3.4)."""
    if _boolean(value, policy) and not policy.takes_certificates:
        raise unfit("choice", allowed="false")
    return bool(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _seconds(value: Any, policy: MetadataPolicy) -> int:
    del policy
    if not _is_number(value) or not 0 <= value < 2**31:
        raise unfit("seconds")
    return int(value)


def _lifetime(name: str) -> Check:
    def check(value: Any, policy: MetadataPolicy) -> int:
        longest = policy.lifetimes.get(name, 2**31 - 1)
        if not _is_number(value) or not LIFE_MIN_SECONDS <= value <= longest:
            raise unfit("lifetime", minimum=LIFE_MIN_SECONDS, maximum=longest)
        return int(value)

    return check


def _one_of(*allowed: str) -> Check:
    def check(value: Any, policy: MetadataPolicy) -> str:
        del policy
        if value not in allowed or not isinstance(value, str):
            raise unfit("choice", allowed=", ".join(allowed))
        return value

    return check


def _each(items: Iterable[Any], check: Check, policy: MetadataPolicy) -> list[Any]:
    """Check every entry of a list; all faults are told, each with its position."""
    kept, faults = [], []
    for position, item in enumerate(items, start=1):
        try:
            kept.append(check(item, policy))
        except Unfit as verdict:
            faults += [Fault("", fault.reason, position) for fault in verdict.at("")]
    if faults:
        raise Unfit(*faults)
    return list(dict.fromkeys(kept))


def _texts(value: Any, policy: MetadataPolicy) -> list[str]:
    if not isinstance(value, list) or len(value) > LIST_MAX:
        raise unfit("texts", maximum=LIST_MAX)
    return _each(value, _text, policy)


def _uri(value: Any, policy: MetadataPolicy) -> str:
    if not isinstance(value, str):
        raise unfit("uri")
    why = why_not_web_uri(value, allow_loopback_http=policy.allow_loopback_http)
    if why is not None:
        raise Unfit(why)
    return value


def _few_uris(value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) > URIS_MAX:
        raise unfit("uri.list", maximum=URIS_MAX)
    return value


def _post_logout_uris(value: Any, policy: MetadataPolicy) -> list[str]:
    """Check the list; what an address may be depends on the kind of application."""
    del policy
    if not all(isinstance(uri, str) for uri in _few_uris(value)):
        raise unfit("uri.texts")
    return list(dict.fromkeys(value))


def _statement(value: Any, policy: MetadataPolicy) -> str:
    """Keep a software statement as it came; who vouches for it was checked before (RFC 7591)."""
    del policy
    if not isinstance(value, str) or len(value) > STATEMENT_MAX:
        raise unfit("statement")
    return value


def _scope(value: Any, policy: MetadataPolicy) -> str:
    if not isinstance(value, str) or len(value) > TEXT_MAX:
        raise unfit("scope.text")
    try:
        wanted = parse_scope(value)
    except ProtocolError as error:
        raise unfit("scope.character") from error
    # an operator may name scopes of a resource of the client's own; others get what we know
    return " ".join(w for w in wanted if policy.is_operator or w in policy.scopes)


def _purposes(value: Any, policy: MetadataPolicy) -> dict[str, dict[str, str]]:
    """Check why each scope is asked for, and by what law; `purpose` may come by language."""
    if not isinstance(value, dict) or len(value) > LIST_MAX:
        raise unfit("scope.purposes")
    kept: dict[str, dict[str, str]] = {}
    for scope, told in value.items():
        if not isinstance(scope, str) or not isinstance(told, dict):
            raise unfit("scope.purposes")
        words = {key: text for key, text in told.items() if _PURPOSE.fullmatch(str(key))}
        kept[scope] = {key: _words(text, policy) for key, text in words.items() if text}
    return {scope: told for scope, told in kept.items() if told}


_PURPOSE: Final = re.compile(r"purpose(?:#[A-Za-z]{2,3})?|legal_basis")


def _grant_types(value: Any, policy: MetadataPolicy) -> list[str]:
    found = _texts(value, policy)
    allowed = ", ".join(sorted(policy.grant_types))
    for grant in found:
        if grant in policy.grant_types:
            continue
        # what may not stand in an error is not told back (RFC 6749 §5.2)
        if not _TOLD_GRANT.fullmatch(grant):
            raise unfit("choice", allowed=allowed)
        raise unfit("grant", grant=grant, allowed=allowed)
    return found


_TOLD_GRANT: Final = re.compile(r"[A-Za-z0-9_:.\-]{1,80}")


def _response_types(value: Any, policy: MetadataPolicy) -> list[str]:
    found = _texts(value, policy)
    if any(item != "code" for item in found):
        raise unfit("response")
    return found


def _auth_method(value: Any, policy: MetadataPolicy) -> str:
    if not isinstance(value, str) or value not in policy.auth_methods:
        raise unfit("choice", allowed=", ".join(sorted(policy.auth_methods)))
    return value


def _jwks(value: Any, policy: MetadataPolicy) -> dict[str, Any]:
    """Check public keys (RFC 7517 §4); what no key of ours needs is dropped."""
    keys = value.get("keys") if isinstance(value, dict) else None
    if not isinstance(keys, list) or not 0 < len(keys) <= KEYS_MAX:
        raise unfit("jwks", maximum=KEYS_MAX)
    kept, faults = [], []
    for position, key in enumerate(keys, start=1):
        try:
            kept.append(_key(key, policy))
        except Unfit as verdict:
            faults += [Fault("", f.reason, position, "key") for f in verdict.at("")]
    if faults:
        raise Unfit(*faults)
    return {"keys": kept}


def _key(key: Any, policy: MetadataPolicy) -> dict[str, Any]:
    del policy
    needed = _KEY_PARTS.get(str(key.get("kty"))) if isinstance(key, dict) else None
    if needed is None:
        raise unfit("jwks.kind")
    if PRIVATE_MEMBERS & set(key):
        raise unfit("jwks.private")
    for part in needed:
        if not isinstance(key.get(part), str) or not _KEY_PART.fullmatch(key[part]):
            raise unfit("jwks.part", part=part)
    return _described(key, needed)


def _described(key: Mapping[str, Any], needed: Iterable[str]) -> dict[str, Any]:
    """Return a key with what describes it, each of its type."""
    found = {name: key[name] for name in ("kty", *needed)}
    for name in ("use", "alg", "kid", "x5t", "x5t#S256"):
        if name in key:
            if not isinstance(key[name], str) or not _KEY_WORD.fullmatch(key[name]):
                raise unfit("jwks.word")
            found[name] = key[name]
    for name in ("key_ops", "x5c"):
        if name in key:
            texts = key[name]
            if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
                raise unfit("jwks.texts")
            found[name] = texts
    return found


#: What makes a public key of each kind (RFC 7518 §6, RFC 8037 §2).
_KEY_PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "EC": ("crv", "x", "y"),
    "RSA": ("n", "e"),
    "OKP": ("crv", "x"),
}
_KEY_PART: Final = re.compile(r"[A-Za-z0-9_-]{1,1500}")
_KEY_WORD: Final = re.compile(r"[ -~]{1,512}")


def _subject(name: str) -> Check:
    """Check the name of a certificate's subject (RFC 8705 §2.1.2)."""

    def check(value: Any, policy: MetadataPolicy) -> str:
        text = _text(value, policy)
        if read_subject(name, text) is None:
            raise unfit("subject")
        return text

    return check


def _acr_floor(value: Any, policy: MetadataPolicy) -> str:
    del policy
    if _is_number(value) and value in LEVELS:
        return f"urn:kemnaker:aal:{value}"
    if value not in ACR_VALUES:
        raise unfit("choice", allowed=", ".join(ACR_VALUES))
    return str(value)


def _ial_floor(value: Any, policy: MetadataPolicy) -> int:
    del policy
    if isinstance(value, bool) or value not in (0, 1, 2):
        raise unfit("level")
    return int(value)


def _source(value: Any, policy: MetadataPolicy) -> str:
    """Check the name of the portal whose old accounts were imported."""
    del policy
    if not isinstance(value, str) or not is_source(value):
        raise unfit("source")
    return value


def _resources(value: Any, policy: MetadataPolicy) -> list[str]:
    return _each(_texts(value, policy), _resource, policy)


def _resource(value: Any, policy: MetadataPolicy) -> str:
    """Check an audience: an absolute URI without fragment (RFC 8707 §2)."""
    text = _text(value, policy)
    parts = split_uri(text)
    if parts is None or "#" in text or not (parts.netloc or parts.path):
        raise unfit("resource")
    return text


def _request_uris(value: Any, policy: MetadataPolicy) -> list[str]:
    """Check addresses of request objects; they may carry a hash as fragment (OIDC Core §6.2)."""
    return _each(_few_uris(value), _request_uri, policy)


def _request_uri(value: Any, policy: MetadataPolicy) -> str:
    address, _, fragment = value.partition("#") if isinstance(value, str) else ("", "", "")
    _uri(address, policy)
    if not _FRAGMENT.fullmatch(fragment):
        raise unfit("uri.fragment_form")
    return str(value)


_FRAGMENT: Final = re.compile(r"[A-Za-z0-9\-._~:/?@!$&'()*+,;=%]{0,256}")


def _details_types(value: Any, policy: MetadataPolicy) -> list[str]:
    found = _texts(value, policy)
    if set(found) - set(TYPES):
        raise unfit("details")
    return found


_SIGNED_BY_US: Final = _one_of(*algorithms.SIGNING_NAMES)
_SIGNED_BY_CLIENT: Final = _one_of(*algorithms.VERIFYING)
_TO_CLIENT: Final = _one_of(*algorithms.KEY_MANAGEMENT)
_TO_US: Final = _one_of(*algorithms.ENCRYPTION_NAMES)
_CONTENT: Final = _one_of(*algorithms.CONTENT_ENCRYPTION)

MEMBERS: Final[tuple[Member, ...]] = (
    # RFC 7591 §2, OpenID Connect Registration §2
    Member("client_name", _words, by_language=True),
    Member("help_text", _words, operator_only=True, by_language=True),
    Member("client_uri", _uri, by_language=True),
    Member("logo_uri", _uri, by_language=True),
    Member("policy_uri", _uri, by_language=True),
    Member("tos_uri", _uri, by_language=True),
    Member("contacts", _texts),
    Member("software_id", _text),
    Member("software_version", _text),
    Member("software_statement", _statement),
    Member("application_type", _one_of("web", "native")),
    Member("response_types", _response_types),
    Member("grant_types", _grant_types),
    Member("scope", _scope),
    Member("token_endpoint_auth_method", _auth_method),
    Member("token_endpoint_auth_signing_alg", _SIGNED_BY_CLIENT),
    Member("jwks", _jwks),
    Member("jwks_uri", _uri),
    Member("sector_identifier_uri", _uri),
    Member("subject_type", _one_of("pairwise", "public")),
    Member("id_token_signed_response_alg", _SIGNED_BY_US),
    Member("id_token_encrypted_response_alg", _TO_CLIENT),
    Member("id_token_encrypted_response_enc", _CONTENT),
    Member("userinfo_signed_response_alg", _SIGNED_BY_US),
    Member("userinfo_encrypted_response_alg", _TO_CLIENT),
    Member("userinfo_encrypted_response_enc", _CONTENT),
    Member("request_object_signing_alg", _SIGNED_BY_CLIENT),
    Member("request_object_encryption_alg", _TO_US),
    Member("request_object_encryption_enc", _CONTENT),
    Member("request_uris", _request_uris),
    Member("default_max_age", _seconds),
    Member("require_auth_time", _boolean),
    Member("default_acr_values", _texts),
    Member("initiate_login_uri", _uri),
    # RP-Initiated Logout §3.1, Back-Channel Logout §2.2
    Member("post_logout_redirect_uris", _post_logout_uris),
    Member("backchannel_logout_uri", _uri),
    Member("backchannel_logout_session_required", _boolean),
    # RFC 9126 §6, RFC 9101 §10.5, RFC 9396 §10, RFC 9449 §5.2
    Member("require_pushed_authorization_requests", _boolean),
    Member("require_signed_request_object", _boolean),
    Member("authorization_details_types", _details_types),
    Member("dpop_bound_access_tokens", _boolean),
    # RFC 8705 §2.1.2, §3.4
    Member("tls_client_certificate_bound_access_tokens", _certificate_bound),
    *(Member(name, _subject(name)) for name in SUBJECTS),
    # JARM §3, RFC 9701 §6
    Member("authorization_signed_response_alg", _SIGNED_BY_US),
    Member("authorization_encrypted_response_alg", _TO_CLIENT),
    Member("authorization_encrypted_response_enc", _CONTENT),
    Member("introspection_signed_response_alg", _SIGNED_BY_US),
    Member("introspection_encrypted_response_alg", _TO_CLIENT),
    Member("introspection_encrypted_response_enc", _CONTENT),
    # CIBA Core §4
    Member("backchannel_token_delivery_mode", _one_of(*DELIVERY_MODES)),
    Member("backchannel_client_notification_endpoint", _uri),
    Member("backchannel_authentication_request_signing_alg", _SIGNED_BY_CLIENT),
    Member("backchannel_user_code_parameter", _boolean),
    # ours, by the operator alone
    Member("owner", _owner, operator_only=True),
    Member("environment", _one_of(*Environment), operator_only=True),
    Member("test_redirect_uri", _uri, operator_only=True),
    Member("profile", _one_of("baseline", "fapi2"), operator_only=True),
    Member("first_party", _boolean, operator_only=True),
    Member("acr_floor", _acr_floor, operator_only=True),
    Member("ial_floor", _ial_floor, operator_only=True),
    Member("optional_scopes", _texts, operator_only=True),
    Member("scope_purposes", _purposes, operator_only=True),
    *(Member(name, _lifetime(name), operator_only=True) for name in LIFETIMES),
    Member("legacy_source", _source, operator_only=True),
    Member("resources", _resources, operator_only=True),
    Member("default_resource", _resource, operator_only=True),
    Member("serves", _resources, operator_only=True),
    Member("exchange_audiences", _resources, operator_only=True),
    Member("access_token_format", _one_of("jwt", "opaque"), operator_only=True),
    Member("assertion_audience", _one_of("any", "issuer"), operator_only=True),
)

_BY_NAME: Final[Mapping[str, Member]] = {member.name: member for member in MEMBERS}
#: What the operator decided about a client, whoever changes the rest.
OPERATOR_MEMBERS: Final = frozenset(member.name for member in MEMBERS if member.operator_only)
_TAG: Final = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
_KEY: Final = re.compile(rf"\w+(?:#{_TAG.pattern})?")

#: What stands where a registration is silent (OpenID Connect Registration §2, and ours).
DEFAULTS: Final[Mapping[str, Any]] = {
    "application_type": "web",
    "response_types": ["code"],
    "grant_types": ["authorization_code"],
    "token_endpoint_auth_method": "client_secret_basic",
    "id_token_signed_response_alg": algorithms.ID_TOKEN_DEFAULT,
    "subject_type": "pairwise",
    "scope": DEFAULT_SCOPE,
    "profile": "baseline",
}

#: Grant types that send a person through the authorization endpoint.
REDIRECTING: Final = frozenset({"authorization_code"})
#: Grant types after which `offline_access` gives a refresh token.
OFFLINE: Final = REDIRECTING | {DEVICE_CODE, CIBA}


def parse_client_metadata(
    given: object, policy: MetadataPolicy, decided: Mapping[str, Any] = MappingProxyType({})
) -> dict[str, Any]:
    """Return a registration as it is kept: known members checked, defaults filled in.

    `decided`: what an operator once decided about this client and its own update leaves alone.
    Refuses with `InvalidMetadata`, which names everything that is wrong.
    """
    if not isinstance(given, dict):
        raise refuse_member("client metadata", "object")
    metadata = {**DEFAULTS, **decided}
    if policy.is_operator and given.get("profile") == "fapi2":
        metadata["id_token_signed_response_alg"] = RULES[Profile.FAPI2].own_algorithm
        metadata["token_endpoint_auth_method"] = "private_key_jwt"
    faults: list[Fault] = list(_twofold_keys(given))
    for key, value in _known(given, policy):
        try:
            metadata[key] = _checked(key, value, policy)
        except Unfit as verdict:
            # a tag that is no language is not told back
            faults += verdict.at(key if _KEY.fullmatch(key) else key.partition("#")[0])
    metadata["redirect_uris"] = []
    try:
        metadata["redirect_uris"] = check_redirect_uris(
            given.get("redirect_uris") or [],
            native=metadata["application_type"] == "native",
            allow_loopback_http=policy.allow_loopback_http,
        )
    except Unfit as verdict:
        faults += verdict.at("redirect_uris")
    # what is wrong by itself is not also wrong beside others
    wrong = {fault.member for fault in faults}
    if "jwks" in wrong:
        # keys are there, only bad ones
        wrong.add("jwks_uri")
    faults += [f for f in _contradictions(metadata, policy) if f.member not in wrong]
    if faults:
        raise InvalidMetadata(faults)
    _complete(metadata)
    return metadata


def _known(given: Mapping[Any, Any], policy: MetadataPolicy) -> Iterator[tuple[str, Any]]:
    """Return the members that we know and that may be set here; the rest is dropped."""
    for key, value in given.items():
        name, _, tag = str(key).partition("#")
        member = _BY_NAME.get(name)
        if member is None or value is None or (tag and not member.by_language):
            continue
        if policy.is_operator or not member.operator_only:
            yield str(key), value


def _checked(key: str, value: Any, policy: MetadataPolicy) -> Any:
    name, hash_sign, tag = key.partition("#")
    if hash_sign and not _TAG.fullmatch(tag):
        raise unfit("language")
    return _BY_NAME[name].check(value, policy)


def _complete(metadata: dict[str, Any]) -> None:
    """Fill in what members say about one another."""
    grants = set(metadata["grant_types"])
    if "authorization_code" not in grants and "code" in metadata["response_types"]:
        metadata["response_types"] = []
    if "offline_access" in metadata["scope"].split() and OFFLINE & grants:
        metadata["grant_types"] = list(dict.fromkeys([*metadata["grant_types"], "refresh_token"]))
    for name in [name for name in metadata if name.endswith("_encrypted_response_alg")]:
        # what a registration leaves to us is told back (Registration §2, §3.2)
        content = f"{name.removesuffix('alg')}enc"
        metadata.setdefault(content, algorithms.CONTENT_ENCRYPTION_DEFAULT)
    default = metadata.get("default_resource")
    if default is not None:
        metadata["resources"] = list(dict.fromkeys([default, *metadata.get("resources", ())]))


def _contradictions(metadata: Mapping[str, Any], policy: MetadataPolicy) -> Iterator[Fault]:
    """Find members that contradict one another; the fault stands where it is mended."""
    if REDIRECTING & set(metadata["grant_types"]) and not metadata["redirect_uris"]:
        yield Fault("redirect_uris", because("needed", by="authorization_code"))
    yield from _return_addresses(metadata, policy)
    yield from _authentication(metadata)
    yield from _encryption(metadata)
    yield from _backchannel(metadata)
    yield from _sector(metadata)
    yield from _profile(metadata)
    yield from _scopes(metadata, policy)


def _scopes(metadata: Mapping[str, Any], policy: MetadataPolicy) -> Iterator[Fault]:
    """Find scopes that miss what they need."""
    scopes = metadata["scope"].split()
    if not set(metadata.get("optional_scopes", ())) <= set(scopes) - {"openid"}:
        yield Fault("optional_scopes", because("scope.optional"))
    if "legacy" in scopes and "legacy_source" not in metadata:
        yield Fault("legacy_source", because("needed", by="the scope legacy"))
    purposes = metadata.get("scope_purposes", {})
    for scope in purposes:
        if scope not in scopes:
            yield Fault("scope_purposes", because("scope.purposeless", scope=scope))
    if not policy.is_form:
        return
    # what is tried out releases nothing of a citizen yet
    is_tried = metadata.get("environment") == Environment.SANDBOX
    needed = frozenset() if is_tried else SENSITIVE_SCOPES
    has_own = any(metadata.get(name) for name in ("resources", "serves", "default_resource"))
    for scope in scopes:
        if scope not in policy.scopes and not has_own:
            yield Fault("scope", because("scope.unknown", scope=scope))
        elif scope in needed and not {"purpose", "legal_basis"} <= set(purposes.get(scope, ())):
            yield Fault("scope_purposes", because("scope.purpose", scope=scope))


def _return_addresses(metadata: Mapping[str, Any], policy: MetadataPolicy) -> Iterator[Fault]:
    """Find addresses after a logout that could not be redirect URIs either."""
    for position, uri in enumerate(metadata.get("post_logout_redirect_uris", ()), start=1):
        why = why_not_redirect_uri(
            uri,
            native=metadata["application_type"] == "native",
            allow_loopback_http=policy.allow_loopback_http,
        )
        if why is not None:
            yield Fault("post_logout_redirect_uris", why, position)


def _authentication(metadata: Mapping[str, Any]) -> Iterator[Fault]:
    """Find a method without what it proves itself with (RFC 7591 §2, RFC 8705 §2)."""
    method = metadata["token_endpoint_auth_method"]
    if method in {"private_key_jwt", "self_signed_tls_client_auth"} and not _has_keys(metadata):
        yield Fault("jwks_uri", because("keys", by=method))
    subjects = [name for name in SUBJECTS if name in metadata]
    if method == "tls_client_auth" and not subjects:
        yield Fault(next(iter(SUBJECTS)), because("subject.one"))
    if method == "tls_client_auth" and len(subjects) > 1:
        yield Fault(subjects[0], because("subject.many", other=subjects[1]))
    if method == "none" and "client_credentials" in metadata["grant_types"]:
        yield Fault("grant_types", because("grant.authenticated", grant="client_credentials"))


def _twofold_keys(given: Mapping[Any, Any]) -> Iterator[Fault]:
    """Find keys by value and by address (RFC 7591 §2), whether or not either is good."""
    if given.get("jwks") is not None and given.get("jwks_uri") is not None:
        yield Fault("jwks", because("excluded", other="jwks_uri"))


def _has_keys(metadata: Mapping[str, Any]) -> bool:
    return bool({"jwks", "jwks_uri"} & set(metadata))


def _encryption(metadata: Mapping[str, Any]) -> Iterator[Fault]:
    """Find a content algorithm without a key algorithm, and either without keys."""
    for name in metadata:
        if name.endswith("_encrypted_response_enc") or name == "request_object_encryption_enc":
            wanted = name.removesuffix("enc") + "alg"
            if wanted not in metadata:
                yield Fault(wanted, because("needed", by=name))
        elif name.endswith("_encrypted_response_alg") and not _has_keys(metadata):
            yield Fault("jwks_uri", because("keys", by=name))


def _backchannel(metadata: Mapping[str, Any]) -> Iterator[Fault]:
    """Find CIBA without a way of delivery (CIBA Core §4)."""
    if CIBA not in metadata["grant_types"]:
        return
    mode = metadata.get("backchannel_token_delivery_mode")
    if mode is None:
        yield Fault("backchannel_token_delivery_mode", because("missing"))
    if mode == "ping" and "backchannel_client_notification_endpoint" not in metadata:
        yield Fault("backchannel_client_notification_endpoint", because("needed", by="ping"))
    if metadata["token_endpoint_auth_method"] == "none":
        yield Fault("grant_types", because("grant.authenticated", grant="CIBA"))
    if metadata.get("backchannel_user_code_parameter"):
        yield Fault("backchannel_user_code_parameter", because("usercode"))


def _sector(metadata: Mapping[str, Any]) -> Iterator[Fault]:
    """Find pairwise subjects over several hosts without a sector (Registration §5)."""
    if metadata["subject_type"] != "pairwise" or "sector_identifier_uri" in metadata:
        return
    hosts = {urlsplit(uri).hostname or uri for uri in metadata["redirect_uris"]}
    if len(hosts) > 1:
        yield Fault("redirect_uris", because("sector.hosts"))


def _profile(metadata: Mapping[str, Any]) -> Iterator[Fault]:
    """Find what the client's profile does not have."""
    rules = RULES[Profile(metadata["profile"])]
    methods = rules.auth_methods
    if methods is not None and metadata["token_endpoint_auth_method"] not in methods:
        allowed = ", ".join(sorted(methods))
        yield Fault("token_endpoint_auth_method", because("method.profile", allowed=allowed))
    for name, value in metadata.items():
        if (
            name.endswith("_alg")
            and value in algorithms.VERIFYING
            and value not in rules.algorithms
        ):
            yield Fault(name, because("alg.profile", alg=value))


def why_not_web_uri(uri: str, *, allow_loopback_http: bool) -> Reason | None:
    """Return why a URI of a client can't be kept, `None` if it can: https, a host, no fragment."""
    if "#" in uri or len(uri) > URI_MAX:
        return because("uri.absolute")
    why = why_not_uri(uri)
    if why is not None:
        return because("uri.absolute") if why.code == "uri.form" else why
    parts = urlsplit(uri)
    if parts.scheme not in {"https", "http"}:
        return because("uri.https")
    return why_not_web_address(parts, allow_http=allow_loopback_http)
