"""Settings to ports to services to provider: plain values built by hand, no container.

This package is the only importer of `adapters`. The engine is taken once, inside the app context.
"""

import json
import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from os import cpu_count
from typing import Any, Final

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.engine import Engine

from adapters import callers
from adapters.crypto.argon2id import Argon2id
from adapters.crypto.heads import AuditHeads
from adapters.crypto.legacy_passwords import LegacyHashes
from adapters.crypto.loaded_keys import LoadedDataKeys
from adapters.crypto.password_strength import CommonPasswords
from adapters.crypto.passwords import Argon2idHasher, use_one_arena
from adapters.crypto.vault import DerivedVault
from adapters.documents import resolve_name
from adapters.images import PillowImages
from adapters.metrics import PrometheusMetrics
from adapters.passkeys import WebauthnPasskeys
from adapters.processes import ForkedWorkers
from adapters.sandbox_people import build_test_people
from adapters.sql import engine as engines
from adapters.sql import schema
from adapters.sql.absence import absence_of_file
from adapters.sql.ephemeral import SqlRateLimits
from adapters.sql.health import probe_database
from adapters.sql.keys import SqlDataKeys
from adapters.sql.legacy_scratch import scratch_store
from adapters.sql.legacy_sealing import SqlLegacySealer
from adapters.sql.store import SqlStore
from adapters.sql.sweeping import count_expired, delete_expired
from adapters.system import ProcessMark, SystemClock, SystemEntropy, process_name
from config.logging import AuditHead
from config.settings import (
    Settings,
    SettingsError,
)
from idp.domain.identity.claims import SCOPES, SENSITIVE_SCOPES
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.password import MINIMUM, MINIMUM_ADMINISTRATOR, MINIMUM_ALONE
from idp.domain.identity.release import GUARDED_SCOPES
from idp.domain.identity.session import SessionLimits
from idp.domain.protocol.client import CERTIFICATE_METHODS
from idp.domain.protocol.client_metadata import LIFETIMES, MetadataPolicy
from idp.domain.protocol.signing_key import KeyStatus, SigningKey
from idp.domain.protocol.token_exchange import GRANT_TYPE as TOKEN_EXCHANGE
from idp.domain.protocol.tokens import Lifetimes
from idp.oidc.client_directory import ClientDirectory
from idp.oidc.deliveries import LogoutDeliverer, PingDeliverer
from idp.oidc.pending import PING
from idp.oidc.provider import (
    AUTH_METHODS,
    GRANT_TYPES,
    IdentityProvider,
    ProviderPartners,
    ProviderPorts,
    ProviderSettings,
)
from idp.oidc.sender.mtls import end_of_key
from idp.oidc.tokens.key_ring import generate_key
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.ephemeral import RateLimits
from idp.ports.metrics import Metrics
from idp.ports.store import Store
from idp.ports.vault import DataKey
from idp.services import Services
from idp.services.accounts_admin import AccountsAdmin
from idp.services.admin_factors import AdminFactorService
from idp.services.admin_login import AdminLoginService
from idp.services.admin_requests import InviteExecutor, RolesExecutor
from idp.services.admin_sessions import AdminSessionService
from idp.services.admins import AdminService
from idp.services.approvals import ApprovalService, Executor
from idp.services.audit_log import AuditLog, ChainVerifier
from idp.services.audit_search import AuditSearch
from idp.services.cases import CaseService
from idp.services.client_files import ClientFiles
from idp.services.client_registry import ClientRegistry
from idp.services.client_requests import ClientChangeExecutor, ClientDeleteExecutor
from idp.services.consents import ConsentService
from idp.services.contact_change import SecondProof
from idp.services.credentials import CredentialService
from idp.services.delivery import DeliveryReports, LetterDeliverer, SmsDeliverer
from idp.services.devices import DeviceService
from idp.services.email_change import EmailChangeService
from idp.services.email_proof import EmailProofService
from idp.services.expiry import ExpiryService
from idp.services.factor_reset import FactorResetService, ResetFactorsExecutor
from idp.services.factors import FactorService
from idp.services.failures import FailureWriter
from idp.services.figures import CountedMetrics, FigureService
from idp.services.health import HealthService, Probe
from idp.services.housekeeping import Housekeeper, Job
from idp.services.identifiers import Identifiers
from idp.services.identity_check import IdentityCheck
from idp.services.identity_mending import IdentityMendingService
from idp.services.index_rotation import IndexRotation
from idp.services.interactions import InteractionService
from idp.services.key_requests import RetireKeyExecutor
from idp.services.key_rotation import KeyRotation
from idp.services.legacy_dormancy import LegacyDormancyService
from idp.services.legacy_import import LegacyImportService
from idp.services.legacy_join import LegacyJoinService
from idp.services.legacy_offers import LegacyOfferService
from idp.services.legacy_report import LegacyReportService
from idp.services.legacy_upgrade import LegacyUpgradeService
from idp.services.legacy_wrapping import LegacyWrappingService
from idp.services.limits import LimitService
from idp.services.lockout import LockoutService
from idp.services.login import LoginPolicy, LoginService
from idp.services.logout_notices import LOGOUT, LogoutNotices
from idp.services.lost_contact import (
    LostContactRequests,
    LostContactService,
    ReplaceContactExecutor,
)
from idp.services.merging import MergeExecutor, MergeService
from idp.services.messages import MAIL, SMS, Composer, MessageService
from idp.services.nik_reports import NikReportService
from idp.services.otp import OtpService, SendingBudget
from idp.services.outbox import OutboxService
from idp.services.outbox_sender import OutboxSender
from idp.services.partner_portals import PartnerPortalService
from idp.services.passkey_challenges import PasskeyChallenges
from idp.services.passwords import PasswordService
from idp.services.people import LookExecutor, PeopleService, UnlockExecutor
from idp.services.phone_change import PhoneChangeService, PhoneMoves
from idp.services.profile import ProfileService
from idp.services.proof_links import ProofLinks
from idp.services.puzzle import PuzzleService
from idp.services.recovery import RecoveryService
from idp.services.registration import RegistrationService
from idp.services.reviews import ReviewService
from idp.services.second_step import SecondStepService
from idp.services.sessions import SessionService
from idp.services.sign_out import SignOutService
from idp.services.submissions import SubmissionService
from idp.services.support import SupportService
from idp.services.sweeping import SweepingService
from idp.services.teams import TeamService
from idp.services.traffic import TrafficService
from idp.services.upstream import UpstreamService
from idp.wiring.outside import blaming, build_fetcher, build_outside

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wiring:
    """Everything that `create_app` and the commands need."""

    services: Services
    provider: IdentityProvider
    metrics: PrometheusMetrics
    sender: OutboxSender
    housekeeper: Housekeeper
    #: Lets nothing more come from a caller, by connections that were silent for so many seconds.
    cut_off: Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Given:
    """What a caller may put in the place of the real thing: tests bring a clock of their own.

    `resolve`: host and port to addresses, for what clients registered.
    """

    clock: Clock = SystemClock()  # noqa: RUF009 - frozen and without state
    entropy: Entropy = SystemEntropy()  # noqa: RUF009 - as above
    resolve: Callable[[str, int], Sequence[str]] | None = None


