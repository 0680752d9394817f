"""The forms of portals: fields of people into members of RFC 7591, refusals back to their field."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

from flask_babel import lazy_gettext
from wtforms import BooleanField, Field, StringField, TextAreaField
from wtforms.validators import ValidationError

from idp.domain.errors import Refused
from idp.domain.identity.claims import SCOPES
from idp.domain.identity.release import GUARDED_SCOPES
from idp.domain.protocol.metadata_faults import Fault, InvalidMetadata, Reason
from idp.web.forms import Form, refuse_control_characters
from idp.web.messages import words_for
from idp.web.metadata_words import words_of_fault
from idp.web.portal_words import SCOPE_WORDS

#: Kinds of application: words, what it means, whether people sign in, how it proves itself.
KINDS: Final[Mapping[str, tuple[object, object]]] = {
    "web": (
        lazy_gettext("Aplikasi web di server"),
        lazy_gettext("PHP, Python, Java, Node, .NET: kode berjalan di server Anda."),
    ),
    "spa": (
        lazy_gettext("Satu halaman dengan backend"),
        lazy_gettext("React, Vue, Angular: backend Anda yang meminta token, bukan peramban."),
    ),
    "mobile": (
        lazy_gettext("Aplikasi ponsel"),
        lazy_gettext("Android atau iOS, tanpa rahasia, dengan PKCE."),
    ),
    "machine": (
        lazy_gettext("Layanan tanpa orang"),
        lazy_gettext("Program yang memanggil API atas namanya sendiri."),
    ),
    "apache": (
        lazy_gettext("PHP lama di belakang Apache"),
        lazy_gettext("mod_auth_openidc masuk lebih dulu; aplikasi membaca header."),
    ),
}

#: Whose snippet is shown, by kind; the first one is proposed.
LIBRARIES: Final[Mapping[str, str]] = {
    "authlib": "Python: Authlib",
    "laravel": "PHP: Laravel (jumbojett)",
    "spring": "Java: Spring Security",
    "node": "Node: openid-client",
    "apache": "Apache: mod_auth_openidc",
    "appauth": "Android/iOS: AppAuth",
    "curl": "curl",
}
LIBRARIES_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "web": ("authlib", "laravel", "spring", "node"),
    "spa": ("node", "authlib", "spring"),
    "mobile": ("appauth",),
    "machine": ("curl",),
    "apache": ("apache",),
}

#: What a kind is in RFC 7591's words.
_SHAPES: Final[Mapping[str, Mapping[str, Any]]] = {
    "web": {"application_type": "web", "token_endpoint_auth_method": "client_secret_basic"},
    "spa": {"application_type": "web", "token_endpoint_auth_method": "client_secret_basic"},
    "mobile": {"application_type": "native", "token_endpoint_auth_method": "none"},
    "machine": {
        "application_type": "web",
        "token_endpoint_auth_method": "client_secret_basic",
        "grant_types": ["client_credentials"],
        "response_types": [],
        "redirect_uris": [],
        "scope": "",
    },
    "apache": {"application_type": "web", "token_endpoint_auth_method": "client_secret_basic"},
}
METHODS: Final = (
    ("client_secret_basic", lazy_gettext("Rahasia di header (client_secret_basic)")),
    ("client_secret_post", lazy_gettext("Rahasia di badan permintaan (client_secret_post)")),
    ("private_key_jwt", lazy_gettext("Kunci sendiri (private_key_jwt), disarankan")),
    ("none", lazy_gettext("Tanpa rahasia, untuk aplikasi ponsel")),
)

LINES_MAX: Final = 16_384
PURPOSE_MAX: Final = 500


class Lines(TextAreaField):
    """Texts, one a line; blank lines count for nothing."""

    @property
    def lines(self) -> list[str]:
        """Return what was typed, in order, each once."""
        found = (line.strip() for line in (self.data or "").splitlines())
        return list(dict.fromkeys(line for line in found if line))

    def pre_validate(self, form: object) -> None:
        del form
        if len(self.data or "") > LINES_MAX:
            raise ValidationError(words_for(Refused("field.long")))
        for line in self.lines:
            _refuse_bad_text(line)


class Line(StringField):
    """One line of text, blank where nothing is said."""

    @property
    def text(self) -> str:
        """Return what was typed, without blanks around it."""
        return (self.data or "").strip()

    def pre_validate(self, form: object) -> None:
        del form
        refuse_control_characters(self.data or "")


#: Value and words of what may be chosen.
Options = Sequence[tuple[str, object]]


class Choices(Field):
    """Boxes; a value that is none of them is refused without saying it back."""

    def __init__(self, *, options: Options, **given: Any) -> None:
        super().__init__("", **given)
        self.options = options

    def process_formdata(self, valuelist: list[str]) -> None:
        """Take every box that is ticked."""
        self.data = valuelist

    def pre_validate(self, form: object) -> None:
        del form
        if not set(self.data or ()) <= {value for value, _ in self.options}:
            raise ValidationError(words_for(Refused("portal.choice")))


class Choice(StringField):
    """One of a list; likewise."""

    def __init__(self, *, options: Options = (), **given: Any) -> None:
        super().__init__("", **given)
        self.options = options

    def pre_validate(self, form: object) -> None:
        del form
        if self.data not in {value for value, _ in self.options}:
            raise ValidationError(words_for(Refused("portal.choice")))


class PortalForm(Form):
    """What a team says of a portal. Both sandbox and release begin with it."""

    client_name = Line()
    client_name_en = Line()
    client_uri = Line()
    redirect_uris = Lines()
    post_logout_redirect_uris = Lines()
    backchannel_logout_uri = Line()
    initiate_login_uri = Line()
    logo_uri = Line()
    policy_uri = Line()
    tos_uri = Line()
    contacts = Lines()
    scopes = Choices(options=list(SCOPE_WORDS.items()))
    legacy_source = Line()
    token_endpoint_auth_method = Choice(options=list(METHODS), default="client_secret_basic")
    jwks_uri = Line()
    jwks = TextAreaField()
    sector_identifier_uri = Line()
    require_par = BooleanField()
    dpop_bound = BooleanField()

    def without_guarded(self) -> Self:
        """Offer only what may be tried where real people sign in (docs/decisions)."""
        self.scopes.options = [one for one in SCOPE_WORDS.items() if one[0] not in GUARDED_SCOPES]
        return self

    def fill(self, metadata: Mapping[str, Any]) -> None:
        """Show what stands."""
        self.client_name.data = metadata.get("client_name#id") or metadata.get("client_name")
        self.client_name_en.data = metadata.get("client_name#en")
        for field in self._plain():
            field.data = metadata.get(field.name, "")
        for field in self._lists():
            field.data = "\n".join(metadata.get(field.name, ()))
        self.scopes.data = [s for s in str(metadata.get("scope", "")).split() if s != "openid"]
        self.token_endpoint_auth_method.data = metadata.get("token_endpoint_auth_method")
        if "jwks" in metadata:
            self.jwks.data = json.dumps(metadata["jwks"], indent=2)
        self.require_par.data = bool(metadata.get("require_pushed_authorization_requests"))
        self.dpop_bound.data = bool(metadata.get("dpop_bound_access_tokens"))

    def metadata(self, base: Mapping[str, Any]) -> dict[str, Any]:
        """Return the members of RFC 7591 that the form says; `base`: of what it changes.

        Refuses with `portal.jwks` for keys that are no JSON.
        """
        is_machine = "authorization_code" not in base.get("grant_types", ["authorization_code"])
        named = {
            "client_name": self.client_name.text,
            "client_name#id": self.client_name.text,
            "client_name#en": self.client_name_en.text,
            **{field.name: field.text for field in self._plain()},
        }
        listed = {field.name: field.lines for field in self._lists()}
        scopes = [name for name in (*SCOPES, "jkp") if name in (self.scopes.data or ())]
        found: dict[str, Any] = {
            **{name: text for name, text in named.items() if text},
            **{name: lines for name, lines in listed.items() if lines},
            "application_type": base.get("application_type", "web"),
            "grant_types": list(base.get("grant_types", ["authorization_code"])),
            "response_types": list(base.get("response_types", ["code"])),
            "token_endpoint_auth_method": self.token_endpoint_auth_method.data,
        }
        grants = set(found["grant_types"]) - {"refresh_token"}
        found["grant_types"] = sorted(grants)
        if not is_machine:
            found["scope"] = " ".join(["openid", *scopes])
        else:
            found["scope"] = base.get("scope", "")
            found["redirect_uris"] = []
        if (self.jwks.data or "").strip():
            found["jwks"] = _json_of(self.jwks.data or "")
        if self.require_par.data:
            found["require_pushed_authorization_requests"] = True
        if self.dpop_bound.data:
            found["dpop_bound_access_tokens"] = True
        return found

    def refuse_metadata(self, refusal: Refused) -> None:
        """Put what the registry refuses beside its field; the rest of the form stays."""
        self.status = 422
        if not isinstance(refusal, InvalidMetadata):
            self._tell("jwks" if refusal.code == "portal.jwks" else "", words_for(refusal))
            return
        for fault in refusal.faults:
            self._tell(_field_of(fault.member), words_of_fault(fault))

    def _tell(self, field: str, words: str) -> None:
        """Put words beside a field, once, or above the form where it has no such field."""
        if field in self._fields:
            if words not in self[field].errors:
                self[field].errors = [*self[field].errors, words]
        elif words not in self.form_errors:
            self.form_errors = [*self.form_errors, words]

    def _plain(self) -> Sequence[Line]:
        return (
            self.client_uri,
            self.backchannel_logout_uri,
            self.initiate_login_uri,
            self.logo_uri,
            self.policy_uri,
            self.tos_uri,
            self.jwks_uri,
            self.sector_identifier_uri,
            self.legacy_source,
        )

    def _lists(self) -> Sequence[Lines]:
        return (self.redirect_uris, self.post_logout_redirect_uris, self.contacts)


class NewPortalForm(PortalForm):
    """The wizard: a kind instead of a shape, and as little else as a first try needs."""

    team = Choice()
    kind = Choice(options=[(name, words) for name, (words, _) in KINDS.items()], default="web")
    library = Choice(options=list(LIBRARIES.items()), default="authlib")

    def chosen_library(self) -> str:
        """Return the library, or the kind's own where the two do not go together."""
        known = LIBRARIES_OF[self.kind.data]
        return self.library.data if self.library.data in known else known[0]

    def is_accepted(self) -> bool:
        """Return whether it was sent and is whole; whatever is empty is told at once."""
        if not super().is_accepted():
            return False
        needed = (
            ["client_name"] if self.kind.data == "machine" else ["client_name", "redirect_uris"]
        )
        empty = [Fault(name, Reason("missing")) for name in needed if not self[name].data.strip()]
        if empty:
            self.refuse_metadata(InvalidMetadata(empty))
        return not empty

    def new_metadata(self) -> dict[str, Any]:
        """Return the registration of a first try."""
        shape = _SHAPES[self.kind.data]
        self.token_endpoint_auth_method.data = shape["token_endpoint_auth_method"]
        if not self.scopes.data:
            self.scopes.data = ["profile"]
        found = self.metadata(shape)
        return {**found, **{n: v for n, v in shape.items() if n not in {"redirect_uris"}}} | (
            {"scope": found["scope"]} if self.kind.data != "machine" else {}
        )


