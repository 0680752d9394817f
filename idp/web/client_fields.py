"""The members of a registration as fields of forms: what they are called, and how they are typed.

A section is one page. Texts become values here and are judged below (`client_metadata.py`): what
is typed never fails to be read, so that nothing that somebody typed is lost.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from flask import request
from flask_babel import lazy_gettext

from idp.domain.identity.assurance import ACR_VALUES
from idp.domain.identity.claims import SCOPES
from idp.domain.protocol import algorithms
from idp.domain.protocol.authorization_details import TYPES
from idp.domain.protocol.certificate import SUBJECTS
from idp.domain.protocol.ciba import DELIVERY_MODES
from idp.domain.protocol.client import Environment
from idp.domain.protocol.json_text import read_json
from idp.domain.protocol.metadata_faults import Fault
from idp.oidc.provider import AUTH_METHODS, GRANT_TYPES
from idp.web.context import services
from idp.web.forms import Form
from idp.web.metadata_words import words_of_fault


class Kind(StrEnum):
    """How a member is typed. `WORDS`: in both languages; `PURPOSES`: a part for each scope."""

    TEXT = "text"
    LINES = "lines"
    NUMBER = "number"
    TICK = "tick"
    CHOICE = "choice"
    MANY = "many"
    SCOPES = "scopes"
    JSON = "json"
    WORDS = "words"
    PURPOSES = "purposes"


@dataclass(frozen=True, slots=True)
class Field:
    """One member. `choices`: what may be picked, empty where nothing is registered."""

    member: str
    kind: Kind
    label: object
    hint: object = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """Members that belong together: one page. `name`: in its address."""

    name: str
    words: object
    hint: object
    fields: tuple[Field, ...]


_SIGNED: Final = algorithms.SIGNING_NAMES
_VERIFIED: Final = algorithms.VERIFYING
_TO_CLIENT: Final = algorithms.KEY_MANAGEMENT
_CONTENT: Final = algorithms.CONTENT_ENCRYPTION
#: Members that mean something where client certificates reach us alone (RFC 8705).
CERTIFIED: Final = frozenset({*SUBJECTS, "tls_client_certificate_bound_access_tokens"})
#: Scopes that tell something about a person.
TELLING: Final = tuple(scope for scope in SCOPES if scope not in {"openid", "offline_access"})


def _answers(member: str, words: object) -> tuple[Field, Field, Field]:
    """Return the three members about how an answer is signed and encrypted."""
    return (
        Field(f"{member}_signed_response_alg", Kind.CHOICE, words, choices=_SIGNED),
        Field(
            f"{member}_encrypted_response_alg",
            Kind.CHOICE,
            lazy_gettext("Enkripsi kunci"),
            choices=_TO_CLIENT,
        ),
        Field(
            f"{member}_encrypted_response_enc",
            Kind.CHOICE,
            lazy_gettext("Enkripsi isi"),
            choices=_CONTENT,
        ),
    )


SECTIONS: Final[tuple[Section, ...]] = (
    Section(
        "identitas",
        lazy_gettext("Identitas portal"),
        lazy_gettext("Yang dibaca warga di halaman masuk dan izin, dalam dua bahasa."),
        (
            Field("client_name", Kind.WORDS, lazy_gettext("Nama yang dilihat warga")),
            Field(
                "help_text",
                Kind.WORDS,
                lazy_gettext("Teks bantuan"),
                lazy_gettext("Satu kalimat: siapa yang membantu warga di portal ini."),
            ),
            Field("client_uri", Kind.WORDS, lazy_gettext("Situs portal")),
            Field("policy_uri", Kind.WORDS, lazy_gettext("Kebijakan privasi")),
            Field("tos_uri", Kind.WORDS, lazy_gettext("Syarat layanan")),
            Field(
                "logo_uri",
                Kind.WORDS,
                lazy_gettext("Alamat logo"),
                lazy_gettext("Diambil sekali dan digambar ulang. Logo juga dapat diunggah."),
            ),
            Field(
                "environment",
                Kind.CHOICE,
                lazy_gettext("Lingkungan"),
                choices=tuple(one.value for one in Environment),
            ),
            Field("owner", Kind.TEXT, lazy_gettext("Unit penanggung jawab")),
            Field(
                "contacts",
                Kind.LINES,
                lazy_gettext("Email penanggung jawab"),
                lazy_gettext("Satu alamat per baris."),
            ),
            Field("software_id", Kind.TEXT, lazy_gettext("Pengenal perangkat lunak")),
            Field("software_version", Kind.TEXT, lazy_gettext("Versi perangkat lunak")),
        ),
    ),
    Section(
        "alamat",
        lazy_gettext("Alamat"),
        lazy_gettext("Ke mana peramban dan pemberitahuan boleh dikirim."),
        (
            Field(
                "application_type",
                Kind.CHOICE,
                lazy_gettext("Jenis aplikasi"),
                choices=("web", "native"),
            ),
            Field(
                "redirect_uris",
                Kind.LINES,
                lazy_gettext("Redirect URI"),
                lazy_gettext("Satu alamat per baris, dicocokkan persis."),
            ),
            Field(
                "post_logout_redirect_uris",
                Kind.LINES,
                lazy_gettext("Alamat sesudah keluar"),
                lazy_gettext("Satu alamat per baris, dicocokkan persis."),
            ),
            Field(
                "backchannel_logout_uri",
                Kind.TEXT,
                lazy_gettext("URI keluar lewat jalur belakang"),
                lazy_gettext("Dipanggil saat warga keluar dari semua portal."),
            ),
            Field(
                "backchannel_logout_session_required",
                Kind.TICK,
                lazy_gettext("Sertakan sid dalam pemberitahuan keluar"),
            ),
            Field(
                "test_redirect_uri",
                Kind.TEXT,
                lazy_gettext("Alamat uji masuk"),
                lazy_gettext("Milik penguji di ruang pengembang; tidak dapat dipakai portal."),
            ),
            Field(
                "initiate_login_uri",
                Kind.TEXT,
                lazy_gettext("Alamat untuk memulai masuk dari halaman kami"),
            ),
            Field(
                "request_uris",
                Kind.LINES,
                lazy_gettext("Alamat objek permintaan"),
                lazy_gettext("Satu alamat per baris."),
            ),
        ),
    ),
    Section(
        "autentikasi",
        lazy_gettext("Autentikasi klien"),
        lazy_gettext("Dengan apa portal membuktikan dirinya."),
        (
            Field(
                "profile",
                Kind.CHOICE,
                lazy_gettext("Profil keamanan"),
                choices=("baseline", "fapi2"),
            ),
            Field(
                "token_endpoint_auth_method",
                Kind.CHOICE,
                lazy_gettext("Metode di token endpoint"),
                lazy_gettext("private_key_jwt disarankan; none hanya untuk aplikasi tanpa server."),
                choices=tuple(sorted(AUTH_METHODS)),
            ),
            Field(
                "token_endpoint_auth_signing_alg",
                Kind.CHOICE,
                lazy_gettext("Algoritme asersi"),
                choices=_VERIFIED,
            ),
            Field(
                "assertion_audience",
                Kind.CHOICE,
                lazy_gettext("Audiens asersi"),
                choices=("any", "issuer"),
            ),
            Field(
                "jwks_uri",
                Kind.TEXT,
                lazy_gettext("Alamat kunci publik (JWKS)"),
                lazy_gettext("Diperiksa saat disimpan. Isi alamat atau kuncinya, jangan keduanya."),
            ),
            Field(
                "jwks",
                Kind.JSON,
                lazy_gettext("Kunci publik (JWKS)"),
                lazy_gettext("Objek JSON. Jangan pernah memasukkan kunci rahasia."),
            ),
            *(Field(name, Kind.TEXT, lazy_gettext("Nama dalam sertifikat")) for name in SUBJECTS),
            Field(
                "tls_client_certificate_bound_access_tokens",
                Kind.TICK,
                lazy_gettext("Ikat token pada sertifikat klien"),
            ),
            Field("dpop_bound_access_tokens", Kind.TICK, lazy_gettext("Wajibkan DPoP")),
        ),
    ),
    Section(
        "cakupan",
        lazy_gettext("Cakupan data"),
        lazy_gettext("Apa yang boleh diminta, untuk apa, dan atas dasar hukum apa."),
        (
            Field("scope", Kind.SCOPES, lazy_gettext("Cakupan yang boleh diminta"), choices=SCOPES),
            Field(
                "optional_scopes",
                Kind.MANY,
                lazy_gettext("Cakupan yang boleh ditolak warga"),
                choices=(*TELLING, "offline_access"),
            ),
            Field("scope_purposes", Kind.PURPOSES, lazy_gettext("Tujuan dan dasar hukum")),
            Field(
                "authorization_details_types",
                Kind.MANY,
                lazy_gettext("Izin khusus"),
                choices=tuple(TYPES),
            ),
            Field("legacy_source", Kind.TEXT, lazy_gettext("Sumber akun lama")),
            Field(
                "resources",
                Kind.LINES,
                lazy_gettext("Audiens yang boleh diminta"),
                lazy_gettext("Satu alamat per baris."),
            ),
            Field("default_resource", Kind.TEXT, lazy_gettext("Audiens bila tidak disebut")),
            Field(
                "serves",
                Kind.LINES,
                lazy_gettext("Audiens yang dilayani portal ini"),
                lazy_gettext("Satu alamat per baris."),
            ),
            Field(
                "exchange_audiences",
                Kind.LINES,
                lazy_gettext("Audiens untuk pertukaran token"),
                lazy_gettext("Satu alamat per baris."),
            ),
        ),
    ),
    Section(
        "tingkat",
        lazy_gettext("Tingkat dan masa berlaku"),
        lazy_gettext(
            "Seberapa kuat warga harus membuktikan dirinya, dan berapa lama token berlaku."
        ),
        (
            Field(
                "acr_floor",
                Kind.CHOICE,
                lazy_gettext("Tingkat masuk paling rendah (acr)"),
                choices=ACR_VALUES,
            ),
            Field(
                "ial_floor",
                Kind.CHOICE,
                lazy_gettext("Tingkat identitas paling rendah (ial)"),
                choices=("0", "1", "2"),
            ),
            Field(
                "default_acr_values",
                Kind.LINES,
                lazy_gettext("acr bila tidak diminta"),
                lazy_gettext("Satu nilai per baris."),
            ),
            Field("default_max_age", Kind.NUMBER, lazy_gettext("Umur masuk paling lama (detik)")),
            Field("require_auth_time", Kind.TICK, lazy_gettext("Selalu sertakan auth_time")),
            Field(
                "access_token_seconds",
                Kind.NUMBER,
                lazy_gettext("Masa berlaku access token (detik)"),
                lazy_gettext("Hanya dapat lebih pendek dari setelan layanan."),
            ),
            Field("id_token_seconds", Kind.NUMBER, lazy_gettext("Masa berlaku ID token (detik)")),
            Field(
                "refresh_idle_seconds",
                Kind.NUMBER,
                lazy_gettext("Refresh token tanpa dipakai (detik)"),
            ),
            Field(
                "refresh_absolute_seconds",
                Kind.NUMBER,
                lazy_gettext("Refresh token seluruhnya (detik)"),
            ),
            Field(
                "access_token_format",
                Kind.CHOICE,
                lazy_gettext("Bentuk access token"),
                choices=("jwt", "opaque"),
            ),
            Field(
                "subject_type",
                Kind.CHOICE,
                lazy_gettext("Jenis sub"),
                choices=("pairwise", "public"),
            ),
            Field(
                "sector_identifier_uri",
                Kind.TEXT,
                lazy_gettext("Sektor untuk sub berpasangan"),
                lazy_gettext("Dokumen JSON yang menyebut semua alamat pengalihan."),
            ),
            Field(
                "first_party",
                Kind.TICK,
                lazy_gettext("Milik Kemnaker: tanpa halaman izin"),
            ),
        ),
    ),
    Section(
        "permintaan",
        lazy_gettext("Grant dan permintaan"),
        lazy_gettext("Jenis permintaan yang boleh dikirim portal."),
        (
            Field(
                "grant_types",
                Kind.MANY,
                lazy_gettext("Jenis grant"),
                choices=tuple(sorted(GRANT_TYPES)),
            ),
            Field("response_types", Kind.MANY, lazy_gettext("Jenis jawaban"), choices=("code",)),
            Field(
                "require_pushed_authorization_requests",
                Kind.TICK,
                lazy_gettext("Wajibkan PAR"),
            ),
            Field(
                "require_signed_request_object",
                Kind.TICK,
                lazy_gettext("Wajibkan objek permintaan yang ditandatangani"),
            ),
            Field(
                "request_object_signing_alg",
                Kind.CHOICE,
                lazy_gettext("Algoritme objek permintaan"),
                choices=_VERIFIED,
            ),
            Field(
                "request_object_encryption_alg",
                Kind.CHOICE,
                lazy_gettext("Enkripsi kunci objek permintaan"),
                choices=algorithms.ENCRYPTION_NAMES,
            ),
            Field(
                "request_object_encryption_enc",
                Kind.CHOICE,
                lazy_gettext("Enkripsi isi objek permintaan"),
                choices=_CONTENT,
            ),
            Field(
                "backchannel_token_delivery_mode",
                Kind.CHOICE,
                lazy_gettext("Cara CIBA mengirim hasil"),
                choices=tuple(DELIVERY_MODES),
            ),
            Field(
                "backchannel_client_notification_endpoint",
                Kind.TEXT,
                lazy_gettext("Alamat pemberitahuan CIBA"),
            ),
            Field(
                "backchannel_authentication_request_signing_alg",
                Kind.CHOICE,
                lazy_gettext("Algoritme permintaan CIBA"),
                choices=_VERIFIED,
            ),
            Field(
                "backchannel_user_code_parameter",
                Kind.TICK,
                lazy_gettext("Kode pengguna CIBA"),
            ),
        ),
    ),
    Section(
        "jawaban",
        lazy_gettext("Tanda tangan dan enkripsi jawaban"),
        lazy_gettext("Kosongkan bila portal tidak memerlukannya."),
        (
            *_answers("id_token", lazy_gettext("Tanda tangan ID token")),
            *_answers("userinfo", lazy_gettext("Tanda tangan userinfo")),
            *_answers("authorization", lazy_gettext("Tanda tangan jawaban otorisasi (JARM)")),
            *_answers("introspection", lazy_gettext("Tanda tangan introspeksi")),
        ),
    ),
)

FIELDS: Final[Mapping[str, Field]] = {
    one.member: one for section in SECTIONS for one in section.fields
}
SECTION_OF: Final[Mapping[str, Section]] = {
    one.member: section for section in SECTIONS for one in section.fields
}

#: What was typed: a text for each input, a list for boxes to tick.
Typed = dict[str, str | list[str]]


@dataclass(slots=True)
class Shown:
    """A field on a page, with what was typed and what is wrong with it."""

    field: Field
    typed: Typed
    errors: dict[str, list[str]]

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes that have a purpose each."""
        return TELLING

    @property
    def choices(self) -> tuple[str, ...]:
        """What may be picked here: of the ways to authenticate those that can work."""
        offered = self.field.choices
        if self.field.member == "token_endpoint_auth_method":
            allowed = services().client_desk.policy.auth_methods
            offered = tuple(choice for choice in offered if choice in allowed)
        return offered

    @property
    def is_offered(self) -> bool:
        """Whether the field stands on the page.

        What needs client certificates does so where they reach us, or where it is set.
        """
        policy = services().client_desk.policy
        return (
            self.field.member not in CERTIFIED
            or policy.takes_certificates
            or bool(self.typed.get(self.field.member) or self.errors.get(self.field.member))
        )

    def part(self, suffix: str = "") -> "Part":
        """Return one input: what macros of pages take for a field."""
        name = self.field.member + suffix
        return Part(name, self.typed.get(name, ""), self.errors.get(name, []))


