"""Every table. Instants are epoch seconds; "sealed" is AES-256-GCM bound to table, column and row.

A column's `comment` says what it holds; a test refuses one without.
"""

from typing import Any, Final

import sqlalchemy as sa

#: Index and constraint names that migrations can count on.
metadata: Final = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


def _id(comment: str, **given: Any) -> sa.Column[Any]:
    return sa.Column("id", sa.Uuid, primary_key=True, comment=comment, **given)


def _at(name: str, comment: str, *, null: bool = False, index: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger, nullable=null, index=index, comment=comment)


def _digest(name: str, comment: str, **given: Any) -> sa.Column[Any]:
    given.setdefault("nullable", False)
    return sa.Column(name, sa.LargeBinary(32), comment=comment, **given)


def _sealed(name: str, comment: str, *, null: bool = True) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary, nullable=null, comment=f"sealed: {comment}")


def _text(name: str, length: int, comment: str, **given: Any) -> sa.Column[Any]:
    given.setdefault("nullable", False)
    return sa.Column(name, sa.String(length), comment=comment, **given)


def _json(name: str, comment: str, **given: Any) -> sa.Column[Any]:
    given.setdefault("nullable", False)
    return sa.Column(name, sa.JSON, comment=comment, **given)


def _number(name: str, comment: str, **given: Any) -> sa.Column[Any]:
    given.setdefault("nullable", False)
    return sa.Column(name, sa.Integer, comment=comment, **given)


