"""Every setting: name, type, default, meaning. The only reader of the environment.

Variables are `SIAPKERJA_<AREA>_<FIELD>`, each also as `..._FILE` holding the path of a file with
the value. Nothing else reads the environment; values travel as the frozen `Settings`.
"""

import os
import re
import secrets
import socket
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Network,
    collapse_addresses,
    ip_address,
    ip_network,
)
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal, Self, TypeVar
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

PREFIX: Final = "SIAPKERJA_"
FILE_SUFFIX: Final = "_FILE"

#: The least length of a secret that we choose ourselves.
SECRET_MIN_BYTES: Final = 32

#: Where a root is kept that was made because none was set.
DEVELOPMENT_ROOT: Final = Path("var/secret_key")

#: Less would tell by its time whether there is an account.
LEAST_FAILURE_FLOOR_MS: Final = 400

#: What Dukcapil is asked by (`dukcapil.md` section 2): less proves nobody, and more nobody types.
_ELEMENTS_LEAST: Final = frozenset({"NIK", "NAMA_LGKP"})
_ELEMENTS_KNOWN: Final = _ELEMENTS_LEAST | {"NAMA_LGKP_IBU"}

SANDBOX_URL: Final = "http://localhost:8003"
SANDBOX_MAIL: Final = "smtp://localhost:8004"


class SettingsError(Exception):
    """The environment can't be used; `problems` lists every reason at once, one line each.

    `refusals`: those of them for which production alone refuses.
    """

    def __init__(self, problems: Iterable[str], refusals: Iterable[str] = ()) -> None:
        self.refusals = tuple(refusals)
        self.problems = (*problems, *self.refusals)
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True)
class ToldSetting:
    """One setting as people may read it. `value`: `None` for a secret that is set.

    `is_given`: by the environment, else it is the default.
    """

    name: str
    value: str | None
    meaning: str
    is_given: bool


def read_environment() -> dict[str, str]:
    """Return our variables, those given as files replaced by the files' contents.

    A file that can't be read counts as not given.
    """
    return _read_variables()[0]


def _read_variables() -> tuple[dict[str, str], list[str]]:
    """Return the same, and which variables name a file that there is no use in."""
    found: dict[str, str] = {}
    faults = []
    for name, value in _variables():
        if not _names_a_file(name):
            found[name] = value
            continue
        if _without_file(name) in os.environ:
            faults.append(f"{name}: set as a value and as a file; one of them has to go")
            continue
        try:
            found[_without_file(name)] = Path(value).read_text("utf-8").strip()
        except OSError as error:
            faults.append(f"{name}: can't be read ({error.strerror})")
        except ValueError:
            faults.append(f"{name}: can't be read (not a text in UTF-8)")
    return found, faults


def _variables() -> list[tuple[str, str]]:
    return [(name, value) for name, value in os.environ.items() if name.startswith(PREFIX)]


def _names_a_file(name: str) -> bool:
    # a name may end in _FILE by itself: SIAPKERJA_FETCH_CA_FILE
    return name.endswith(FILE_SUFFIX) and name not in known_names()


def _split(value: object) -> object:
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value


def _networks(value: object) -> object:
    words = _split(value)
    if not isinstance(words, tuple):
        return words
    try:
        return tuple(ip_network(str(word), strict=False) for word in words)
    except ValueError:
        # its own words repeat the value
        raise ValueError("must be addresses or networks") from None


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_networks)]


class _Environment(EnvSettingsSource):
    """The process environment, in which `X_FILE` stands for the content of a file."""

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {name.lower(): value for name, value in read_environment().items()}


class _Area(BaseSettings):
    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read what the caller gives and the environment, nothing else."""
        del env_settings, dotenv_settings, file_secret_settings
        return init_settings, _Environment(settings_cls)

    @classmethod
    def variables(cls) -> Iterator[tuple[str, str, str]]:
        """Return name, default and meaning of each variable of this area."""
        prefix = cls.model_config.get("env_prefix", "")
        for name, field in cls.model_fields.items():
            if field.description is not None:
                variable = field.alias or f"{prefix}{name}".upper()
                yield (
                    variable,
                    _written(field.get_default(call_default_factory=False)),
                    field.description,
                )


def _told_by(area: _Area) -> Iterator[ToldSetting]:
    """Tell an area's settings; what is not to be printed is not told either."""
    prefix = area.model_config.get("env_prefix", "")
    for name, field in type(area).model_fields.items():
        if field.description is None:
            continue
        value = _written(getattr(area, name))
        yield ToldSetting(
            field.alias or f"{prefix}{name}".upper(),
            value if field.repr or not value else None,
            field.description,
            name in area.model_fields_set,
        )