def build_database(settings: Settings) -> tuple[SQLAlchemy, dict[str, Any]]:
    """Return the database extension and the Flask configuration that it reads."""
    return engines.build_database(), engines.flask_configuration(settings.database_url)


def prepare_process() -> None:
    """Set up a server's process, and those that it forks, before it has threads."""
    use_one_arena()


def pending_changes(settings: Settings) -> Sequence[schema.Change]:
    """Return what `siapkerja db upgrade` would do."""
    return schema.pending(settings.database_url)


def is_database_missing(settings: Settings) -> bool:
    """Return whether opening the database would make it: nothing was ever written there."""
    return absence_of_file(settings.database_url) is not None


def upgrade_database(settings: Settings) -> Sequence[schema.Change]:
    """Bring the schema up to date and return what was done."""
    return schema.upgrade(settings.database_url)


def reasons_not_to_start(settings: Settings, *, workers: int) -> Sequence[str]:
    """Return why production must not serve like this (SC-1); empty elsewhere.

    `workers`: processes of the server.
    """
    refusals = settings.refusals(workers=workers)
    if settings.is_production and not refusals and pending_changes(settings):
        return ["migrations are pending: run `siapkerja db upgrade`"]
    return refusals


def schema_differences(settings: Settings) -> Sequence[str]:
    """Return how the database differs from what this code expects."""
    return schema.differences(settings.database_url)


def export_verifier(settings: Settings, keys: Sequence[DataKey]) -> ChainVerifier:
    """Return what checks an exported audit log without a database; `keys`: as they were wrapped."""
    vault = DerivedVault(
        settings.roots, LoadedDataKeys(tuple(keys)), SystemEntropy(), SystemClock()
    )
    return ChainVerifier(vault, AuditHeads(vault))


