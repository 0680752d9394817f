"""What is done to a portal as a whole: stop it, let it go on, end it, delete it; secrets, logo.

Each dangerous act has a page that says what it affects, asks for a reason and for a fresh factor.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final
from uuid import UUID

from flask import abort, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext

from idp.domain.errors import Refused
from idp.domain.identity.approval import read_reason
from idp.domain.identity.roles import Permission
from idp.domain.protocol.client import SECRET_METHODS, Client
from idp.domain.protocol.metadata_faults import InvalidMetadata, refuse_member
from idp.services.client_registry import LOGO_BYTES_MAX
from idp.services.client_requests import DELETE, delete_payload
from idp.web.admin.blueprint import acting, admin, allows, current_admin, fresh
from idp.web.admin.client_new import secret_page
from idp.web.admin.client_pages import the_client
from idp.web.context import services
from idp.web.forms import Form, ParsedArea, ParsedField
from idp.web.metadata_words import words_of_fault
from idp.web.submissions import once

_DAY: Final = 86_400
#: What is read of an upload before it is refused, in one piece.
_PIECE: Final = 65_536


class ReasonForm(Form):
    """Why something is done."""

    reason = ParsedArea(parse=read_reason)


@dataclass(frozen=True, slots=True)
class Act:
    """One act: its words on the page, and what it does."""

    heading: object
    effect: object
    button: object
    note: str
    run: Callable[[Client, str], object]


def _suspend(client: Client, reason: str) -> object:
    return services().client_desk.suspend(client.client_id, acting(), reason=reason)


def _activate(client: Client, reason: str) -> object:
    return services().client_desk.activate(client.client_id, acting(), reason=reason)


def _retire(client: Client, reason: str) -> object:
    return services().client_desk.retire(client.client_id, acting(), reason=reason)


def _ask_to_delete(client: Client, reason: str) -> object:
    return services().approvals.propose(
        DELETE,
        delete_payload(client.client_id, version=client.version, reason=reason),
        subject=client.client_id,
        reason=reason,
        actor=acting(),
    )


SUSPEND: Final = Act(
    lazy_gettext("Tangguhkan portal"),
    lazy_gettext(
        "Semua proses masuk ke portal ini berhenti dan token yang berlaku tidak diterima lagi, "
        "paling lambat dalam 5 detik. Warga melihat halaman yang netral. Anda dapat "
        "mengaktifkannya kembali."
    ),
    lazy_gettext("Tangguhkan sekarang"),
    "ditangguhkan",
    _suspend,
)
ACTIVATE: Final = Act(
    lazy_gettext("Aktifkan portal"),
    lazy_gettext("Portal dapat dipakai lagi untuk masuk, dengan pendaftaran yang tersimpan."),
    lazy_gettext("Aktifkan sekarang"),
    "diaktifkan",
    _activate,
)
RETIRE: Final = Act(
    lazy_gettext("Hentikan portal"),
    lazy_gettext(
        "Portal berhenti untuk seterusnya dan tidak dapat diaktifkan kembali. Riwayatnya tetap "
        "tersimpan."
    ),
    lazy_gettext("Hentikan untuk seterusnya"),
    "dihentikan",
    _retire,
)
REMOVE: Final = Act(
    lazy_gettext("Hapus portal"),
    lazy_gettext(
        "Pendaftaran, rahasia, dan logonya dihapus; client ID tidak pernah dipakai lagi. "
        "Penghapusan memerlukan persetujuan orang kedua."
    ),
    lazy_gettext("Ajukan penghapusan"),
    "diajukan",
    _ask_to_delete,
)


@admin.route("/portal/<uuid:row>/tangguhkan", methods=["GET", "POST"])
@once()
@allows(Permission.CLIENTS_SUSPEND)
@fresh
def suspend_client(row: UUID) -> ResponseReturnValue:
    """Stop a portal within five seconds."""
    return _act(row, SUSPEND)


@admin.route("/portal/<uuid:row>/aktifkan", methods=["GET", "POST"])
@once()
@allows(Permission.CLIENTS_WRITE)
@fresh
def activate_client(row: UUID) -> ResponseReturnValue:
    """Let a portal go on."""
    return _act(row, ACTIVATE)


@admin.route("/portal/<uuid:row>/hentikan", methods=["GET", "POST"])
@once()
@allows(Permission.CLIENTS_WRITE)
@fresh
def retire_client(row: UUID) -> ResponseReturnValue:
    """Stop a portal for good."""
    return _act(row, RETIRE)


@admin.route("/portal/<uuid:row>/hapus", methods=["GET", "POST"])
@once()
@allows(Permission.CLIENTS_WRITE)
@fresh
def delete_client(row: UUID) -> ResponseReturnValue:
    """Ask a second officer to let a portal be deleted."""
    return _act(row, REMOVE)


def _act(row: UUID, act: Act) -> ResponseReturnValue:
    client = the_client(row)
    form = ReasonForm()
    if form.is_accepted():
        try:
            act.run(client, form.reason.value)
            return _back(client, act.note)
        except Refused as refusal:
            form.refuse(refusal)
    page = render_template(
        "admin/clients/act.html",
        client=client,
        act=act,
        form=form,
        citizens=services().client_desk.count_citizens(client.client_id),
    )
    return page, form.status


def _back(client: Client, note: str) -> ResponseReturnValue:
    return redirect(f"{url_for('admin.client', row=client.id)}?pesan={note}", 303)


# Secrets ------------------------------------------------------------------------------------------


#: How long a secret may live, by what the form says.
LIVES: Final[Mapping[str, tuple[int | None, object]]] = {
    "180": (180 * _DAY, lazy_gettext("180 hari")),
    "90": (90 * _DAY, lazy_gettext("90 hari")),
    "365": (365 * _DAY, lazy_gettext("365 hari")),
    "0": (None, lazy_gettext("tanpa batas")),
}


class NewSecretForm(Form):
    """How long the secret lives, in seconds; `None` for good."""

    days = ParsedField(parse=lambda text: LIVES.get(text, LIVES["180"])[0])


@admin.get("/portal/<uuid:row>/rahasia")
@allows(Permission.CLIENTS_READ)
def client_secrets(row: UUID) -> ResponseReturnValue:
    """Show when each secret was made and when it ends; never the secret."""
    return _secrets(_with_secrets(row), NewSecretForm())


@admin.post("/portal/<uuid:row>/rahasia/baru")
@once()
@allows(Permission.CLIENTS_WRITE)
@fresh
def add_client_secret(row: UUID) -> ResponseReturnValue:
    """Make a second secret and show it this once."""
    client = _with_secrets(row)
    form = NewSecretForm()
    if form.is_accepted():
        try:
            return secret_page(
                services().client_desk.add_secret(
                    client.client_id, acting(), life_seconds=form.days.value
                )
            )
        except Refused as refusal:
            form.refuse(refusal)
    return _secrets(client, form)


@admin.route("/portal/<uuid:row>/rahasia/<uuid:secret>/akhiri", methods=["GET", "POST"])
@once()
@allows(Permission.CLIENTS_WRITE)
@fresh
def retire_client_secret(row: UUID, secret: UUID) -> ResponseReturnValue:
    """End one secret at once."""
    client = _with_secrets(row)
    found = next((one for one in client.secrets if one.id == secret), None)
    if found is None:
        abort(404)
    form = Form()
    if form.is_accepted():
        try:
            services().client_desk.retire_secret(client.client_id, secret, acting())
            return _back(client, "rahasia-diakhiri")
        except Refused as refusal:
            form.refuse(refusal)
    page = render_template(
        "admin/clients/retire_secret.html",
        client=client,
        secret=found,
        form=form,
        left=len(client.secrets) - 1,
        citizens=services().client_desk.count_citizens(client.client_id),
    )
    return page, form.status


def _with_secrets(row: UUID) -> Client:
    client = the_client(row)
    if client.auth_method not in SECRET_METHODS:
        abort(404)
    return client


def _secrets(client: Client, form: Form) -> ResponseReturnValue:
    now = services().clock.now()
    page = render_template(
        "admin/clients/secrets.html",
        client=client,
        form=form,
        lives=LIVES,
        secrets=client.secrets,
        live=sum(secret.is_live(now) for secret in client.secrets),
        may_write=current_admin().may(Permission.CLIENTS_WRITE),
        is_fresh=current_admin().session.is_fresh(now),
    )
    return page, form.status


# The logo -----------------------------------------------------------------------------------------


class LogoForm(Form):
    """A picture, or the wish to have none. `wrong`: what is wrong with the picture."""

    class Meta(Form.Meta):
        """What was too large is not read as a form."""

        def wrap_formdata(self, form: object, formdata: Any) -> Any:
            return None if g.get("is_too_large") else super().wrap_formdata(form, formdata)

    wrong: tuple[str, ...] = ()

    @property
    def problems(self) -> list[tuple[str, str]]:
        """What is wrong, by field."""
        return [("", words) for words in self.form_errors] + [("logo", w) for w in self.wrong]

    def tell(self, refusal: InvalidMetadata) -> None:
        """Put what is wrong beside the picture."""
        self.wrong = tuple(words_of_fault(fault) for fault in refusal.faults)
        self.status = 422


def measured(view: Callable[[UUID], ResponseReturnValue]) -> Callable[[UUID], ResponseReturnValue]:
    """Answer an upload that is too large at its field, before anything reads it as a form."""

    @wraps(view)
    def guarded(row: UUID) -> ResponseReturnValue:
        if (request.content_length or 0) <= LOGO_BYTES_MAX + _PIECE:
            return view(row)
        # a browser that is cut off in the middle shows an error of its own: let it finish
        while request.stream.read(_PIECE):
            pass
        g.is_too_large = True
        form = LogoForm()
        form.tell(refuse_member("logo", "logo.size", maximum=LOGO_BYTES_MAX))
        return _logo_page(the_client(row), form)

    return guarded


@admin.route("/portal/<uuid:row>/logo", methods=["GET", "POST"])
@measured
@once()
@allows(Permission.CLIENTS_WRITE)
def client_logo(row: UUID) -> ResponseReturnValue:
    """Take a picture as the portal's logo; it is drawn anew."""
    client = the_client(row)
    form = LogoForm()
    if form.is_accepted():
        try:
            services().client_desk.put_logo(client.client_id, _uploaded(), acting())
            return _back(client, "logo")
        except InvalidMetadata as refusal:
            form.tell(refusal)
    return _logo_page(client, form)


def _uploaded() -> bytes | None:
    if "remove" in request.form:
        return None
    sent = request.files.get("logo")
    return b"" if sent is None else sent.read()


def _logo_page(client: Client, form: LogoForm) -> ResponseReturnValue:
    return render_template("admin/clients/logo.html", client=client, form=form), form.status