def _written(default: object) -> str:
    if isinstance(default, tuple):
        return ",".join(map(str, default))
    return "" if default is None else str(default)


AreaT = TypeVar("AreaT", bound=_Area)


class HttpSettings(_Area):
    """What stands between us and the browser."""

    model_config = SettingsConfigDict(env_prefix="SIAPKERJA_HTTP_")

    trusted_proxies: Networks = Field(
        (), description="addresses or networks whose forwarding headers count"
    )
    allowed_hosts: Words = Field((), description="hosts accepted beside the issuer's")
    client_cert_header: str = Field(
        "", description="header in which a trusted proxy passes the client certificate"
    )
    client_cert_verified_header: str = Field(
        "",
        description="header that says `SUCCESS` where that proxy checked the certificate's chain; "
        "`tls_client_auth` needs it in production",
    )
    mtls_url: str = Field("", description="base of `mtls_endpoint_aliases`")


class FetchSettings(_Area):
    """The guarded fetcher for addresses that clients registered."""

    model_config = SettingsConfigDict(env_prefix="SIAPKERJA_FETCH_")

    private_hosts: Words = Field(
        (),
        description="`host:port` list that may be reached, also by http, in spite of being private",
    )
    ca_file: Path | None = Field(None, description="extra roots")


class OauthSettings(_Area):
    """The protocol, as far as it leaves a choice. Durations in seconds."""

    model_config = SettingsConfigDict(env_prefix="SIAPKERJA_OAUTH_")

    pkce: Literal["all", "public"] = Field(
        "all",
        description="who must use PKCE: `all`; `public`: confidential baseline clients need not",
    )
    registration: Literal["closed", "token", "open"] = Field(
        "closed", description="dynamic registration"
    )
    request_uri: Literal["off", "on"] = Field("off", description="`request_uri` by reference")
    statement_issuers: Path | None = Field(
        None, description="JSON file: issuer of software statements to its JWK set"
    )
    require_par: bool = Field(False, description="pushed authorization requests from every client")
    code_seconds: int = Field(60, ge=10, le=60, description="life of an authorization code")
    access_token_seconds: int = Field(300, ge=30, le=600, description="life of an access token")
    id_token_seconds: int = Field(600, ge=60, le=3600, description="life of an ID token")
    refresh_idle_seconds: int = Field(
        14 * 86400, ge=3600, le=14 * 86400, description="life of an unused rotating refresh token"
    )
    refresh_absolute_seconds: int = Field(
        90 * 86400, ge=3600, le=90 * 86400, description="life of a refresh token family"
    )
    par_seconds: int = Field(
        90, ge=10, le=600, description="life of a pushed request before it is opened"
    )
    interaction_seconds: int = Field(
        900, ge=60, le=3600, description="how long a request waits for a person"
    )


class LimitSettings(_Area):
    """Rate limits."""

    model_config = SettingsConfigDict(env_prefix="SIAPKERJA_LIMITS_")

    factor: float = Field(1, gt=0, le=1_000_000, description="multiplies every rate limit")


class LoginSettings(_Area):
    """Signing in. Durations in seconds unless named."""

    model_config = SettingsConfigDict(env_prefix="SIAPKERJA_LOGIN_")

    unknown_device: Literal["code", "none"] = Field(
        "code",
        description="second step on an unknown browser for people without app or passkey",
    )
    failure_floor_ms: int = Field(
        400, ge=0, le=2000, description="a failed sign-in answers no earlier"
    )
    device_seconds: int = Field(
        30 * 86400, ge=3600, le=90 * 86400, description="how long a browser stays known"
    )
    session_idle_seconds: int = Field(
        1800, ge=60, le=3600, description="idle limit of a login session"
    )
    session_absolute_seconds: int = Field(
        43200, ge=300, le=86400, description="absolute limit of a login session"
    )


