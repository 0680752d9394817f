"""Use cases for people and operators: one class per stem, one public method per use case."""

from dataclasses import dataclass

from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.ephemeral import RateLimits
from idp.ports.gateways import SandboxPeople
from idp.ports.metrics import Metrics
from idp.ports.store import Store
from idp.ports.vault import Vault
from idp.services.accounts_admin import AccountsAdmin
from idp.services.admin_factors import AdminFactorService
from idp.services.admin_login import AdminLoginService
from idp.services.admin_sessions import AdminSessionService
from idp.services.admins import AdminService
from idp.services.approvals import ApprovalService
from idp.services.audit_log import AuditLog
from idp.services.audit_search import AuditSearch
from idp.services.cases import CaseService
from idp.services.client_files import ClientFiles
from idp.services.client_registry import ClientRegistry
from idp.services.consents import ConsentService
from idp.services.delivery import DeliveryReports
from idp.services.devices import DeviceService
from idp.services.email_change import EmailChangeService
from idp.services.email_proof import EmailProofService
from idp.services.expiry import ExpiryService
from idp.services.factor_reset import FactorResetService
from idp.services.factors import FactorService
from idp.services.failures import FailureWriter
from idp.services.figures import FigureService
from idp.services.health import HealthService
from idp.services.identity_mending import IdentityMendingService
from idp.services.index_rotation import IndexRotation
from idp.services.interactions import InteractionService
from idp.services.key_rotation import KeyRotation
from idp.services.legacy_dormancy import LegacyDormancyService
from idp.services.legacy_import import LegacyImportService
from idp.services.legacy_join import LegacyJoinService
from idp.services.legacy_offers import LegacyOfferService
from idp.services.legacy_report import LegacyReportService
from idp.services.legacy_upgrade import LegacyUpgradeService
from idp.services.legacy_wrapping import LegacyWrappingService
from idp.services.limits import LimitService
from idp.services.login import LoginService
from idp.services.lost_contact import LostContactService
from idp.services.merging import MergeService
from idp.services.messages import MessageService
from idp.services.nik_reports import NikReportService
from idp.services.otp import OtpService
from idp.services.outbox import OutboxService
from idp.services.partner_portals import PartnerPortalService
from idp.services.passwords import PasswordService
from idp.services.people import PeopleService
from idp.services.phone_change import PhoneChangeService
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


@dataclass(frozen=True, slots=True)
class Services:
    """All use cases, and the ports that the edge itself asks for time, chance and keys."""

    store: Store
    clock: Clock
    entropy: Entropy
    vault: Vault
    metrics: Metrics
    rate_limits: RateLimits
    sessions: SessionService
    sign_out: SignOutService
    interactions: InteractionService
    consents: ConsentService
    submissions: SubmissionService
    clients: ClientRegistry
    #: The same as officers use it, in forms: told more of what is odd.
    client_desk: ClientRegistry
    client_files: ClientFiles
    traffic: TrafficService
    teams: TeamService
    partner_portals: PartnerPortalService
    reviews: ReviewService
    test_people: SandboxPeople
    expiry: ExpiryService
    keys: KeyRotation
    accounts: AccountsAdmin
    limits: LimitService
    puzzles: PuzzleService
    passwords: PasswordService
    messages: MessageService
    otp: OtpService
    outbox: OutboxService
    reports: DeliveryReports
    links: ProofLinks
    devices: DeviceService
    registration: RegistrationService
    nik_reports: NikReportService
    lost_contact: LostContactService
    merging: MergeService
    factors: FactorService
    factor_reset: FactorResetService
    steps: SecondStepService
    login: LoginService
    recovery: RecoveryService
    email_proof: EmailProofService
    phone_change: PhoneChangeService
    email_change: EmailChangeService
    profile: ProfileService
    health: HealthService
    sweeping: SweepingService
    index_rotation: IndexRotation
    audit_log: AuditLog
    failures: FailureWriter
    support: SupportService
    audit_search: AuditSearch
    figures: FigureService
    people: PeopleService
    cases: CaseService
    legacy_import: LegacyImportService
    legacy_wrapping: LegacyWrappingService
    legacy_dormancy: LegacyDormancyService
    legacy_report: LegacyReportService
    upgrade: LegacyUpgradeService
    legacy_offers: LegacyOfferService
    legacy_join: LegacyJoinService
    identity_mending: IdentityMendingService
    upstream: UpstreamService
    admins: AdminService
    admin_login: AdminLoginService
    admin_factors: AdminFactorService
    admin_sessions: AdminSessionService
    approvals: ApprovalService