@dataclass(frozen=True, slots=True)
class Part:
    """One input: `name`, `data`, `errors` as templates read them."""

    name: str
    data: str | list[str]
    errors: list[str]


class ClientForm(Form):
    """Members of a registration as one form; `fields` say which."""

    def __init__(self, fields: tuple[Field, ...], typed: Typed) -> None:
        super().__init__()
        self.wrong: dict[str, list[str]] = {}
        self.shown = [Shown(one, typed, self.wrong) for one in fields]

    def tell(self, faults: tuple[Fault, ...]) -> None:
        """Put faults beside their fields; those of other members stand above, with their name."""
        self.status = 422
        own = {shown.field.member for shown in self.shown}
        for fault in faults:
            words = words_of_fault(fault)
            base, _, tag = fault.member.partition("#")
            if base in own and tag in {"", "id", "en"}:
                name = f"{base}__en" if tag == "en" else base
                self.wrong.setdefault(name, []).append(words)
            else:
                label = FIELDS[base].label if base in FIELDS else fault.member
                self.form_errors = [*self.form_errors, f"{label}: {words}"]

    @property
    def problems(self) -> list[tuple[str, str]]:
        """Input and words of everything that is wrong, in the order of the page."""
        found = [("", words) for words in self.form_errors]
        for one in self.shown:
            for name in (one.field.member, f"{one.field.member}__en"):
                found += [(name, words) for words in self.wrong.get(name, ())]
        return found