class PasswordSettings(_Area):
    """Argon2id and the lane it runs in."""

    model_config = SettingsConfigDict(env_prefix="SIAPKERJA_PASSWORD_")

    memory_kib: int = Field(19456, ge=64, le=1048576, description="memory of one hash")
    passes: int = Field(2, ge=1, le=10, description="passes over the memory")
    lanes: int = Field(1, ge=1, le=4, description="lanes of one hash")
    concurrency: int = Field(
        0, ge=0, le=64, description="hashes at once in a process; 0: cores × 2 over all workers"
    )
    wait_seconds: float = Field(2, gt=0, le=10, description="longest wait for the lane, then 503")


class DukcapilSettings(_Area):
    """The civil registry (`docs/operate.md`)."""

    model_config = SettingsConfigDict(env_prefix="SIAPKERJA_DUKCAPIL_")

    url: str = Field(SANDBOX_URL, description="base address")
    institution: str = Field("KEMNAKER", description="our name or number in the address")
    user_id: str = Field("sandbox", description="user", repr=False)
    password: str = Field("sandbox-password", description="password", repr=False)
    ip_user: str = Field("127.0.0.1", description="our registered outgoing address")
    ca_file: Path | None = Field(
        None, description="the server's certificate or its authority; nothing else is trusted"
    )
    threshold: int = Field(90, ge=80, le=100, description="least similarity of names")
    elements: Words = Field(
        ("NIK", "NAMA_LGKP", "NAMA_LGKP_IBU"), description="elements asked; all must match"
    )
    daily_quota: int = Field(50_000, ge=1, description="calls a day by contract; we stop at 80 %")
    key_case: Literal["upper", "lower"] = Field(
        "upper", description="spelling of the credentials' keys"
    )


class SmsGatewaySettings(BaseModel):
    """One SMS gateway: `SIAPKERJA_SMS_<NAME>_URL`, `_KEY`, `_SECRET`, `_SENDER`."""

    model_config = ConfigDict(frozen=True)

    url: str = ""
    key: str = Field("", repr=False)
    secret: str = Field("", repr=False)
    sender: str = ""


class SmsSettings(_Area):
    """Short messages."""

    model_config = SettingsConfigDict(env_prefix="SIAPKERJA_SMS_")

    gateways: Words = Field(
        ("zenziva", "infobip"),
        description="names in order of use: `zenziva`, `infobip`, `twilio`, `console`",
    )
    per_second: int = Field(20, ge=1, description="messages a second over all")
    per_day: int = Field(200_000, ge=1, description="messages a day over all")
    price: int = Field(0, ge=0, description="rupiah a message costs, for the overview's figures")

    FIELDS: ClassVar[tuple[str, ...]] = ("URL", "KEY", "SECRET", "SENDER")
    SANDBOX: ClassVar[Mapping[str, SmsGatewaySettings]] = {
        name: SmsGatewaySettings(
            url=f"{SANDBOX_URL}/sms/{name}",
            key="sandbox",
            secret="sandbox-secret",
            sender="KEMNAKER",
        )
        for name in ("zenziva", "infobip", "twilio")
    }

    @cached_property
    def accounts(self) -> Mapping[str, SmsGatewaySettings]:
        """Return the settings of each gateway in `gateways`."""
        environment = read_environment()
        found = {}
        for name in self.gateways:
            stem = _stem_of(name)
            given = {
                field.lower(): environment[stem + field]
                for field in self.FIELDS
                if stem + field in environment
            }
            base = (
                self.SANDBOX.get(name, SmsGatewaySettings())
                if "url" not in given
                else SmsGatewaySettings()
            )
            found[name] = base.model_copy(update=given)
        return found


class MailSettings(_Area):
    """E-mail."""

    model_config = SettingsConfigDict(env_prefix="SIAPKERJA_MAIL_")

    url: str = Field(
        SANDBOX_MAIL,
        description="`smtp://` or `smtps://`, with user and password where asked",
        repr=False,
    )
    sender: str = Field(
        "SIAPkerja ID <no-reply@siapkerja.example>",
        alias="SIAPKERJA_MAIL_FROM",
        description="the From line",
    )


class LegacySettings(_Area):
    """Accounts of older portals."""

    model_config = SettingsConfigDict(env_prefix="SIAPKERJA_LEGACY_")

    callbacks: Path | None = Field(
        None,
        description="JSON file of portals that are asked whether an old password is right: name to "
        "`url` and `key`",
    )


