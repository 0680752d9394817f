"""Whom we call: Dukcapil, carriers, mail, portals that keep old passwords, another provider."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from adapters.documents import GuardedFetcher, Resolve, resolve_name
from adapters.dukcapil import LONG_PAUSE_SECONDS, build_civil_registry
from adapters.mail import build_mailer
from adapters.portals import build_portal_verifier
from adapters.sms import build_sms_gateways
from adapters.upstream import (
    UpstreamSettings,
    build_upstream,
    new_keys,
    read_keys,
    registration_of,
)
from config.settings import (
    Settings,
    SettingsError,
)
from idp.domain.ids import encode_base64url
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.gateways import CivilRegistry, Mailer, SmsGateways, UpstreamProvider
from idp.ports.legacy import LegacyVerifier
from idp.ports.metrics import Metrics
from idp.ports.vault import Vault


@dataclass(frozen=True, slots=True)
class Outside:
    """Whom we call."""

    registry: CivilRegistry
    sms: SmsGateways
    mailer: Mailer
    portals: LegacyVerifier
    upstream: UpstreamProvider | None


#: In the sandbox nobody locks our user or closes for the day, and trying out goes on.
_SANDBOX_PAUSE_SECONDS: Final = 1.0


def build_outside(
    settings: Settings, vault: Vault, *, clock: Clock, entropy: Entropy, metrics: Metrics
) -> Outside:
    """Build what calls others; `SettingsError` for settings that contradict each other."""
    return Outside(
        _registry(settings, clock=clock, entropy=entropy, metrics=metrics),
        _sms_gateways(settings, vault, clock=clock, metrics=metrics),
        _mailer(settings, clock=clock, metrics=metrics),
        _portals(settings, clock=clock, entropy=entropy, metrics=metrics),
        _upstream(settings, clock=clock, entropy=entropy, metrics=metrics),
    )


@contextmanager
def blaming(setting: str) -> Iterator[None]:
    """Tell of what can't be built by the setting that is the cause."""
    try:
        yield
    except OSError as error:
        raise SettingsError([f"{setting}: {error.strerror or 'can not be used'}"]) from error
    except ValueError as error:
        raise SettingsError([f"{setting}: {error}"]) from error


def _registry(
    settings: Settings, *, clock: Clock, entropy: Entropy, metrics: Metrics
) -> CivilRegistry:
    given = settings.dukcapil
    pause = None if settings.is_production else _SANDBOX_PAUSE_SECONDS
    # what else may be wrong with these is told where settings are read
    with blaming("SIAPKERJA_DUKCAPIL_CA_FILE"):
        return build_civil_registry(
            url=given.url,
            institution=given.institution,
            user_id=given.user_id,
            password=given.password,
            ip_user=given.ip_user,
            ca_file=given.ca_file,
            threshold=given.threshold,
            elements=given.elements,
            daily_quota=given.daily_quota,
            key_case=given.key_case,
            clock=clock,
            entropy=entropy,
            metrics=metrics,
            config_pause_seconds=pause or LONG_PAUSE_SECONDS,
            quota_pause_seconds=pause,
        )


def _sms_gateways(
    settings: Settings, vault: Vault, *, clock: Clock, metrics: Metrics
) -> SmsGateways:
    with blaming("SIAPKERJA_SMS_GATEWAYS"):
        return build_sms_gateways(
            settings.sms.gateways,
            settings.sms.accounts,
            report_base_url=settings.issuer,
            report_token=encode_base64url(vault.keys("sms-report")[0]),
            clock=clock,
            metrics=metrics,
        )


def _mailer(settings: Settings, *, clock: Clock, metrics: Metrics) -> Mailer:
    with blaming("SIAPKERJA_MAIL_URL"):
        return build_mailer(
            settings.mail.url, sender=settings.mail.sender, clock=clock, metrics=metrics
        )


def build_fetcher(
    settings: Settings, resolve: Resolve = resolve_name, *, clock: Clock, metrics: Metrics
) -> GuardedFetcher:
    """Build what fetches documents of clients; `SettingsError` for unusable further roots."""
    with blaming("SIAPKERJA_FETCH_CA_FILE"):
        return GuardedFetcher(
            private_hosts=frozenset(settings.fetch.private_hosts),
            ca_file=settings.fetch.ca_file,
            clock=clock,
            metrics=metrics,
            resolve=resolve,
        )


def _portals(
    settings: Settings, *, clock: Clock, entropy: Entropy, metrics: Metrics
) -> LegacyVerifier:
    """Build what asks portals for old passwords; refuses a file that can't be used."""
    with blaming("SIAPKERJA_LEGACY_CALLBACKS"):
        return build_portal_verifier(
            settings.legacy.callbacks,
            is_production=settings.is_production,
            clock=clock,
            entropy=entropy,
            metrics=metrics,
        )


#: Where another provider sends people back to.
UPSTREAM_CALLBACK: Final = "/masuk/penyedia/kembali"
#: Where it finds our keys.
UPSTREAM_KEYS: Final = "/masuk/penyedia/jwks.json"


def _upstream(
    settings: Settings, *, clock: Clock, entropy: Entropy, metrics: Metrics
) -> UpstreamProvider | None:
    """Build the client of another OpenID provider, where one is set."""
    given = settings.upstream
    if not given.issuer or given.keys_file is None:
        return None
    with blaming("SIAPKERJA_UPSTREAM_KEYS_FILE"):
        told = _upstream_settings(settings, given.keys_file)
    return build_upstream(told, clock=clock, entropy=entropy, metrics=metrics)


def _upstream_settings(settings: Settings, keys_file: Path) -> UpstreamSettings:
    """Return who we are there; raises `ValueError` or `OSError` for an unusable file."""
    given = settings.upstream
    return UpstreamSettings(
        issuer=given.issuer,
        client_id=given.client_id,
        keys=read_keys(keys_file),
        scope=given.scope,
        nik_claim=given.nik_claim,
        redirect_uri=f"{settings.issuer}{UPSTREAM_CALLBACK}",
        signing_alg=given.signing_alg,
        must_encrypt=given.encryption == "required",
    )


def upstream_registration(settings: Settings, keys_file: Path) -> Mapping[str, Any]:
    """Return what to register at another OpenID provider, by `registration`, and where keys are.

    `jwks_uri`: may stand for `jwks` once this provider runs with those keys. Raises `ValueError`
    or `OSError` for a file that can't be used.
    """
    told = _upstream_settings(settings, keys_file)
    return {
        "issuer": told.issuer or None,
        "client_id": told.client_id or None,
        "registration": registration_of(told),
        "jwks_uri": f"{settings.issuer}{UPSTREAM_KEYS}",
    }


def new_upstream_keys() -> Mapping[str, Any]:
    """Return a new private JWK set to be known by at another provider."""
    return new_keys()
