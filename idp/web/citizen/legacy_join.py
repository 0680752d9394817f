"""Moving the old accounts of an account of level 0 to the account that has its NIK."""

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext

from idp.domain.errors import Refused
from idp.web.citizen.blueprint import NOTES, carried, citizen
from idp.web.context import services, signed_in, visitor
from idp.web.forms import Form
from idp.web.submissions import once

NOTES["gabungkan"] = (
    "",
    "info",
    lazy_gettext(
        "Masuk dengan akun SIAPkerja ID yang sudah memiliki NIK Anda. Sesudah itu akun lama Anda "
        "dapat dipindahkan ke sana."
    ),
)
NOTES["dipindahkan"] = ("ok", "check", lazy_gettext("Akun lama Anda sudah dipindahkan."))


@citizen.route("/akun/identitas/gabungkan", methods=["GET", "POST"])
@once()
def join_accounts() -> ResponseReturnValue:
    """Have the other account signed in to, then ask whether the old accounts are to move there."""
    journey_id = request.args.get("gabung", "")
    found = signed_in()
    try:
        joining = services().legacy_join.find(journey_id, visitor())
    except Refused:
        page = "citizen.login" if found is None else "citizen.confirm_identity"
        return redirect(url_for(page, pesan="berakhir" if found is None else None), 303)
    if found is None or found[1].id != joining.to.id:
        return redirect(url_for("citizen.login", pesan="gabungkan", **carried()), 303)
    form = Form()
    if form.is_accepted():
        try:
            services().legacy_join.join(journey_id, found[1], visitor())
            return redirect(url_for("citizen.old_accounts", pesan="dipindahkan"), 303)
        except Refused as refusal:
            form.refuse(refusal)
    page = render_template(
        "citizen/legacy_join/confirm.html", form=form, joining=joining, account=found[1]
    )
    return page, form.status