class UpstreamSettings(_Area):
    """Another OpenID provider, such as INApas: people sign in there, or prove who they are."""

    model_config = SettingsConfigDict(env_prefix="SIAPKERJA_UPSTREAM_")

    issuer: str = Field("", description="its issuer, exactly; empty: there is none")
    client_id: str = Field("", description="our name there")
    keys_file: Path | None = Field(
        None, description="our private JWK set: a key to sign with (ES512), one to decrypt with"
    )
    name: str = Field("INApas", description="its name, as people know it")
    scope: str = Field("openid nik", description="scopes to ask for")
    nik_claim: str = Field("nik", description="the claim that holds the NIK")
    signing_alg: Literal["ES256", "ES384", "ES512", "PS256", "EdDSA", "Ed25519"] = Field(
        "ES256", description="how its ID tokens are signed, as registered there"
    )
    encryption: Literal["required", "optional"] = Field(
        "required", description="whether its ID tokens must be encrypted"
    )


class ContactSettings(_Area):
    """Whom pages tell people to call."""

    model_config = SettingsConfigDict(env_prefix="SIAPKERJA_CONTACT_")

    halo_dukcapil: str = Field("1500537", description="call centre of Dukcapil")
    dukcapil_whatsapp: str = Field("0811-800-5373", description="WhatsApp of Dukcapil")
    kemnaker: str = Field("1500-630", description="call centre of Kemnaker")