def wire(
    settings: Settings,
    engine: Engine,
    parse_email: Callable[[str], EmailAddress],
    composer: Composer,
    given: Given | None = None,
) -> Wiring:
    """Build everything. `parse_email`: how the edge reads an address; `composer`: its words."""
    given = given or Given()
    clock, entropy = given.clock, given.entropy
    exposition = PrometheusMetrics(settings.metrics_folder)
    metrics = CountedMetrics(exposition, clock)
    engines.prepare_engine(engine)
    vault = DerivedVault(settings.roots, SqlDataKeys(engine), entropy, clock)
    store = SqlStore(engine, vault, entropy, clock)
    documents = build_fetcher(settings, given.resolve or resolve_name, clock=clock, metrics=metrics)
    argon2id = Argon2id(
        settings.password.memory_kib, settings.password.passes, settings.password.lanes
    )
    hasher = Argon2idHasher(
        argon2id,
        concurrency=settings.password.concurrency or 2 * (cpu_count() or 1),
        wait_seconds=settings.password.wait_seconds,
    )
    legacy_hashes = LegacyHashes(hasher.in_lane, argon2id)
    legacy_sealer = SqlLegacySealer(vault)
    workers = ForkedWorkers(cpu_count() or 1)
    session_limits = SessionLimits(
        settings.login.session_idle_seconds, settings.login.session_absolute_seconds
    )
    rate_limits = _rate_limits(settings, store, clock, metrics)
    directory = ClientDirectory(store, clock)
    identifiers = Identifiers(parse_email)

    def make_keys(algorithms: Collection[str]) -> None:
        keys.ensure(algorithms)

    def registry(policy: MetadataPolicy) -> ClientRegistry:
        return ClientRegistry(
            store,
            clock,
            entropy,
            policy,
            documents,
            PillowImages(),
            directory.forget,
            make_keys,
        )

    interactions = InteractionService(store, clock, directory.find)
    notices = LogoutNotices(clock, entropy)
    outside = build_outside(settings, vault, clock=clock, entropy=entropy, metrics=metrics)
    limits = LimitService(clock, metrics, settings.limits.factor)
    puzzles = PuzzleService(vault, clock, entropy)
    messages = MessageService(clock, entropy, limits)
    phones = PhoneMoves(clock, messages)
    traffic = TrafficService(store, clock, metrics)
    provider = IdentityProvider(
        _provider_settings(settings, session_limits),
        ProviderPorts(store, vault, clock, entropy, metrics, documents, rate_limits),
        ProviderPartners(
            directory=directory,
            registry=registry(_policy(settings, is_operator=False)),
            find_account=identifiers.find,
            notify=messages.tell_of_request,
            traffic=traffic,
        ),
    )
    outbox = OutboxService(
        store,
        clock,
        metrics,
        deliverers={
            SMS: SmsDeliverer(outside.sms, composer, clock, metrics),
            MAIL: LetterDeliverer(outside.mailer, composer, metrics),
            LOGOUT: LogoutDeliverer(
                settings.issuer,
                directory,
                provider.ring,
                provider.encryption,
                vault,
                documents,
                clock,
            ),
            PING: PingDeliverer(directory, documents),
        },
        worker=ProcessMark(entropy),
    )
    audit_log = AuditLog(store, clock, vault, AuditHeads(vault))
    sender = OutboxSender(outbox)
    store.on_outbox = sender.wake
    sessions = SessionService(store, clock, entropy, session_limits, notices)
    judge = CommonPasswords()
    passwords = PasswordService(hasher, judge, _least_password(settings))
    admin_sessions = AdminSessionService(store, clock, entropy)
    admin_passwords = PasswordService(hasher, judge, MINIMUM_ADMINISTRATOR)
    admin_login = AdminLoginService(
        store,
        clock,
        vault,
        hasher,
        limits,
        admin_passwords,
        admin_sessions,
        messages,
        parse_email,
        settings.login.failure_floor_ms / 1000,
    )
    admins = AdminService(store, clock, entropy, messages, admin_sessions, parse_email)
    clients = registry(_policy(settings, is_operator=True))
    desk = registry(_policy(settings, is_operator=True, is_form=True))
    keys = KeyRotation(store, clock, _make_key, not settings.is_production, provider.ring.forget)
    figures = FigureService(store, clock, metrics, keys, settings.sms.price)
    #: Who carries out what a second person let happen, one for each kind of request.
    executors: tuple[Executor, ...] = (
        InviteExecutor(admins, messages, parse_email),
        RolesExecutor(clock, admin_sessions),
        ClientChangeExecutor(desk),
        ClientDeleteExecutor(desk),
        RetireKeyExecutor(keys),
        UnlockExecutor(clock, messages),
        ResetFactorsExecutor(clock, sessions, messages),
        LookExecutor(clock),
    )
    devices = DeviceService(clock, entropy, settings.login.device_seconds)
    links = ProofLinks(clock, entropy, vault, messages)
    budget = SendingBudget(settings.sms.per_second, settings.sms.per_day)
    otp = OtpService(clock, entropy, vault, limits, puzzles, messages, metrics, budget)
    lockout = LockoutService(clock, vault, settings.limits.factor)
    passkeys = WebauthnPasskeys(settings.issuer, settings.host)
    factors = FactorService(
        store,
        clock,
        entropy,
        vault,
        PasskeyChallenges("account", clock, entropy, vault, passkeys),
        limits,
        messages,
        sessions,
    )
    steps = SecondStepService(store, clock, entropy, otp, factors)
    upgrade = LegacyUpgradeService(
        store,
        clock,
        entropy,
        vault,
        legacy_hashes,
        passwords,
        messages,
        verifier=outside.portals,
        rate_limits=rate_limits,
    )
    identity = IdentityCheck(
        store,
        clock,
        entropy,
        vault,
        limits,
        puzzles,
        sessions,
        outside.registry,
        metrics,
        settings.dukcapil.threshold,
    )
    login = LoginService(
        store,
        clock,
        vault,
        metrics,
        hasher,
        rate_limits,
        identifiers=identifiers,
        lockout=lockout,
        puzzles=puzzles,
        devices=devices,
        steps=steps,
        sessions=sessions,
        interactions=interactions,
        messages=messages,
        upgrade=upgrade,
        factors=factors,
        policy=LoginPolicy(
            floor_seconds=settings.login.failure_floor_ms / 1000,
            asks_code=settings.login.unknown_device == "code",
        ),
    )
    proof = SecondProof(clock, login)
    credentials = CredentialService(clock, sessions, devices, lockout, messages)
    joins = LegacyJoinService(store, clock, entropy, upgrade)
    reports = NikReportService(store, clock, limits, identity)
    mending = IdentityMendingService(store, clock, identity, limits, messages, joins, reports)
    failures = FailureWriter(store, process_name)
    consents = ConsentService(store, clock, interactions, notices, messages)
    lost_requests = LostContactRequests(clock, vault)
    executors = (
        *executors,
        MergeExecutor(clock, upgrade, sessions, messages),
        ReplaceContactExecutor(clock, sessions, messages, phones, links, lost_requests),
    )
    approvals = ApprovalService(store, clock, entropy, {one.kind: one for one in executors})
    services = Services(
        store=store,
        clock=clock,
        entropy=entropy,
        vault=vault,
        metrics=metrics,
        rate_limits=rate_limits,
        sessions=sessions,
        sign_out=SignOutService(store, clock, entropy, sessions),
        interactions=interactions,
        consents=consents,
        people=PeopleService(
            store,
            clock,
            vault,
            limits,
            identifiers,
            sessions=sessions,
            consents=consents,
            links=links,
            messages=messages,
        ),
        submissions=SubmissionService(store, clock),
        clients=clients,
        client_files=ClientFiles(clients),
        client_desk=desk,
        traffic=traffic,
        teams=TeamService(store, clock, entropy, limits, messages),
        partner_portals=PartnerPortalService(
            store,
            clock,
            entropy,
            limits,
            registry(_policy_of_teams(settings)),
            traffic,
            tester_uri=settings.issuer + TESTER_PATH,
            has_synthetic_people=not settings.is_production,
        ),
        test_people=build_test_people(
            settings.dukcapil.url, clock=clock, is_production=settings.is_production
        ),
        reviews=ReviewService(store, clock, messages, traffic),
        expiry=ExpiryService(store, clock, messages, documents, end_of_key, parse_email),
        keys=keys,
        accounts=AccountsAdmin(store, clock, entropy, hasher, parse_email, sessions),
        sweeping=SweepingService(
            clock,
            lambda now: count_expired(engine, now),
            lambda now: delete_expired(engine, now),
        ),
        index_rotation=IndexRotation(store, vault, clock),
        audit_log=audit_log,
        failures=failures,
        support=SupportService(store, clock, entropy, failures),
        audit_search=AuditSearch(store, clock, vault),
        figures=figures,
        legacy_import=LegacyImportService(
            store,
            clock,
            entropy,
            legacy_sealer,
            legacy_hashes,
            workers,
            parse_email,
            scratch=lambda: scratch_store(vault, entropy, clock),
        ),
        legacy_wrapping=LegacyWrappingService(store, clock, legacy_sealer, legacy_hashes, workers),
        upgrade=upgrade,
        legacy_offers=LegacyOfferService(store, clock, upgrade, otp, identity),
        legacy_join=joins,
        identity_mending=mending,
        upstream=UpstreamService(
            store,
            clock,
            entropy,
            vault,
            rate_limits,
            outside.upstream,
            settings.upstream.name,
            login,
            mending,
        ),
        legacy_dormancy=LegacyDormancyService(store, clock, messages),
        legacy_report=LegacyReportService(store, clock),
        health=HealthService(store, clock, lambda: Probe(*probe_database(engine))),
        limits=limits,
        puzzles=puzzles,
        passwords=passwords,
        messages=messages,
        otp=otp,
        outbox=outbox,
        reports=DeliveryReports(store, clock, metrics, outside.sms),
        links=links,
        devices=devices,
        registration=RegistrationService(
            store,
            clock,
            entropy,
            vault,
            metrics,
            identity=identity,
            passwords=passwords,
            otp=otp,
            messages=messages,
            links=links,
            sessions=sessions,
            devices=devices,
            interactions=interactions,
            upgrade=upgrade,
            phones=phones,
            reports=reports,
        ),
        nik_reports=reports,
        merging=MergeService(store),
        factors=factors,
        factor_reset=FactorResetService(store),
        steps=steps,
        login=login,
        recovery=RecoveryService(
            store,
            clock,
            entropy,
            vault,
            rate_limits,
            hasher,
            identifiers=identifiers,
            limits=limits,
            puzzles=puzzles,
            otp=otp,
            links=links,
            passwords=passwords,
            credentials=credentials,
            devices=devices,
            login=login,
        ),
        email_proof=EmailProofService(store, clock, limits, links, messages, proof),
        phone_change=PhoneChangeService(store, clock, entropy, vault, otp, proof, messages, phones),
        email_change=EmailChangeService(store, clock, entropy, vault, otp, proof, messages),
        profile=ProfileService(store, clock, login, sessions, passwords, credentials, messages),
        admins=admins,
        approvals=approvals,
        cases=CaseService(store, clock, entropy, sessions, approvals, messages, lost_requests),
        lost_contact=LostContactService(
            store,
            clock,
            entropy,
            vault,
            rate_limits,
            limits,
            identity,
            otp,
            messages,
            lost_requests,
        ),
        admin_login=admin_login,
        admin_factors=AdminFactorService(
            store,
            clock,
            entropy,
            vault,
            PasskeyChallenges("admin", clock, entropy, vault, passkeys),
            limits,
            admin_passwords,
            admin_sessions,
            admin_login,
        ),
        admin_sessions=admin_sessions,
    )

    def every_round() -> None:
        traffic.flush_if_due()
        figures.flush_if_due()

    housekeeper = Housekeeper(_jobs(services), store, clock, outbox.worker, every_round=every_round)
    return Wiring(services, provider, exposition, sender, housekeeper, callers.cut_off)