def typed_of(fields: tuple[Field, ...], metadata: Mapping[str, Any]) -> Typed:
    """Return a registration as it would be typed."""
    typed: Typed = {}
    for one in fields:
        typed |= _WRITERS[one.kind](one, metadata)
    return typed


def typed_now(fields: tuple[Field, ...]) -> Typed:
    """Return what the request's form says, every input of every field."""
    typed: Typed = {}
    for one in fields:
        for name, is_list in _inputs(one):
            typed[name] = (
                request.form.getlist(name)
                if is_list
                else request.form.get(name, "").replace("\r\n", "\n").strip()
            )
    return typed


def members_of(fields: tuple[Field, ...], typed: Typed) -> dict[str, Any]:
    """Return what was typed as members; an empty input is a member that is not there."""
    found: dict[str, Any] = {}
    for one in fields:
        found |= _READERS[one.kind](one, typed)
    return found


def merged(
    fields: tuple[Field, ...],
    metadata: Mapping[str, Any],
    typed: Typed,
    *,
    read: Mapping[str, Any],
) -> dict[str, Any]:
    """Return a registration with what somebody changed in a form; the rest stays as it is.

    `read`: the registration that the form was filled in from.
    """
    found = dict(metadata)
    for one in fields:
        before = typed_of((one,), read)
        if {name: typed.get(name, "") for name in before} == before:
            continue
        ours = {one.member, f"{one.member}#id", f"{one.member}#en"}
        found = {key: value for key, value in found.items() if key not in ours}
        found |= members_of((one,), typed)
    return found