class Settings(_Area):
    """Everything. Build it with `Settings.from_env()`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX)

    env: Literal["production", "sandbox", "test"] = Field(
        "sandbox", description="`production` refuses everything that is only for trying out"
    )
    issuer: str = Field(
        "http://localhost:8000", description="the issuer, exactly; every URL is built from it"
    )
    database_url: str = Field(
        "sqlite:///var/siapkerja.db", description="SQLAlchemy URL", repr=False
    )
    redis_url: str = Field("", description="rate limits, when set", repr=False)
    secret_key: Words = Field(
        (),
        description="one root or several, newest first; made once into `var/` outside production",
        repr=False,
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="least level that is logged"
    )
    operator_token: str = Field(
        "",
        description="bearer token for `/metrics` and for the details of `/readyz`; in production "
        "both stay shut without it",
        repr=False,
    )
    metrics_folder: Path | None = Field(
        None,
        description="where the workers of one server keep their figures, so that each tells the "
        "sum; both servers make one for themselves",
    )

    http: HttpSettings = Field(default_factory=HttpSettings)
    fetch: FetchSettings = Field(default_factory=FetchSettings)
    oauth: OauthSettings = Field(default_factory=OauthSettings)
    limits: LimitSettings = Field(default_factory=LimitSettings)
    login: LoginSettings = Field(default_factory=LoginSettings)
    password: PasswordSettings = Field(default_factory=PasswordSettings)
    dukcapil: DukcapilSettings = Field(default_factory=DukcapilSettings)
    sms: SmsSettings = Field(default_factory=SmsSettings)
    mail: MailSettings = Field(default_factory=MailSettings)
    contact: ContactSettings = Field(default_factory=ContactSettings)
    legacy: LegacySettings = Field(default_factory=LegacySettings)
    upstream: UpstreamSettings = Field(default_factory=UpstreamSettings)

    @classmethod
    def from_env(cls, *, workers: int | None = None) -> Self:
        """Read the environment; `SettingsError` lists everything that is wrong with it.

        `workers`: of a server that is to serve by it. The list then also tells why production would
        refuse the rest.
        """
        problems = [*_read_variables()[1], *_unknown_names()]
        areas: dict[str, Any] = {}
        for name, area in AREAS.items():
            areas[name], told = _read(area)
            problems += told
        settings, told = _read(cls, **areas)
        problems += told
        problems += settings.contradictions()
        if not problems:
            return settings
        if workers is None:
            raise SettingsError(problems)
        # of what stands in a file that can't be read only that is known
        named = {name for p in problems for name in (_name_in(p), _without_file(_name_in(p)))}
        refusals = settings.refusals(workers=workers)
        raise SettingsError(problems, [why for why in refusals if _name_in(why) not in named])

    @staticmethod
    def of_nobody() -> "Settings":
        """Return every default under a root that nothing is kept under; reads and makes nothing."""
        areas: dict[str, Any] = {name: area.model_construct() for name, area in AREAS.items()}
        return Settings.model_construct(
            **areas,
            secret_key=("a root that nothing is written under",),
            database_url="sqlite://",
        )

    def contradictions(self) -> Iterator[str]:
        """Tell what can't be in any environment."""
        issuer = _parts_of(self.issuer)
        if issuer.scheme not in {"http", "https"} or not issuer.hostname:
            yield "SIAPKERJA_ISSUER: must be an http or https URL"
        elif not _has_good_port(self.issuer):
            yield f"SIAPKERJA_ISSUER: {_BAD_PORT}"
        elif issuer.query or issuer.fragment or issuer.path:
            yield "SIAPKERJA_ISSUER: no path, query, fragment or trailing slash"
        elif self.issuer != _origin_of(issuer):
            yield (
                "SIAPKERJA_ISSUER: must be as browsers write it: small letters, no blank, no user, "
                "no port that is the scheme's own"
            )
        upstream = self.upstream
        if upstream.issuer and not (upstream.client_id and upstream.keys_file):
            yield "SIAPKERJA_UPSTREAM_ISSUER: needs _CLIENT_ID and _KEYS_FILE beside it"
        if self.oauth.registration == "open" and self.is_production:
            yield "SIAPKERJA_OAUTH_REGISTRATION: `open` is for sandbox and test only"
        if not _ELEMENTS_LEAST <= set(self.dukcapil.elements) <= _ELEMENTS_KNOWN:
            yield (
                "SIAPKERJA_DUKCAPIL_ELEMENTS: must hold NIK and NAMA_LGKP, "
                "and beside them NAMA_LGKP_IBU alone"
            )
        for name, url, schemes in self._addresses():
            fault = _fault_of_address(url, schemes)
            if fault is not None:
                yield f"{name}: {fault}"

    def _addresses(self) -> Iterator[tuple[str, str, tuple[str, ...]]]:
        """Tell name, address and possible beginnings of everything that we call, or are called."""
        web = ("http://", "https://")
        yield "SIAPKERJA_DATABASE_URL", self.database_url, ("sqlite:///", "postgresql://")
        yield "SIAPKERJA_MAIL_URL", self.mail.url, ("smtp://", "smtps://")
        yield "SIAPKERJA_DUKCAPIL_URL", self.dukcapil.url, web
        for name, account in self.sms.accounts.items():
            if account.url:
                yield f"{_stem_of(name)}URL", account.url, web
        if self.redis_url:
            yield "SIAPKERJA_REDIS_URL", self.redis_url, ("redis://", "rediss://", "unix://")
        if self.upstream.issuer:
            yield "SIAPKERJA_UPSTREAM_ISSUER", self.upstream.issuer, web
        if self.http.mtls_url:
            yield "SIAPKERJA_HTTP_MTLS_URL", self.http.mtls_url, web

    def refusals(self, *, workers: int = 1) -> list[str]:
        """Return why production must not start like this (`security.md` SC-1), all at once."""
        if not self.is_production:
            return []
        found = [*_weak_secrets(self.secret_key, self.operator_token)]
        found += _shared_secrets(self._secrets_of_ours(), self._secrets_given_to_us())
        if not self.is_secure:
            found.append("SIAPKERJA_ISSUER: must be https, or cookies could not be secure")
        if self.database_url.startswith("sqlite") and workers > 1:
            found.append("SIAPKERJA_DATABASE_URL: SQLite with more than one worker")
        if self.limits.factor != 1:
            found.append("SIAPKERJA_LIMITS_FACTOR: must be 1")
        if self.fetch.private_hosts:
            found.append("SIAPKERJA_FETCH_PRIVATE_HOSTS: must be empty")
        if self.log_level == "DEBUG":
            found.append("SIAPKERJA_LOG_LEVEL: must not be DEBUG")
        if self.http.client_cert_header and not self.http.trusted_proxies:
            found.append("SIAPKERJA_HTTP_TRUSTED_PROXIES: empty, while a proxy passes certificates")
        if _are_too_wide(self.http.trusted_proxies):
            found.append(
                "SIAPKERJA_HTTP_TRUSTED_PROXIES: wider than any private network, "
                "so that strangers could choose their own address"
            )
        if self.login.failure_floor_ms < LEAST_FAILURE_FLOOR_MS:
            found.append(f"SIAPKERJA_LOGIN_FAILURE_FLOOR_MS: at least {LEAST_FAILURE_FLOOR_MS}")
        if self.http.mtls_url and not self.http.mtls_url.startswith("https://"):
            found.append("SIAPKERJA_HTTP_MTLS_URL: must be https")
        if self.password.memory_kib < 19456 or self.password.passes < 2:
            found.append("SIAPKERJA_PASSWORD_MEMORY_KIB, _PASSES: at least 19456 and 2")
        if self.upstream.issuer and not self.upstream.issuer.startswith("https://"):
            found.append("SIAPKERJA_UPSTREAM_ISSUER: must be https")
        found += self._pretend_adapters()
        return found

    def _secrets_of_ours(self) -> Iterator[tuple[str, str]]:
        """Tell name and value of the secrets that we choose."""
        for root in self.secret_key:
            yield "SIAPKERJA_SECRET_KEY", root
        yield "SIAPKERJA_OPERATOR_TOKEN", self.operator_token

    def _secrets_given_to_us(self) -> Iterator[tuple[str, str]]:
        """Tell name and value of the secrets of whatever we call, where they are set."""
        yield "SIAPKERJA_DATABASE_URL", _password_in(self.database_url)
        yield "SIAPKERJA_REDIS_URL", _password_in(self.redis_url)
        yield "SIAPKERJA_DUKCAPIL_PASSWORD", self.dukcapil.password
        for name, account in self.sms.accounts.items():
            # the sandbox's are alike, and refused as such
            if account != SmsSettings.SANDBOX.get(name):
                yield f"{_stem_of(name)}KEY", account.key
                yield f"{_stem_of(name)}SECRET", account.secret
        yield "SIAPKERJA_MAIL_URL", _password_in(self.mail.url)

    def _pretend_adapters(self) -> Iterator[str]:
        registry = self.dukcapil
        if not registry.url.startswith("https://") or _is_local(registry.url):
            yield "SIAPKERJA_DUKCAPIL_URL: the sandbox, or not https"
        elif registry.ca_file is None:
            yield "SIAPKERJA_DUKCAPIL_CA_FILE: must pin the server's certificate"
        if not registry.institution:
            yield "SIAPKERJA_DUKCAPIL_INSTITUTION: must be set"
        for field in ("user_id", "password"):
            given, default = getattr(registry, field), DukcapilSettings.model_fields[field].default
            if not given or given == default:
                why = "the sandbox's" if given else "must be set"
                yield f"SIAPKERJA_DUKCAPIL_{field.upper()}: {why}"
        for name, account in self.sms.accounts.items():
            pretended = SmsSettings.SANDBOX.get(name)
            if name == "console" or not account.url.startswith("https://"):
                yield f"SIAPKERJA_SMS_GATEWAYS: {name} is not a real gateway by https"
                continue
            if _is_local(account.url):
                yield f"{_stem_of(name)}URL: the sandbox"
            if not account.secret or (pretended and account.secret == pretended.secret):
                yield f"{_stem_of(name)}SECRET: missing, or the sandbox's"
        if _is_local(self.mail.url):
            yield "SIAPKERJA_MAIL_URL: the sandbox"

    def told(self) -> Iterator[ToldSetting]:
        """Tell every setting with its source, secrets without their value."""
        yield from _told_by(self)
        for name in AREAS:
            yield from _told_by(getattr(self, name))

    @property
    def is_production(self) -> bool:
        """Whether real people and real data are behind this process."""
        return self.env == "production"

    @property
    def is_secure(self) -> bool:
        """Whether browsers reach us by https, which decides cookie names and HSTS."""
        return self.issuer.startswith("https://")

    @property
    def host(self) -> str:
        """The issuer's host, without port: the origin named in short messages."""
        return urlsplit(self.issuer).hostname or "localhost"

    def leave_environment(self) -> None:
        """Take our variables out of the process's environment: secrets are in here by now."""
        _ = self.roots, self.sms.accounts
        for name in [name for name in os.environ if name.startswith(PREFIX)]:
            del os.environ[name]

    @cached_property
    def roots(self) -> tuple[bytes, ...]:
        """Return the root secrets, newest first; outside production made once into `var/`."""
        return self.roots_so_far or (_development_root(),)

    @property
    def roots_so_far(self) -> tuple[bytes, ...]:
        """Return the root secrets as `roots` does, but make none: empty where there is none yet."""
        if self.secret_key:
            return tuple(key.encode() for key in self.secret_key)
        try:
            return (DEVELOPMENT_ROOT.read_bytes(),)
        except OSError:
            return ()