class ReleaseForm(PortalForm):
    """What is proposed for production: every scope with why it is needed."""

    purposes = Lines()

    def fill_release(self, metadata: Mapping[str, Any]) -> None:
        """Show what stands; why each scope is needed has a line each, purpose and law."""
        self.fill(metadata)
        asked = str(metadata.get("scope", "")).split()
        purposes = metadata.get("scope_purposes", {})
        self.purposes.data = "\n".join(
            f"{name}: {_purpose_line(purposes.get(name, {}))}" for name in asked if name != "openid"
        )

    def read_purposes(self) -> dict[str, dict[str, str]]:
        """Return why each scope is needed, as `scope_purposes` has it; of scopes that are asked."""
        found = {}
        for line in self.purposes.lines:
            name, _, why = line.partition(":")
            purpose, _, law = why.partition("|")
            told = {
                "purpose": purpose.strip()[:PURPOSE_MAX],
                "legal_basis": law.strip()[:PURPOSE_MAX],
            }
            if name.strip() in (self.scopes.data or ()):
                found[name.strip()] = {key: text for key, text in told.items() if text}
        return {name: told for name, told in found.items() if told}

    def release_metadata(self, base: Mapping[str, Any]) -> dict[str, Any]:
        """Return the members that the form says."""
        found = self.metadata(base)
        purposes = self.read_purposes()
        if purposes:
            found["scope_purposes"] = purposes
        return found


def _purpose_line(why: Mapping[str, str]) -> str:
    purpose = why.get("purpose") or next((t for n, t in why.items() if n[:8] == "purpose#"), "")
    law = why.get("legal_basis", "")
    return f"{purpose} | {law}" if purpose or law else ""


def _refuse_bad_text(line: str) -> None:
    if any(ord(c) < 32 or 127 <= ord(c) < 160 or 0xD800 <= ord(c) < 0xE000 for c in line):
        raise ValidationError(words_for(Refused("field.character")))


def _json_of(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refused("portal.jwks") from error


#: Members whose field has another name.
_FIELDS: Final = {"scope": "scopes", "optional_scopes": "scopes", "scope_purposes": "purposes"}


def _field_of(member: str) -> str:
    """Return the field that says a member; its languages have fields of their own."""
    plain, _, tag = member.partition("#")
    return "client_name_en" if plain == "client_name" and tag == "en" else _FIELDS.get(plain, plain)