def _inputs(one: Field) -> Iterator[tuple[str, bool]]:
    """Return the names of a field's inputs, and whether it is a list of boxes."""
    match one.kind:
        case Kind.MANY:
            yield one.member, True
        case Kind.SCOPES:
            yield one.member, True
            yield f"{one.member}__more", False
        case Kind.WORDS:
            yield one.member, False
            yield f"{one.member}__en", False
        case Kind.PURPOSES:
            for scope in TELLING:
                for _, suffix in PURPOSE_PARTS:
                    yield f"{one.member}__{scope}{suffix}", False
        case _:
            yield one.member, False


#: The parts of a purpose by their input.
PURPOSE_PARTS: Final = (("purpose", ""), ("purpose#en", "__en"), ("legal_basis", "__basis"))


def _text(typed: Typed, name: str) -> str:
    value = typed.get(name, "")
    return value.strip() if isinstance(value, str) else ""


def _list(typed: Typed, name: str) -> list[str]:
    value = typed.get(name, [])
    return value if isinstance(value, list) else []


_Reader = Callable[[Field, Typed], dict[str, Any]]
_Writer = Callable[[Field, Mapping[str, Any]], Typed]


def _read_text(one: Field, typed: Typed) -> dict[str, Any]:
    text = _text(typed, one.member)
    return {one.member: text} if text else {}


