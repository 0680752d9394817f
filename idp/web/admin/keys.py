"""`/admin/kunci`: the keys that sign tokens; rotating them, in haste too, and retiring one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flask import abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext

from idp.domain.errors import Refused
from idp.domain.identity.approval import read_reason
from idp.domain.identity.audit_details import REASON
from idp.domain.identity.roles import Permission
from idp.domain.protocol.signing_key import KeyStatus
from idp.services.key_requests import RETIRE, retire_payload
from idp.services.key_rotation import ShownKey
from idp.web.admin.approvals import KINDS, LABELS, READERS
from idp.web.admin.blueprint import (
    MENU,
    NOTES,
    MenuEntry,
    acting,
    admin,
    allows,
    current_admin,
    fresh,
    under,
)
from idp.web.context import services
from idp.web.forms import Form, ParsedField
from idp.web.submissions import once

MENU.append(MenuEntry("keys", lazy_gettext("Kunci"), "key", 50))
NOTES.update(
    {
        "dirotasi": ("ok", "check", lazy_gettext("Kunci baru diterbitkan.")),
        "darurat": (
            "ok",
            "check",
            lazy_gettext("Kunci diganti sekarang; kunci lama tidak berlaku lagi."),
        ),
    }
)
KINDS[RETIRE] = lazy_gettext("Pensiunkan kunci")
LABELS.update({"key": lazy_gettext("Kunci"), "key_status": lazy_gettext("Keadaan")})

STATUSES: Final[Mapping[str, tuple[str, object]]] = {
    "next": ("warn", lazy_gettext("Berikutnya")),
    "active": ("ok", lazy_gettext("Aktif")),
    "retired": ("", lazy_gettext("Pensiun")),
    "gone": ("bad", lazy_gettext("Tidak berlaku sekarang juga")),
}


READERS["key_status"] = lambda text: str(STATUSES[text][1])


def read_kept_reason(text: str) -> str:
    """Return a reason that the audit log may keep; refuses as `read_reason`, or for a NIK in it."""
    reason = read_reason(text)
    if not REASON.fits(reason):
        raise Refused("reason.personal")
    return reason


class KeyForm(Form):
    """Why."""

    reason = ParsedField(parse=read_kept_reason)


@dataclass(frozen=True, slots=True)
class KeyAct:
    """One act on all keys: its words, what it tells when it is done, and whether old keys end."""

    heading: object
    button: object
    note: str
    is_emergency: bool


ROTATE: Final = KeyAct(
    lazy_gettext("Rotasi kunci"), lazy_gettext("Terbitkan kunci baru"), "dirotasi", False
)
EMERGENCY: Final = KeyAct(
    lazy_gettext("Rotasi darurat"), lazy_gettext("Ganti semua kunci sekarang"), "darurat", True
)


@admin.get("/kunci")
@allows(Permission.KEYS_READ)
def keys() -> ResponseReturnValue:
    """Show which keys come, sign, and still verify."""
    return render_template(
        "admin/keys/list.html",
        keys=services().keys.list_shown(),
        statuses=STATUSES,
        may_rotate=current_admin().may(Permission.KEYS_ROTATE),
        signing=KeyStatus.ACTIVE,
    )


@admin.route("/kunci/rotasi", methods=["GET", "POST"])
@once()
@allows(Permission.KEYS_ROTATE)
@fresh
def rotate_keys() -> ResponseReturnValue:
    """Publish the next keys; they sign a day later."""
    return _act(ROTATE)


@admin.route("/kunci/darurat", methods=["GET", "POST"])
@once()
@allows(Permission.KEYS_ROTATE)
@fresh
def rotate_keys_at_once() -> ResponseReturnValue:
    """Replace every key now: what the old ones signed stops verifying."""
    return _act(EMERGENCY)


def _act(act: KeyAct) -> ResponseReturnValue:
    under("keys")
    form = KeyForm()
    rotation = services().keys
    if form.is_accepted():
        rotation.rotate(emergency=act.is_emergency, actor=acting(), reason=form.reason.value)
        return redirect(url_for("admin.keys", pesan=act.note), 303)
    page = render_template(
        "admin/keys/rotate.html",
        act=act,
        form=form,
        keys=rotation.list_shown(),
        portals=services().keys.count_portals(),
        signs_at_once=rotation.at_once or act.is_emergency,
    )
    return page, form.status


@admin.route("/kunci/<string:kid>/pensiun", methods=["GET", "POST"])
@once()
@allows(Permission.KEYS_ROTATE)
@fresh
def retire_key(kid: str) -> ResponseReturnValue:
    """Ask a second person to let one key sign no more."""
    under("keys")
    shown = _found(kid)
    form = KeyForm()
    if form.is_accepted():
        try:
            services().approvals.propose(
                RETIRE,
                retire_payload(
                    kid, at_once=request.form.get("when") == "now", reason=form.reason.value
                ),
                subject=kid,
                reason=form.reason.value,
                actor=acting(),
            )
            return redirect(url_for("admin.approvals", pesan="diajukan"), 303)
        except Refused as refusal:
            form.refuse(refusal)
    page = render_template(
        "admin/keys/retire.html",
        shown=shown,
        form=form,
        statuses=STATUSES,
        portals=services().keys.count_portals(),
    )
    return page, form.status


def _found(kid: str) -> ShownKey:
    found = next((one for one in services().keys.list_shown() if one.key.kid == kid), None)
    return found if found is not None else abort(404)