AREAS: Final[Mapping[str, type[_Area]]] = {
    "http": HttpSettings,
    "fetch": FetchSettings,
    "oauth": OauthSettings,
    "limits": LimitSettings,
    "login": LoginSettings,
    "password": PasswordSettings,
    "dukcapil": DukcapilSettings,
    "sms": SmsSettings,
    "mail": MailSettings,
    "contact": ContactSettings,
    "legacy": LegacySettings,
    "upstream": UpstreamSettings,
}


def known_variables() -> Iterator[tuple[str, str, str]]:
    """Return name, default and meaning of every variable, in the order of this page."""
    yield from Settings.variables()
    for area in AREAS.values():
        yield from area.variables()


_BAD_PORT: Final = "the port must be a number up to 65535"
#: Beginnings of addresses that name a file.
_FILES: Final = ("sqlite:", "unix:")
#: Beginnings of addresses whose host may be left out: it is this machine's then.
_LOCAL: Final = ("postgresql:", "redis:", "rediss:")


def _parts_of(url: str) -> SplitResult:
    """Return the parts of an address, all of them empty where it is none."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


_HOST_NAME: Final = re.compile(r"[a-z0-9._\-]+")
_OWN_PORTS: Final = {"http": 80, "https": 443}


def _origin_of(parts: SplitResult) -> str | None:
    """Return an address with a host as browsers name it in `Host` and `Origin`.

    `None` where its host is no name and no address: one with letters beyond ASCII goes by its
    Punycode.
    """
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    elif not _HOST_NAME.fullmatch(host):
        return None
    port = "" if parts.port in {None, _OWN_PORTS.get(parts.scheme)} else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def _has_good_port(url: str) -> bool:
    try:
        _ = urlsplit(url).port
    except ValueError:
        return False
    return True


def _fault_of_address(url: str, schemes: tuple[str, ...]) -> str | None:
    """Return what is wrong with an address, `None` where nothing is; nobody is asked."""
    if not url.startswith(schemes):
        return f"must begin with {' or '.join(schemes)}"
    if url.startswith(_FILES):
        return None
    if not _has_good_port(url):
        return _BAD_PORT
    return None if urlsplit(url).hostname or url.startswith(_LOCAL) else "names no host"


_names: frozenset[str] = frozenset()


def known_names() -> frozenset[str]:
    """Return the names of all variables but those of single SMS gateways."""
    global _names  # noqa: PLW0603 - computed once, after the classes exist
    if not _names:
        _names = frozenset(name for name, _, _ in known_variables())
    return _names


def _unknown_names() -> Iterator[str]:
    environment = read_environment()
    gateways = environment.get("SIAPKERJA_SMS_GATEWAYS", "zenziva,infobip,twilio")
    known = known_names() | {
        f"{_stem_of(gateway)}{field}"
        for gateway in (*str(gateways).replace(",", " ").split(), *SmsSettings.SANDBOX)
        for field in SmsSettings.FIELDS
    }
    for name in sorted(environment):
        if name not in known:
            near = get_close_matches(name, known, n=1, cutoff=0)
            yield f"{name}: no such setting; the nearest is {near[0]}"


def _told(area: type[_Area], error: ValidationError) -> Iterator[str]:
    """Name each bad variable without repeating its value, which may be secret."""
    prefix = str(area.model_config.get("env_prefix", ""))
    for problem in error.errors(include_input=False, include_url=False, include_context=False):
        field = str(problem["loc"][0]) if problem["loc"] else ""
        name = field if field.startswith(PREFIX) else f"{prefix}{field}".upper()
        yield f"{name}: {problem['msg']}"


def _read(area: type[AreaT], **given: Any) -> tuple[AreaT, list[str]]:
    """Return an area and what is wrong with it; the default stands in for what can't be."""
    try:
        return area(**given), []
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False, include_context=False)
        bad = {str(fault["loc"][0]) for fault in faults if fault["loc"]}
        fields = area.model_fields
        defaults = {name: fields[name].get_default(call_default_factory=True) for name in bad}
        return area(**{**given, **defaults}), list(_told(area, error))