def _read_lines(one: Field, typed: Typed) -> dict[str, Any]:
    lines = [line.strip() for line in _text(typed, one.member).splitlines()]
    found = [line for line in lines if line]
    return {one.member: found} if found else {}


def _read_number(one: Field, typed: Typed) -> dict[str, Any]:
    text = _text(typed, one.member)
    is_number = text.isascii() and text.isdigit() and len(text) < _DIGITS_MAX
    return {one.member: int(text) if is_number else text} if text else {}


_DIGITS_MAX: Final = 12


def _read_tick(one: Field, typed: Typed) -> dict[str, Any]:
    return {one.member: True} if _text(typed, one.member) == "1" else {}


def _read_choice(one: Field, typed: Typed) -> dict[str, Any]:
    text = _text(typed, one.member)
    if one.member == "ial_floor" and text in one.choices:
        return {one.member: int(text)}
    return {one.member: text} if text else {}


def _read_many(one: Field, typed: Typed) -> dict[str, Any]:
    picked = _list(typed, one.member)
    return {one.member: picked} if picked else {}


def _read_scopes(one: Field, typed: Typed) -> dict[str, Any]:
    more = _text(typed, f"{one.member}__more").split()
    return {one.member: " ".join(dict.fromkeys([*_list(typed, one.member), *more]))}