def bytewise(length: int) -> sa.types.TypeEngine[str]:
    """Return the type of a text that sorts by its bytes: what begins alike stands together."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def _where_given(table: str, name: str) -> sa.Index:
    """Index the newest events of what a column names, where it names something."""
    given = sa.column(name).is_not(None)
    index = f"ix_{table}_{name}_at"
    return sa.Index(index, name, "at", "id", sqlite_where=given, postgresql_where=given)


account: Final = sa.Table(
    "account",
    metadata,
    _id("UUIDv7"),
    _text("subject", 22, "128 random bits, base64url; never derived from the NIK", unique=True),
    _text("status", 12, "active, locked, suspended, closed"),
    sa.Column("ial", sa.SmallInteger, nullable=False, comment="identity level 0 to 2"),
    _sealed("nik_sealed", "the NIK"),
    _digest("nik_index", "blind index of the NIK", nullable=True, unique=True),
    _sealed("phone_sealed", "E.164 number"),
    _digest("phone_index", "blind index of the verified number", nullable=True, unique=True),
    _at("phone_verified_at", "when the number answered a code", null=True),
    _at("phone_recovers_at", "from when a changed number may recover the account", null=True),
    _sealed("email_sealed", "address as typed"),
    _digest("email_index", "blind index of the address in lower case", nullable=True, index=True),
    _at("email_verified_at", "when its link was followed", null=True),
    _at("email_recovers_at", "from when a changed address may recover the account", null=True),
    _sealed("person_sealed", "name and further claims, one JSON document", null=False),
    _text("locale", 8, "language of messages: id or en"),
    _at("created_at", "opened"),
    _at("updated_at", "last change of anything a claim tells"),
    _at("verified_at", "when the registry confirmed the person", null=True),
    _at("closed_at", "when it was closed", null=True),
    _number("version", "counts changes; guards edits"),
    sa.CheckConstraint("status IN ('active', 'locked', 'suspended', 'closed')", name="status"),
)
sa.Index(
    "uq_account_email_index_verified",
    account.c.email_index,
    unique=True,
    sqlite_where=account.c.email_verified_at.is_not(None),
    postgresql_where=account.c.email_verified_at.is_not(None),
)

password_credential: Final = sa.Table(
    "password_credential",
    metadata,
    sa.Column(
        "account_id", sa.ForeignKey("account.id"), primary_key=True, comment="whose password"
    ),
    sa.Column("hash", sa.Text, nullable=False, comment="Argon2id with its parameters"),
    _at("changed_at", "set or changed by the person"),
    _at("disabled_at", "after 100 failures in a row, until recovery", null=True),
    _text("recovered_by", 8, "sms or email: what set it, until another answers", nullable=True),
)

registration: Final = sa.Table(
    "registration",
    metadata,
    _id("UUIDv7"),
    _digest("flow_digest", "SHA-256 of the browser's flow cookie", unique=True),
    _sealed("nik_sealed", "the NIK that was checked", null=False),
    _digest("nik_index", "its blind index", index=True),
    _sealed("person_sealed", "the name that was checked", null=False),
    _sealed("email_sealed", "address from step 2"),
    _sealed("phone_sealed", "number from step 2"),
    _sealed("password_sealed", "Argon2id hash from step 2"),
    _text("step", 12, "contact, code, done"),
    _digest("challenge_subject", "what the code is bound to"),
    _text("locale", 8, "language of the messages"),
    _at("matched_at", "when the registry said match; absent where it said no", null=True),
    _at("expires_at", "30 minutes (form), 24 hours (phone not proved)", index=True),
    sa.Column("account_id", sa.Uuid, nullable=True, comment="the account, once opened"),
    sa.Column("legacy_id", sa.Uuid, nullable=True, comment="the old account that comes home"),
)

otp_challenge: Final = sa.Table(
    "otp_challenge",
    metadata,
    _id("UUIDv7"),
    _text("purpose", 16, "what the code is for: a word of idp.domain.identity.otp.Purpose"),
    _text("channel", 8, "sms, email"),
    _digest("subject", "the row that asked: a code belongs to one", unique=True),
    _digest("contact_index", "blind index of the phone or address"),
    _digest("code_digest", "HMAC of challenge id and code"),
    _digest("previous_digest", "of the code that this one replaced", nullable=True),
    _at("sent_at", "newest message"),
    _at("resend_at", "from when another may be asked for"),
    _number("sends", "messages sent"),
    _number("attempts", "tries counted"),
    _at("expires_at", "end of the code's life", index=True),
    _at("consumed_at", "spent by the first success", null=True),
)

journey: Final = sa.Table(
    "journey",
    metadata,
    _digest("digest", "SHA-256 of the id in the URL", primary_key=True),
    _text("kind", 12, "what the pages are for: a word of idp.domain.identity.journey.JourneyKind"),
    _digest("flow_digest", "the browser that it belongs to"),
    sa.Column("account_id", sa.Uuid, nullable=True, comment="who; absent where unknown"),
    _json("state", "steps done: words and numbers, nothing personal"),
    _at("expires_at", "15 minutes", index=True),
    _at("done_at", "finished", null=True),
)

proof_link: Final = sa.Table(
    "proof_link",
    metadata,
    _digest("digest", "SHA-256 of the secret in the link", primary_key=True),
    _text("purpose", 12, "email, recovery"),
    sa.Column("account_id", sa.ForeignKey("account.id"), nullable=False, index=True, comment="who"),
    _digest("contact_index", "the address that it was sent to"),
    _at("expires_at", "end of its life", index=True),
    _at("used_at", "spent", null=True),
)

login_session: Final = sa.Table(
    "login_session",
    metadata,
    _digest("digest", "SHA-256 of the cookie", primary_key=True),
    _text("sid", 22, "its name inside", unique=True),
    sa.Column("account_id", sa.ForeignKey("account.id"), nullable=False, index=True, comment="who"),
    sa.Column("aal", sa.SmallInteger, nullable=False, comment="authenticator level"),
    _json("amr", "methods used (RFC 8176)"),
    _at("auth_time", "last proof of identity"),
    _at("created_at", "signed in"),
    _at("seen_at", "last request, to the minute"),
    _at("expires_at", "absolute end", index=True),
    _text("device", 80, "readable name of the browser"),
    _text("network", 43, "truncated address"),
    _at("ended_at", "signed out or ended", null=True),
    _text("proved_by", 8, "factor of the newest proof: app, recovery, passkey", nullable=True),
)

account_totp: Final = sa.Table(
    "account_totp",
    metadata,
    sa.Column("account_id", sa.ForeignKey("account.id"), primary_key=True, comment="whose app"),
    _sealed("seed_sealed", "160 random bits", null=False),
    _number("last_step", "newest time step that was spent"),
    _at("created_at", "enrolled"),
)

account_passkey: Final = sa.Table(
    "account_passkey",
    metadata,
    _id("UUIDv7"),
    sa.Column(
        "account_id", sa.ForeignKey("account.id"), nullable=False, index=True, comment="whose"
    ),
    sa.Column("credential_id", sa.LargeBinary, nullable=False, unique=True, comment="its own name"),
    sa.Column("public_key", sa.LargeBinary, nullable=False, comment="COSE key"),
    sa.Column("sign_count", sa.BigInteger, nullable=False, comment="the highest seen"),
    sa.Column("is_synced", sa.Boolean, nullable=False, comment="may be on further devices"),
    _json("transports", "how browsers reach it"),
    _text("label", 40, "what its owner calls it"),
    _at("created_at", "enrolled"),
    _at("last_used_at", "newest sign-in with it", null=True),
)

account_recovery_code: Final = sa.Table(
    "account_recovery_code",
    metadata,
    _digest("digest", "SHA-256 of an 80-bit code", primary_key=True),
    sa.Column(
        "account_id", sa.ForeignKey("account.id"), nullable=False, index=True, comment="whose code"
    ),
    _at("used_at", "spent", null=True),
)

known_device: Final = sa.Table(
    "known_device",
    metadata,
    sa.Column("account_id", sa.ForeignKey("account.id"), primary_key=True, comment="who"),
    _digest("digest", "SHA-256 of the device cookie", primary_key=True),
    _text("name", 80, "readable name of the browser"),
    _at("created_at", "first second step passed"),
    _at("seen_at", "last sign-in"),
    _at("expires_at", "30 days after the last", index=True),
)

client: Final = sa.Table(
    "client",
    metadata,
    _id("UUIDv7"),
    _text("client_id", 128, "as in OAuth", unique=True),
    _text("status", 12, "active, draft, suspended, retired, deleted"),
    _text("profile", 12, "baseline, fapi2"),
    _json("metadata", "the registration by its wire names"),
    _text("owner", 80, "who answers for it"),
    _digest("registration_digest", "SHA-256 of the registration access token", nullable=True),
    _text("logo", 16, "beginning of its logo's digest", nullable=True),
    sa.Column("name_key", bytewise(120), nullable=False, comment="name without regard to case"),
    _number("version", "counts changes; guards edits"),
    _at("created_at", "registered"),
    _at("updated_at", "last change"),
    sa.Index("ix_client_name_key_client_id", "name_key", "client_id"),
    sa.Index("ix_client_created_at_client_id", "created_at", "client_id"),
    sa.Index("ix_client_updated_at_client_id", "updated_at", "client_id"),
    # all that counting needs: no row is looked at
    sa.Index("ix_client_status_profile_client_id", "status", "profile", "client_id"),
)

client_word: Final = sa.Table(
    "client_word",
    metadata,
    sa.Column("word", bytewise(40), primary_key=True, comment="of its names, owner, domain"),
    sa.Column("client_id", sa.ForeignKey("client.client_id"), primary_key=True, comment="whose"),
    sa.Index("ix_client_word_client_id", "client_id"),
)

client_picture: Final = sa.Table(
    "client_picture",
    metadata,
    _id("the client's id"),
    _text("digest", 16, "its name in versions", primary_key=True),
    sa.Column("body", sa.LargeBinary, nullable=False, comment="PNG that we drew ourselves"),
    _at("made_at", "fetched"),
)

client_secret: Final = sa.Table(
    "client_secret",
    metadata,
    _id("UUIDv7"),
    sa.Column(
        "client_id", sa.ForeignKey("client.client_id"), nullable=False, index=True, comment="whose"
    ),
    _digest("digest", "SHA-256 of a 256-bit secret"),
    _at("created_at", "made"),
    _at("expires_at", "end, where one was set", null=True),
)

client_version: Final = sa.Table(
    "client_version",
    metadata,
    sa.Column("client_id", sa.ForeignKey("client.client_id"), primary_key=True, comment="whose"),
    sa.Column("version", sa.Integer, primary_key=True, comment="number of the version"),
    _json("metadata", "the registration as it was"),
    _text("status", 12, "status as it was"),
    _text("logo", 16, "beginning of its logo's digest", nullable=True),
    _text("author", 80, "who changed it"),
    _text("reason", 500, "what an officer said"),
    _text("reference", 36, "request by which it came, as in the audit log"),
    _at("created_at", "when"),
)

client_grant: Final = sa.Table(
    "client_grant",
    metadata,
    _id("UUIDv7"),
    sa.Column("account_id", sa.Uuid, nullable=True, index=True, comment="who allowed it"),
    _text("client_id", 128, "whom", index=True),
    _text("session_sid", 22, "in which login session", nullable=True, index=True),
    sa.Column("scope", sa.Text, nullable=False, comment="granted scopes, blank-separated"),
    _json("resources", "audiences asked for"),
    _json("claims", "the claims parameter"),
    _json("details", "authorization details"),
    sa.Column("aal", sa.SmallInteger, nullable=False, comment="level of the sign-in"),
    _json("amr", "methods of the sign-in"),
    _at("auth_time", "when the person proved who they are"),
    sa.Column("is_offline", sa.Boolean, nullable=False, comment="outlives the session"),
    _at("created_at", "issued"),
    _at("expires_at", "nothing of it works later", index=True),
    _at("revoked_at", "ended", null=True),
    _text("revoked_reason", 24, "why", nullable=True),
    _digest("code_digest", "SHA-256 of the authorization code", nullable=True, unique=True),
    _at("code_expires_at", "60 seconds", null=True),
    sa.Column("redirect_uri", sa.Text, nullable=True, comment="that the code is bound to"),
    _text("code_challenge", 43, "PKCE S256", nullable=True),
    sa.Column("nonce", sa.Text, nullable=True, comment="for the ID token"),
    _text("jkt", 43, "DPoP key that the code is bound to", nullable=True),
    _at("redeemed_at", "spent", null=True),
)

refresh_token: Final = sa.Table(
    "refresh_token",
    metadata,
    _id("the family"),
    sa.Column(
        "grant_id", sa.ForeignKey("client_grant.id"), nullable=False, index=True, comment="of"
    ),
    _number("generation", "which token of the family is current"),
    _at("rotated_at", "when the current one was made"),
    _text("jkt", 43, "DPoP key", nullable=True),
    _text("x5t", 43, "certificate thumbprint", nullable=True),
    sa.Column("scope", sa.Text, nullable=False, comment="granted scopes"),
    _json("resources", "audiences"),
    _at("issued_at", "first of the family"),
    _at("idle_expires_at", "unused until then"),
    _at("expires_at", "absolute end", index=True),
)

access_token: Final = sa.Table(
    "access_token",
    metadata,
    _digest("digest", "SHA-256 of an opaque access token", primary_key=True),
    sa.Column("grant_id", sa.Uuid, nullable=True, index=True, comment="the grant behind it"),
    _json("body", "the claims that a JWT would have"),
    _at("expires_at", "end of its life", index=True),
)

revoked_token: Final = sa.Table(
    "revoked_token",
    metadata,
    _digest("digest", "SHA-256 of a revoked access token's jti", primary_key=True),
    _at("expires_at", "when the token ends anyway", index=True),
)

interaction: Final = sa.Table(
    "interaction",
    metadata,
    _digest("digest", "SHA-256 of the id in the URL", primary_key=True),
    _text("client_id", 128, "who asks"),
    _digest("flow_digest", "the browser that it belongs to"),
    _json("params", "the request's parameters"),
    _json("done", "what the person did for it"),
    _digest("pushed_digest", "the pushed request that it came from", nullable=True),
    _at("created_at", "opened"),
    _at("expires_at", "15 minutes", index=True),
    _at("answered_at", "a code or an error was sent", null=True),
)

consent: Final = sa.Table(
    "consent",
    metadata,
    sa.Column("account_id", sa.ForeignKey("account.id"), primary_key=True, comment="who"),
    sa.Column("client_id", sa.String(128), primary_key=True, index=True, comment="to whom"),
    sa.Column("scope", sa.Text, nullable=False, comment="allowed scopes"),
    sa.Column("refused", sa.Text, nullable=False, comment="optional scopes unticked"),
    _json("claims", "claims allowed by name"),
    _json("details", "marks of authorization details allowed"),
    _at("given_at", "last answer"),
    _at("withdrawn_at", "taken back", null=True),
)

signing_key: Final = sa.Table(
    "signing_key",
    metadata,
    _text("kid", 43, "RFC 7638 thumbprint", primary_key=True),
    _text("alg", 16, "algorithm"),
    _text("status", 8, "next, active, retired"),
    _sealed("private_sealed", "PKCS #8", null=False),
    _json("public_jwk", "public members"),
    _at("created_at", "published"),
    _at("active_at", "signs from then"),
    _at("retired_at", "leaves the key set then", null=True),
)

data_key: Final = sa.Table(
    "data_key",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False, comment="named in values"),
    _text("purpose", 12, "seal, pairwise, audit-chain"),
    sa.Column("wrapped", sa.LargeBinary, nullable=False, comment="AES-256-GCM under the KEK"),
    _at("created_at", "made"),
    _at("retired_at", "no longer writes", null=True),
)

audit_event: Final = sa.Table(
    "audit_event",
    metadata,
    _id("UUIDv7"),
    _at("at", "when"),
    _text("action", 32, "from the catalogue"),
    _text("outcome", 8, "done, refused"),
    _text("actor", 12, "citizen, client, admin, operator, system"),
    sa.Column("actor_id", sa.Uuid, nullable=True, comment="which admin"),
    sa.Column("account_id", sa.Uuid, nullable=True, comment="whose account"),
    _text("client_id", 128, "which client", nullable=True),
    _text("object_id", 128, "what else: a key, a request, a case", nullable=True),
    _text("request_id", 32, "of the HTTP request"),
    _text("network", 43, "truncated address"),
    _text("device", 80, "readable name of the browser"),
    _json("details", "what the catalogue names for the action"),
    sa.Column("sequence", sa.BigInteger, nullable=True, unique=True, comment="in the chain"),
    _digest("mac", "HMAC over the row, made when it was written"),
    _digest("chain", "HMAC over this row's and the one before", nullable=True),
    sa.Index("ix_audit_event_at", "at", "id"),
    sa.Index("ix_audit_event_action_at", "action", "at", "id"),
    sa.Index(
        "ix_audit_event_actor_at",
        "actor",
        "at",
        "id",
        sqlite_where=sa.text("actor <> 'citizen'"),
        postgresql_where=sa.text("actor <> 'citizen'"),
    ),
    _where_given("audit_event", "account_id"),
    _where_given("audit_event", "client_id"),
    _where_given("audit_event", "actor_id"),
    _where_given("audit_event", "object_id"),
    sa.Index(
        "ix_audit_event_unsealed",
        "id",
        sqlite_where=sa.text("sequence IS NULL"),
        postgresql_where=sa.text("sequence IS NULL"),
    ),
)

audit_head: Final = sa.Table(
    "audit_head",
    metadata,
    sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False, comment="of a row"),
    _at("at", "signed"),
    sa.Column("signed", sa.Text, nullable=False, comment="JWS over number and chain value"),
)

figure: Final = sa.Table(
    "figure",
    metadata,
    sa.Column("day", sa.Integer, primary_key=True, comment="days since 1970, in WIB"),
    _text("name", 40, "of the metric", primary_key=True),
    _text("label", 64, "one of its labels", primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False, comment="how many, or the newest value"),
)

outbox: Final = sa.Table(
    "outbox",
    metadata,
    _id("UUIDv7; the receiver's idempotency key"),
    _text("kind", 16, "sms, mail, logout, ping"),
    _sealed("payload_sealed", "what to send", null=False),
    _number("attempts", "tries so far"),
    _at("created_at", "written"),
    _at("due_at", "next try"),
    _at("expires_at", "worthless after that"),
    _at("leased_until", "claimed by a sender", null=True),
    _text("leased_by", 32, "which process", nullable=True),
    _at("done_at", "delivered or given up", null=True),
    _text("last_error", 40, "stable word", nullable=True),
)
# what was delivered is kept for a week, and nobody looks for it
sa.Index(
    "ix_outbox_due_at",
    outbox.c.due_at,
    sqlite_where=outbox.c.done_at.is_(None),
    postgresql_where=outbox.c.done_at.is_(None),
)

sms_message: Final = sa.Table(
    "sms_message",
    metadata,
    _id("the outbox row"),
    _text("purpose", 16, "what the code was for"),
    _text("gateway", 16, "who carried it", nullable=True),
    _text("provider_id", 80, "the carrier's name for it", nullable=True),
    _text("state", 12, "queued to delivered"),
    _text("reason", 24, "stable word", nullable=True),
    _text("prefix", 8, "operator prefix, for delivery figures"),
    _at("created_at", "asked for", index=True),
    _at("changed_at", "last report"),
    sa.Index("ix_sms_message_gateway_provider_id", "gateway", "provider_id"),
)

registry_check: Final = sa.Table(
    "registry_check",
    metadata,
    _id("UUIDv7"),
    _digest("nik_index", "blind index of the NIK asked", index=True),
    sa.Column("account_id", sa.Uuid, nullable=True, comment="the account it opened"),
    _text("method", 24, "what was asked"),
    _text("outcome", 16, "what came back"),
    _number("threshold", "least similarity asked"),
    _at("checked_at", "when", index=True),
    _at("feedback_sent_at", "Data Balikan", null=True),
)

form_submission: Final = sa.Table(
    "form_submission",
    metadata,
    _digest("digest", "browser and submission id", primary_key=True),
    _sealed("answer_sealed", "status, headers and body; absent while at work"),
    _at("expires_at", "10 minutes", index=True),
)

failure: Final = sa.Table(
    "failure",
    metadata,
    _id("UUIDv7"),
    _text("code", 8, "support code, as the page shows it without its hyphen", index=True),
    _at("at", "when it was answered", index=True),
    _text("process", 80, "which process answered"),
    _text("side", 8, "portal (its own request), page"),
    _text("endpoint", 64, "name of the route"),
    sa.Column("status", sa.SmallInteger, nullable=False, comment="of the HTTP answer"),
    _text("cause", 64, "stable word"),
    _text("detail", 300, "technical English out of fixed tables"),
    _text("request_id", 32, "of the HTTP request"),
    _text("client_id", 128, "which client", nullable=True),
    sa.Column("account_id", sa.Uuid, nullable=True, comment="who was signed in"),
    _digest("trail", "SHA-256 of the browser's flow cookie", nullable=True),
    sa.Index("ix_failure_trail_at", "trail", "at"),
)

identity_case: Final = sa.Table(
    "identity_case",
    metadata,
    _id("UUIDv7"),
    sa.Column("account_id", sa.Uuid, nullable=False, index=True, comment="about whose account"),
    _text("kind", 12, "why somebody doubts: a word of idp.domain.identity.case.CaseKind"),
    sa.Column("opened_by", sa.Uuid, nullable=False, comment="which admin; all zeros for nobody"),
    _at("opened_at", "when"),
    _text("decision", 12, "upheld, rejected", nullable=True),
    sa.Column("decided_by", sa.Uuid, nullable=True, comment="which admin"),
    _at("decided_at", "when", null=True),
    _sealed("reason_sealed", "why it was decided so"),
)
sa.Index(
    "ix_identity_case_open",
    identity_case.c.opened_at,
    sqlite_where=identity_case.c.decided_at.is_(None),
    postgresql_where=identity_case.c.decided_at.is_(None),
)
sa.Index(
    "uq_identity_case_open",
    identity_case.c.account_id,
    identity_case.c.kind,
    unique=True,
    sqlite_where=identity_case.c.decided_at.is_(None),
    postgresql_where=identity_case.c.decided_at.is_(None),
)

case_note: Final = sa.Table(
    "case_note",
    metadata,
    _id("UUIDv7"),
    sa.Column(
        "case_id", sa.ForeignKey("identity_case.id"), nullable=False, index=True, comment="of which"
    ),
    _at("at", "when"),
    sa.Column("by", sa.Uuid, nullable=False, comment="which admin"),
    _sealed("text_sealed", "the evidence", null=False),
    _sealed("reference_sealed", "where the original lies", null=False),
)

rate_window: Final = sa.Table(
    "rate_window",
    metadata,
    _digest("digest", "what is counted", primary_key=True),
    _number("count", "hits in the window"),
    _at("expires_at", "end of the window", index=True),
)

failure_count: Final = sa.Table(
    "failure_count",
    metadata,
    _digest("digest", "account or device", primary_key=True),
    _number("failures", "in a row"),
    _at("last_at", "newest"),
    _at("expires_at", "forgotten then", index=True),
)

replay: Final = sa.Table(
    "replay",
    metadata,
    _digest("digest", "kind and identifier of a one-time thing", primary_key=True),
    _at("expires_at", "when it could not be used anyway", index=True),
)

pushed_request: Final = sa.Table(
    "pushed_request",
    metadata,
    _digest("digest", "SHA-256 of the request_uri", primary_key=True),
    _text("client_id", 128, "who pushed"),
    _json("params", "the request's parameters"),
    _at("expires_at", "90 seconds until opened", index=True),
    _at("opened_at", "first opening", null=True),
    _at("used_at", "an answer was issued", null=True),
)

device_code: Final = sa.Table(
    "device_code",
    metadata,
    _digest("digest", "SHA-256 of the device code", primary_key=True),
    _digest("user_code_digest", "keyed, of the code that a person enters", unique=True),
    _text("client_id", 128, "which client"),
    sa.Column("scope", sa.Text, nullable=False, comment="asked for"),
    _json("resources", "audiences asked for"),
    _json("details", "authorization details asked for"),
    _text("status", 12, "pending, allowed, denied, redeemed"),
    sa.Column("grant_id", sa.Uuid, nullable=True, comment="what was allowed"),
    _number("interval", "seconds between polls"),
    _at("polled_at", "last poll, 0 before the first"),
    _at("expires_at", "ten minutes", index=True),
)

backchannel_request: Final = sa.Table(
    "backchannel_request",
    metadata,
    _digest("digest", "SHA-256 of the auth_req_id", primary_key=True),
    _digest("page_digest", "SHA-256 of the id in the person's page address", unique=True),
    _text("client_id", 128, "which client"),
    sa.Column("account_id", sa.Uuid, nullable=False, index=True, comment="whom it asks"),
    sa.Column("scope", sa.Text, nullable=False, comment="asked for"),
    _json("resources", "audiences asked for"),
    _json("acr_values", "levels asked for"),
    _json("details", "authorization details asked for"),
    sa.Column("binding_message", sa.Text, nullable=True, comment="shown on both screens"),
    _text("mode", 8, "poll, ping"),
    _sealed("notification_sealed", "bearer token for the ping"),
    _text("status", 12, "pending, allowed, denied, redeemed"),
    sa.Column("grant_id", sa.Uuid, nullable=True, comment="what was allowed"),
    _number("interval", "seconds between polls"),
    _at("polled_at", "last poll, 0 before the first"),
    _at("created_at", "asked"),
    _at("expires_at", "end of its life", index=True),
)

initial_access_token: Final = sa.Table(
    "initial_access_token",
    metadata,
    _digest("digest", "SHA-256 of the token", primary_key=True),
    _text("note", 80, "for whom it was made"),
    _at("created_at", "made"),
    _at("expires_at", "end of its life", index=True),
    _at("used_at", "spent by the first registration", null=True),
)

logout_notice: Final = sa.Table(
    "logout_notice",
    metadata,
    _id("the outbox row; `jti` of the logout token"),
    _text("session_sid", 22, "which login session ended", index=True),
    _text("client_id", 128, "who is told"),
    _text("state", 12, "waiting, confirmed, failed"),
    _at("created_at", "when the session ended", index=True),
    _at("changed_at", "last try"),
)

lease: Final = sa.Table(
    "lease",
    metadata,
    _text("name", 40, "of the job", primary_key=True),
    _text("holder", 32, "which process does it"),
    _at("until", "when another may"),
    _at("done_at", "last time that it was done"),
)

upstream_link: Final = sa.Table(
    "upstream_link",
    metadata,
    _digest("digest", "SHA-256 of issuer and subject at another provider", primary_key=True),
    sa.Column(
        "account_id", sa.ForeignKey("account.id"), nullable=False, index=True, comment="who it is"
    ),
    _at("created_at", "first came in by it"),
)

legacy_source: Final = sa.Table(
    "legacy_source",
    metadata,
    _text("name", 32, "the portal", primary_key=True),
    _at("first_at", "first export"),
    _at("last_import_at", "newest export"),
    _at("exported_at", "when that was made, as its manifest says", null=True),
)

legacy_import_run: Final = sa.Table(
    "legacy_import_run",
    metadata,
    _id("UUIDv7"),
    _text("source", 32, "the one portal that it is of, where the operator said so", nullable=True),
    _text("state", 12, "running, unchecked, done, refused, abandoned"),
    _digest("head", "keyed, of the beginning of the input", index=True),
    sa.Column("line", sa.BigInteger, nullable=False, comment="lines done"),
    sa.Column("offset", sa.BigInteger, nullable=False, comment="bytes done, decompressed"),
    sa.Column("digest", sa.LargeBinary, nullable=False, comment="keyed, of those bytes"),
    _json("counts", "totals so far: words and numbers"),
    _at("started_at", "begun"),
    _at("changed_at", "last batch"),
    _at("exported_at", "when the export was made", null=True),
)

legacy_refused_line: Final = sa.Table(
    "legacy_refused_line",
    metadata,
    sa.Column("run_id", sa.Uuid, primary_key=True, comment="the run"),
    sa.Column("line", sa.BigInteger, primary_key=True, autoincrement=False, comment="its number"),
    _text("cause", 40, "stable word"),
    _text("source", 32, "the portal, where it could be read", nullable=True),
    sa.Column(
        "legacy_id", sa.Uuid, nullable=True, index=True, comment="the row it would have been"
    ),
)

# Millions of rows come in one evening: no foreign keys here, and what they have of indexes counts.
legacy_account: Final = sa.Table(
    "legacy_account",
    metadata,
    _id("UUIDv8: keyed digest of source and source_id"),
    _text("source", 32, "the portal"),
    _text("state", 20, "waiting, identity_required, blocked, claimed, closed"),
    _text("credential", 8, "none, weak (not wrapped yet), ready"),
    _text("scheme", 24, "kind of the old hash, empty where there is none"),
    _digest("fingerprint", "keyed, of the whole record: shows what a new export changed"),
    _sealed("person_sealed", "source_id, NIK, name, contacts, login, dates, companies", null=False),
    _sealed("hash_sealed", "the old hash with its parameters"),
    _digest("nik_index", "blind index of the NIK", nullable=True, index=True),
    _number("last_used_month", "months since year 0 of the last sign-in there", nullable=True),
    sa.Column("run_id", sa.Uuid, nullable=False, comment="the run that saw it last"),
    _at("imported_at", "first seen"),
    sa.Column("account_id", sa.Uuid, nullable=True, comment="the account that it came home to"),
    _at("claimed_at", "when", null=True),
    _text("failure", 40, "stable word for why the last claim failed", nullable=True),
    _at("told_at", "when its owner was told that it lies dormant", null=True),
    sa.CheckConstraint(
        "state IN ('waiting', 'identity_required', 'blocked', 'claimed', 'closed')", name="state"
    ),
    sa.CheckConstraint("credential IN ('none', 'weak', 'ready')", name="credential"),
)
sa.Index(
    "ix_legacy_account_account_id",
    legacy_account.c.account_id,
    sqlite_where=legacy_account.c.account_id.is_not(None),
    postgresql_where=legacy_account.c.account_id.is_not(None),
)
sa.Index(
    "ix_legacy_account_weak",
    legacy_account.c.id,
    sqlite_where=legacy_account.c.credential == "weak",
    postgresql_where=legacy_account.c.credential == "weak",
)

legacy_identifier: Final = sa.Table(
    "legacy_identifier",
    metadata,
    _digest("digest", "blind index of address, number or login", primary_key=True),
    sa.Column("legacy_id", sa.Uuid, primary_key=True, index=True, comment="of which row"),
    _text("kind", 8, "email, phone, login"),
    sa.Column("is_verified", sa.Boolean, nullable=False, comment="as the portal says"),
)

legacy_conflict: Final = sa.Table(
    "legacy_conflict",
    metadata,
    _id("UUIDv7"),
    _text("kind", 8, "email, phone, nik"),
    _digest("digest", "blind index of what is shared"),
    _text("source", 32, "the portal, for a NIK twice in it; else empty"),
    _at("found_at", "by an import", index=True),
    _at("decided_at", "by an officer", null=True),
    _text("decision", 24, "stable word", nullable=True),
    _text("decided_by", 80, "who", nullable=True),
    sa.UniqueConstraint("digest", "kind", "source"),
)

legacy_link: Final = sa.Table(
    "legacy_link",
    metadata,
    _id("UUIDv7"),
    sa.Column("legacy_id", sa.Uuid, nullable=False, index=True, comment="the row that came home"),
    sa.Column("account_id", sa.Uuid, nullable=False, index=True, comment="to which account"),
    _sealed("before_sealed", "what undoing brings back", null=False),
    _at("created_at", "when", index=True),
    _at("undone_at", "taken back", null=True),
)

admin: Final = sa.Table(
    "admin",
    metadata,
    _id("UUIDv7"),
    _digest("admin_email_index", "blind index of the address in lower case", unique=True),
    _sealed("email_sealed", "address as typed", null=False),
    _sealed("name_sealed", "what other admins read", null=False),
    _text("status", 12, "invited, active, suspended"),
    _json("roles", "names of roles"),
    sa.Column("password_hash", sa.Text, nullable=True, comment="Argon2id with its parameters"),
    _at("password_changed_at", "set or changed by the person", null=True),
    _text("locale", 8, "language of letters: id or en"),
    _at("created_at", "invited"),
    _at("changed_at", "last change of anything here"),
    _at("last_seen_at", "last sign-in", null=True),
    _number("version", "counts changes; guards edits"),
    sa.CheckConstraint("status IN ('invited', 'active', 'suspended')", name="status"),
)

admin_invitation: Final = sa.Table(
    "admin_invitation",
    metadata,
    _digest("digest", "SHA-256 of the link's secret", primary_key=True),
    sa.Column(
        "admin_id", sa.ForeignKey("admin.id"), nullable=False, index=True, comment="for whom"
    ),
    _text("purpose", 8, "join, reset"),
    _at("created_at", "made"),
    _at("expires_at", "30 minutes", index=True),
    sa.Column("invited_by", sa.Uuid, nullable=True, comment="admin; none at the command line"),
    _at("used_at", "opened and done", null=True),
)

admin_totp: Final = sa.Table(
    "admin_totp",
    metadata,
    sa.Column("admin_id", sa.ForeignKey("admin.id"), primary_key=True, comment="whose app"),
    _sealed("seed_sealed", "160 random bits", null=False),
    _number("last_step", "newest time step that was spent"),
    _at("created_at", "enrolled"),
)

admin_passkey: Final = sa.Table(
    "admin_passkey",
    metadata,
    _id("UUIDv7"),
    sa.Column(
        "admin_id", sa.ForeignKey("admin.id"), nullable=False, index=True, comment="whose passkey"
    ),
    sa.Column("credential_id", sa.LargeBinary, nullable=False, unique=True, comment="its own name"),
    sa.Column("public_key", sa.LargeBinary, nullable=False, comment="COSE key"),
    sa.Column("sign_count", sa.BigInteger, nullable=False, comment="the highest seen"),
    _json("transports", "how browsers reach it"),
    _text("label", 40, "what its owner calls it"),
    _at("created_at", "enrolled"),
    _at("last_used_at", "newest sign-in with it", null=True),
)

admin_recovery_code: Final = sa.Table(
    "admin_recovery_code",
    metadata,
    _digest("digest", "SHA-256 of an 80-bit code", primary_key=True),
    sa.Column(
        "admin_id", sa.ForeignKey("admin.id"), nullable=False, index=True, comment="whose code"
    ),
    _at("used_at", "spent", null=True),
)

admin_session: Final = sa.Table(
    "admin_session",
    metadata,
    _digest("digest", "SHA-256 of the cookie", primary_key=True),
    _text("sid", 22, "its name towards ourselves", unique=True),
    sa.Column(
        "admin_id", sa.ForeignKey("admin.id"), nullable=False, index=True, comment="who signed in"
    ),
    _text("step", 8, "password, full"),
    _text("factor", 8, "totp, passkey, recovery; empty before it"),
    _at("created_at", "begun"),
    _at("seen_at", "last request, to the minute"),
    _at("fresh_at", "last time that a factor was shown"),
    _at("expires_at", "8 hours; 10 minutes before the second factor", index=True),
    _text("device", 80, "readable name of the browser"),
    _text("network", 43, "truncated address"),
    _at("ended_at", "signed out, or ended by others", null=True),
)

approval: Final = sa.Table(
    "approval",
    metadata,
    _id("UUIDv7"),
    _text("kind", 32, "what would be done: a stable word"),
    _text("subject", 128, "what it is about", index=True),
    _sealed("payload_sealed", "all that is needed to do it, JSON", null=False),
    _digest("digest", "SHA-256 of kind, subject and payload"),
    _sealed("reason_sealed", "why, in its author's words", null=False),
    _text("author_kind", 12, "admin, citizen"),
    sa.Column("author_id", sa.Uuid, nullable=False, index=True, comment="who asked"),
    _at("created_at", "asked"),
    _at("expires_at", "72 hours"),
    _text("status", 12, "waiting, approved, refused, withdrawn", index=True),
    sa.Column("decided_by", sa.Uuid, nullable=True, comment="which admin"),
    _at("decided_at", "when", null=True),
    _sealed("decision_sealed", "why, in the decider's words"),
    sa.CheckConstraint("status IN ('waiting', 'approved', 'refused', 'withdrawn')", name="status"),
    sa.CheckConstraint("decided_by <> author_id OR status = 'withdrawn'", name="four_eyes"),
)

team: Final = sa.Table(
    "team",
    metadata,
    _id("UUIDv7"),
    _text("name", 80, "as its owner calls it"),
    _at("created_at", "when"),
)

team_member: Final = sa.Table(
    "team_member",
    metadata,
    sa.Column("team_id", sa.ForeignKey("team.id"), primary_key=True, comment="which team"),
    sa.Column(
        "account_id", sa.ForeignKey("account.id"), primary_key=True, index=True, comment="who"
    ),
    _text("role", 12, "owner, developer, viewer"),
    _at("joined_at", "when"),
    sa.CheckConstraint("role IN ('owner', 'developer', 'viewer')", name="role"),
)

team_invitation: Final = sa.Table(
    "team_invitation",
    metadata,
    _id("UUIDv7"),
    _digest("digest", "SHA-256 of the secret in the letter", unique=True),
    sa.Column("team_id", sa.ForeignKey("team.id"), nullable=False, index=True, comment="to what"),
    _text("role", 12, "owner, developer, viewer"),
    _sealed("email_sealed", "whom the letter went to", null=False),
    _at("created_at", "sent"),
    _at("expires_at", "end of its life", index=True),
    _at("used_at", "accepted or taken back", null=True),
)

team_portal: Final = sa.Table(
    "team_portal",
    metadata,
    _id("UUIDv7"),
    sa.Column("team_id", sa.ForeignKey("team.id"), nullable=False, index=True, comment="whose"),
    _text("sandbox_client_id", 128, "the client for trying out", unique=True),
    _text("live_client_id", 128, "the client in production", nullable=True, unique=True),
    _text("kind", 12, "web, spa, mobile, machine, apache"),
    _text("library", 24, "whose snippet the team sees"),
    _at("created_at", "registered"),
    _at("retired_at", "given up for good", null=True),
)

portal_release: Final = sa.Table(
    "portal_release",
    metadata,
    _id("UUIDv7"),
    sa.Column(
        "portal_id", sa.ForeignKey("team_portal.id"), nullable=False, index=True, comment="of what"
    ),
    _text("state", 20, "draft, submitted, changes_requested, approved, live, suspended, retired"),
    _json("metadata", "the registration that is proposed"),
    sa.Column("words", sa.Text, nullable=False, comment="what the officer asked to be changed"),
    sa.Column("submitted_by", sa.Uuid, nullable=True, comment="the account that submitted it"),
    _at("submitted_at", "last time", null=True),
    _number("round", "how often it was submitted"),
    _number("version", "counts changes; guards edits"),
    _at("created_at", "begun"),
    _at("changed_at", "last change of anything"),
    sa.CheckConstraint(
        "state IN ('draft', 'submitted', 'changes_requested', 'approved', 'live', 'suspended', "
        "'retired')",
        name="state",
    ),
)
sa.Index(
    "ix_portal_release_waiting",
    portal_release.c.submitted_at,
    sqlite_where=portal_release.c.state == "submitted",
    postgresql_where=portal_release.c.state == "submitted",
)

release_approval: Final = sa.Table(
    "release_approval",
    metadata,
    sa.Column("release_id", sa.ForeignKey("portal_release.id"), primary_key=True, comment="what"),
    _text("reviewer", 80, "which officer", primary_key=True),
    _digest("digest", "SHA-256 of exactly what was approved"),
    _at("at", "when"),
)

client_usage: Final = sa.Table(
    "client_usage",
    metadata,
    _text("client_id", 128, "whose", primary_key=True),
    sa.Column("day", sa.Integer, primary_key=True, index=True, comment="days since 1970, in WIB"),
    _text("kind", 12, "sign_in, token, error", primary_key=True),
    _number("number", "how many"),
)

client_request: Final = sa.Table(
    "client_request",
    metadata,
    _id("UUIDv7"),
    _text("client_id", 128, "whose"),
    _at("at", "when", index=True),
    _text("endpoint", 32, "where it came"),
    _text("error", 64, "registered error code, empty where it was answered"),
    _text("description", 200, "what the client was told"),
    _number("status", "of the answer"),
    _text("request_id", 24, "its name in logs and audit"),
    sa.Column(
        "is_proved", sa.Boolean, nullable=False, comment="whether the caller proved who it is"
    ),
    _json("shown", "parameters by name; values from closed lists or hidden"),
    sa.Index("ix_client_request_client_id_id", "client_id", "id"),
)

expiry_notice: Final = sa.Table(
    "expiry_notice",
    metadata,
    _text("client_id", 128, "whose", primary_key=True),
    _text("what", 64, "beginning of the secret's digest, or the key's id", primary_key=True),
    sa.Column("days", sa.Integer, primary_key=True, comment="30, 7 or 1 before the end"),
    _at("ends_at", "when it stops to count", index=True),
)