def _name_in(problem: str) -> str:
    return problem.partition(":")[0]


def _without_file(name: str) -> str:
    return name.removesuffix(FILE_SUFFIX)


def _stem_of(gateway: str) -> str:
    """Return how the variables of an SMS gateway begin."""
    return f"{PREFIX}SMS_{gateway.upper().replace('-', '_')}_"


def _password_in(url: str) -> str:
    return unquote(_parts_of(url).password or "")


def _is_local(url: str) -> bool:
    """Return whether an address names this machine, or nothing."""
    host = (_parts_of(url).hostname or "").rstrip(".")
    if not host or host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        # as the system reads addresses: 127.1 is one too
        address = IPv4Address(socket.inet_aton(host)) if ":" not in host else ip_address(host)
    except (OSError, ValueError):
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or address.is_unspecified


#: The widest private networks, 10.0.0.0/8 and fc00::/7: whatever is wider holds public addresses.
_WIDEST_PREFIX: Final = {4: 8, 6: 7}


def _are_too_wide(networks: Networks) -> bool:
    # halves of everything are everything
    joined: tuple[IPv4Network | IPv6Network, ...] = (
        *collapse_addresses(n for n in networks if isinstance(n, IPv4Network)),
        *collapse_addresses(n for n in networks if isinstance(n, IPv6Network)),
    )
    return any(network.prefixlen < _WIDEST_PREFIX[network.version] for network in joined)