_HOUR: Final = 3600
#: Where our own sign-in tester takes answers.
TESTER_PATH: Final = "/pengembang/uji/kembali"


def _jobs(services: Services) -> tuple[Job, ...]:
    """Return what one process does for all."""
    log = services.audit_log

    def tell_head() -> None:
        log.seal_all()
        head = log.keep_head()
        if head is not None:
            # the log goes elsewhere: that is what a cut tail is found by
            logger.info("audit head", extra={"head": AuditHead(head.signed)})

    return (
        Job("audit-seal", 0, 30, log.seal_all, log.has_unsealed),
        Job("audit-head", _HOUR, 60, tell_head),
        Job("sweep", _HOUR, 600, services.sweeping.sweep),
        Job("expiry", _HOUR, 600, services.expiry.warn),
        Job("expiry-published", 24 * _HOUR, 600, services.expiry.warn_of_published),
    )


def _least_password(settings: Settings) -> int:
    """Return how long a password must be; longer where nothing else protects a new browser."""
    return MINIMUM if settings.login.unknown_device == "code" else MINIMUM_ALONE


def _rate_limits(settings: Settings, store: Store, clock: Clock, metrics: Metrics) -> RateLimits:
    """Return Redis where it is set, with the database behind it; else the database."""
    database = SqlRateLimits(store, clock, settings.limits.factor)
    if not settings.redis_url:
        return database
    # its library is loaded only where somebody wants it
    from adapters.redis.ephemeral import RedisRateLimits  # noqa: PLC0415 - see above

    with blaming("SIAPKERJA_REDIS_URL"):
        return RedisRateLimits(
            settings.redis_url,
            database,
            factor=settings.limits.factor,
            clock=clock,
            metrics=metrics,
        )


