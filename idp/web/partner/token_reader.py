"""Reading a token of ours: what it says, and whether it holds. Sent in a body, kept nowhere.

What the page does is what a portal's library must do; each check is one line of it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from flask import render_template
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext
from wtforms import TextAreaField
from wtforms.validators import ValidationError

from idp.domain.errors import Refused
from idp.domain.ids import decode_base64url
from idp.web.context import provider, services, web_settings
from idp.web.forms import Form
from idp.web.messages import words_for
from idp.web.partner.blueprint import needs, partner

TOKEN_MAX: Final = 16_384
#: Parts of a signed token, and of an encrypted one (RFC 7515 §7.1, RFC 7516 §7.1).
_SIGNED, _ENCRYPTED = 3, 5
_KINDS: Final[Mapping[str, object]] = {
    "JWT": lazy_gettext("ID token"),
    "at+jwt": lazy_gettext("Access token"),
    "logout+jwt": lazy_gettext("Logout token"),
}


@dataclass(frozen=True, slots=True)
class Check:
    """One check. `is_good`: whether it holds; `told`: what stands in the token."""

    words: object
    is_good: bool
    told: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A token that was read. `times`: claims that are instants, for people."""

    kind: object
    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    checks: tuple[Check, ...]
    times: tuple[tuple[str, int], ...]

    @property
    def is_good(self) -> bool:
        """Whether every check holds."""
        return all(check.is_good for check in self.checks)

    @property
    def header_text(self) -> str:
        """The header as JSON for the page."""
        return json.dumps(self.header, indent=2, ensure_ascii=False)

    @property
    def claims_text(self) -> str:
        """The claims as JSON for the page."""
        return json.dumps(self.claims, indent=2, ensure_ascii=False)


class TokenForm(Form):
    """One token, as it was pasted."""

    token = TextAreaField()

    def validate_token(self, field: TextAreaField) -> None:
        """Refuse what is far too long for a token."""
        if len(field.data or "") > TOKEN_MAX:
            raise ValidationError(words_for(Refused("field.long")))


@partner.route("/token", methods=["GET", "POST"])
@needs(None)
def token_reader() -> ResponseReturnValue:
    """Read a token; the answer shows what it says, not the token itself."""
    form = TokenForm()
    reading = None
    if form.is_accepted():
        try:
            reading = read_token("".join((form.token.data or "").split()))
        except Refused as refusal:
            form.refuse(refusal, "token")
    page = render_template("partner/token_reader.html", form=form, reading=reading)
    return page, form.status


def read_token(token: str) -> Reading:
    """Return what a token of ours says and which checks hold.

    Refuses with `token.required`, `token.encrypted` or `token.form`.
    """
    parts = token.split(".")
    if not token:
        raise Refused("token.required")
    if len(parts) == _ENCRYPTED:
        raise Refused("token.encrypted")
    if len(parts) != _SIGNED:
        raise Refused("token.form")
    header, claims = _json_of(parts[0]), _json_of(parts[1])
    typ = str(header.get("typ", ""))
    now = services().clock.now()
    is_signed = provider().ring.verify(token, typ) is not None
    issuer, expires = claims.get("iss"), claims.get("exp")
    is_living = isinstance(expires, int) and now < expires
    client = provider().directory.find(str(claims.get("aud", "")))
    checks = [
        Check(lazy_gettext("Jenis dikenali (typ)"), typ in _KINDS, typ),
        Check(
            lazy_gettext("Tanda tangan cocok dengan JWKS kami"),
            is_signed,
            f"{header.get('alg', '?')} · {header.get('kid', '?')}",
        ),
        Check(
            lazy_gettext("Penerbit adalah kami (iss)"),
            issuer == web_settings().issuer,
            str(issuer),
        ),
        Check(lazy_gettext("Belum kedaluwarsa (exp)"), is_living, str(expires)),
    ]
    if typ == "JWT":
        words = lazy_gettext("Untuk portal yang terdaftar (aud)")
        checks.append(Check(words, client is not None, str(claims.get("aud"))))
    times = tuple(
        (name, claims[name])
        for name in ("iat", "auth_time", "exp", "nbf")
        if isinstance(claims.get(name), int) and 0 <= claims[name] < _FAR
    )
    return Reading(_KINDS.get(typ, typ), header, claims, tuple(checks), times)


#: The last instant that a calendar of ours can show.
_FAR: Final = 253_402_300_799


def _json_of(part: str) -> Mapping[str, Any]:
    try:
        found = json.loads(decode_base64url(part))
    except (ValueError, RecursionError) as error:
        raise Refused("token.form") from error
    if not isinstance(found, dict):
        raise Refused("token.form")
    return found