def _read_json(one: Field, typed: Typed) -> dict[str, Any]:
    text = _text(typed, one.member)
    if not text:
        return {}
    try:
        return {one.member: read_json(text)}
    except ValueError:
        # judged below as what it is: no JSON object
        return {one.member: text}


def _read_words(one: Field, typed: Typed) -> dict[str, Any]:
    told = {
        one.member: _text(typed, one.member),
        f"{one.member}#en": _text(typed, f"{one.member}__en"),
    }
    return {key: text for key, text in told.items() if text}


def _read_purposes(one: Field, typed: Typed) -> dict[str, Any]:
    found: dict[str, dict[str, str]] = {}
    for scope in TELLING:
        parts = {
            part: text
            for part, suffix in PURPOSE_PARTS
            if (text := _text(typed, f"{one.member}__{scope}{suffix}"))
        }
        if parts:
            found[scope] = parts
    return {one.member: found} if found else {}


_READERS: Final[Mapping[Kind, _Reader]] = {
    Kind.TEXT: _read_text,
    Kind.LINES: _read_lines,
    Kind.NUMBER: _read_number,
    Kind.TICK: _read_tick,
    Kind.CHOICE: _read_choice,
    Kind.MANY: _read_many,
    Kind.SCOPES: _read_scopes,
    Kind.JSON: _read_json,
    Kind.WORDS: _read_words,
    Kind.PURPOSES: _read_purposes,
}


def _write_text(one: Field, metadata: Mapping[str, Any]) -> Typed:
    return {one.member: str(metadata.get(one.member, ""))}


def _write_lines(one: Field, metadata: Mapping[str, Any]) -> Typed:
    return {one.member: "\n".join(metadata.get(one.member, ()))}


def _write_tick(one: Field, metadata: Mapping[str, Any]) -> Typed:
    return {one.member: "1" if metadata.get(one.member) else ""}


def _write_many(one: Field, metadata: Mapping[str, Any]) -> Typed:
    return {one.member: list(metadata.get(one.member, ()))}


def _write_scopes(one: Field, metadata: Mapping[str, Any]) -> Typed:
    scopes = str(metadata.get(one.member, "")).split()
    more = [scope for scope in scopes if scope not in one.choices]
    known = [scope for scope in scopes if scope in one.choices]
    return {one.member: known, f"{one.member}__more": " ".join(more)}


def _write_json(one: Field, metadata: Mapping[str, Any]) -> Typed:
    value = metadata.get(one.member)
    return {one.member: "" if value is None else json.dumps(value, indent=2, ensure_ascii=False)}


def _write_words(one: Field, metadata: Mapping[str, Any]) -> Typed:
    plain = metadata.get(f"{one.member}#id") or metadata.get(one.member) or ""
    return {one.member: plain, f"{one.member}__en": metadata.get(f"{one.member}#en", "")}


def _write_purposes(one: Field, metadata: Mapping[str, Any]) -> Typed:
    told = metadata.get(one.member, {})
    return {
        f"{one.member}__{scope}{suffix}": told.get(scope, {}).get(part, "")
        for scope in TELLING
        for part, suffix in PURPOSE_PARTS
    }


_WRITERS: Final[Mapping[Kind, _Writer]] = {
    Kind.TEXT: _write_text,
    Kind.LINES: _write_lines,
    Kind.NUMBER: _write_text,
    Kind.TICK: _write_tick,
    Kind.CHOICE: _write_text,
    Kind.MANY: _write_many,
    Kind.SCOPES: _write_scopes,
    Kind.JSON: _write_json,
    Kind.WORDS: _write_words,
    Kind.PURPOSES: _write_purposes,
}