def _lifetimes(settings: Settings) -> Lifetimes:
    oauth = settings.oauth
    return Lifetimes(
        code=oauth.code_seconds,
        access_token=oauth.access_token_seconds,
        id_token=oauth.id_token_seconds,
        refresh_idle=oauth.refresh_idle_seconds,
        refresh_absolute=oauth.refresh_absolute_seconds,
        pushed_request=oauth.par_seconds,
        interaction=oauth.interaction_seconds,
    )


def _policy(settings: Settings, *, is_operator: bool, is_form: bool = False) -> MetadataPolicy:
    """Return what a registration may ask for: an operator's, or one that nobody reviewed.

    `is_form`: an officer's, who is told more.
    """
    scopes, grants, methods = frozenset(SCOPES), GRANT_TYPES, AUTH_METHODS
    passed_on = certificate_methods(settings)
    if not is_operator:
        scopes, grants = scopes - SENSITIVE_SCOPES, grants - {TOKEN_EXCHANGE}
    # an operator at the command line may prepare a client for a proxy that is still to come
    may_prepare = is_operator and not is_form
    if not may_prepare:
        methods -= CERTIFICATE_METHODS - passed_on
    return MetadataPolicy(
        grant_types=grants,
        auth_methods=methods,
        takes_certificates=may_prepare or bool(passed_on),
        scopes=scopes,
        is_operator=is_operator,
        allow_loopback_http=not settings.is_production,
        is_form=is_form,
        lifetimes={name: getattr(settings.oauth, name) for name in LIFETIMES},
    )