#: Words that stand in examples and never in a secret.
_EXAMPLES: Final = ("change", "example", "secret", "password", "siapkerja", "insecure", "test")


def _weak_secrets(roots: tuple[str, ...], operator_token: str) -> Iterator[str]:
    """Tell what is wrong with the secrets that are ours to choose."""
    name = "SIAPKERJA_SECRET_KEY"
    if not roots:
        yield f"{name}: must be set"
    if len(set(roots)) < len(roots):
        yield f"{name}: two roots are equal"
    for root in roots:
        yield from (f"{name}: {why}" for why in _weaknesses(root))
    name = "SIAPKERJA_OPERATOR_TOKEN"
    if not operator_token:
        # what it would open stays shut
        return
    if operator_token in roots:
        yield f"{name}: equal to a root"
    yield from (f"{name}: {why}" for why in _weaknesses(operator_token))


#: How production tells of a secret that stands twice.
SHARED_SECRET: Final = "its secret is equal to that of"


def _shared_secrets(
    ours: Iterable[tuple[str, str]], given: Iterable[tuple[str, str]]
) -> Iterator[str]:
    """Tell which secrets that others gave us equal one of ours, which they then know.

    What others gave may be alike: that is theirs to mend, and no reason to stand still.
    """
    holders = {secret: name for name, secret in ours if secret}
    for name, secret in given:
        if secret in holders:
            yield f"{name}: {SHARED_SECRET} {holders[secret]}"


def _weaknesses(secret: str) -> Iterator[str]:
    """Tell the first reason why somebody could guess a secret; nothing for a good one."""
    steps = {ord(after) - ord(before) for before, after in pairwise(secret)}
    if len(secret.encode()) < SECRET_MIN_BYTES:
        yield f"shorter than {SECRET_MIN_BYTES} bytes"
    elif len(set(secret)) < 12:
        yield "too few different characters"
    elif len(steps) < 8 or secret in (secret + secret)[1:-1]:
        yield "a pattern, not chance"
    elif any(word in secret.lower() for word in _EXAMPLES):
        yield "a word from an example stands in it"


def _development_root() -> bytes:
    path = DEVELOPMENT_ROOT
    try:
        return path.read_bytes()
    except FileNotFoundError:
        pass
    except OSError as error:
        raise _not_made(error) from error
    made = secrets.token_urlsafe(48).encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes()
    except OSError as error:
        raise _not_made(error) from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(made)
    return made


def _not_made(error: OSError) -> SettingsError:
    why = f"can't be kept in `var/` ({error.strerror}): run in a folder that you may write to"
    return SettingsError([f"SIAPKERJA_SECRET_KEY: {why}, or set it"])