def certificate_methods(settings: Settings) -> frozenset[str]:
    """Return the methods for which a trusted proxy passes on what they need (RFC 8705 §2).

    In production it must also say that it checked the chain, which self-signed ones do without.
    """
    http = settings.http
    if not (http.client_cert_header and http.trusted_proxies):
        return frozenset()
    if settings.is_production and not http.client_cert_verified_header:
        return frozenset({"self_signed_tls_client_auth"})
    return CERTIFICATE_METHODS


def _policy_of_teams(settings: Settings) -> MetadataPolicy:
    """Return what a team may ask for: guarded scopes too, since two officers see them first."""
    policy = _policy(settings, is_operator=True, is_form=True)
    return replace(policy, scopes=policy.scopes | GUARDED_SCOPES)


def _provider_settings(settings: Settings, session_limits: SessionLimits) -> ProviderSettings:
    return ProviderSettings(
        issuer=settings.issuer,
        lifetimes=_lifetimes(settings),
        session_limits=session_limits,
        pkce_for_all=settings.oauth.pkce == "all",
        par_for_all=settings.oauth.require_par,
        request_uri_by_reference=settings.oauth.request_uri == "on",
        registration=settings.oauth.registration,
        is_production=settings.is_production,
        statement_issuers=statement_issuers(settings),
        mtls_url=settings.http.mtls_url,
        certificate_methods=certificate_methods(settings),
        limits_factor=settings.limits.factor,
    )


def statement_issuers(settings: Settings) -> dict[str, list[dict[str, Any]]]:
    """Return the keys of the issuers whose software statements count, by issuer."""
    path = settings.oauth.statement_issuers
    if path is None:
        return {}
    try:
        found = json.loads(path.read_text("utf-8"))
        return {str(issuer): list(keys["keys"]) for issuer, keys in found.items()}
    except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        wanted = "must be a JSON file of issuers with their JWK sets"
        raise SettingsError([f"SIAPKERJA_OAUTH_STATEMENT_ISSUERS: {wanted}"]) from error


def _make_key(alg: str, now: int, active_at: int, status: KeyStatus) -> SigningKey:
    return generate_key(alg, now=now, active_at=active_at, status=status)
