"""What the browser gets for the outcome of an authorization request."""

from typing import Final, assert_never

from flask import make_response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext

from idp.domain.errors import Refused
from idp.domain.protocol.prompt import (
    ShowAccountChoice,
    ShowConsent,
    ShowLogin,
    ShowRegistration,
    ShowStepUp,
)
from idp.oidc.authorization.endpoint import ErrorPage, Outcome, PostedRequest, ShowPage
from idp.oidc.authorization.response import FormPost, Redirect
from idp.web.context import services, visitor
from idp.web.failures import note_cause, note_portal
from idp.web.security import may_leave_to

#: Which page shows which decision.
PAGES: Final = {
    ShowLogin: "citizen.login",
    ShowRegistration: "citizen.begin_registration",
    ShowAccountChoice: "citizen.choose_account",
    ShowStepUp: "citizen.choose_method",
    ShowConsent: "citizen.consent",
}


#: Neither blame nor alarm: why a portal was stopped is nobody's business here.
STOPPED: Final = lazy_gettext(
    "Portal ini sedang tidak melayani masuk dengan akun SIAPkerja. Akun dan data Anda aman, dan "
    "Anda tidak perlu melakukan apa pun. Silakan coba lagi lain waktu."
)


def show(outcome: Outcome) -> ResponseReturnValue:
    """Return what the browser gets for an outcome."""
    match outcome:
        case Redirect(location):
            return redirect(location, 303)
        case FormPost():
            return _form_post(outcome)
        case ShowPage(page, interaction_id):
            return redirect(url_for(PAGES[type(page)], i=interaction_id), 303)
        case PostedRequest(client_id, request_uri):
            there = url_for("portal.authorize", client_id=client_id, request_uri=request_uri)
            return redirect(there, 303)
        case ErrorPage():
            return show_error(outcome)
    assert_never(outcome)


def show_error(outcome: ErrorPage) -> ResponseReturnValue:
    """Tell the person that a portal's request can't be answered.

    Why is for the portal's team, who finds it under the support code.
    """
    note_cause(outcome.error.error, outcome.error.for_the_team)
    note_portal(outcome.client, is_its_request=True)
    if outcome.is_stopped:
        sentence = str(STOPPED)
    elif outcome.error.error == "invalid_client":
        sentence = gettext(
            "Aplikasi tidak terdaftar. Jangan masukkan kata sandi Anda, dan laporkan tautan ini."
        )
    else:
        sentence = gettext(
            "Permintaan tidak dapat diproses. Silakan kembali ke aplikasi dan coba lagi."
        )
    page = render_template(
        "errors/request.html",
        client=outcome.client,
        sentence=sentence,
        code=outcome.error.error,
    )
    return make_response(page, 400)


def show_refusal(refusal: Refused, interaction_id: str) -> ResponseReturnValue:
    """Tell that a waiting request is over, was answered, or belongs to another browser.

    The way back to the portal is shown to the browser that the request belongs to.
    """
    client = services().interactions.find_client(interaction_id, visitor())
    note_cause(refusal.code)
    note_portal(client)
    return make_response(
        render_template(
            "errors/request.html",
            client=client,
            sentence=STOPPED
            if refusal.code == "client.unknown"
            else gettext(
                "Permintaan masuk ini sudah selesai, kedaluwarsa, atau dibuka di peramban lain. "
                "Silakan kembali ke aplikasi dan coba lagi."
            ),
        ),
        400,
    )


def _form_post(outcome: FormPost) -> ResponseReturnValue:
    may_leave_to()
    page = render_template(
        "portal/form_post.html", action=outcome.action, fields=outcome.fields.items()
    )
    return make_response(page, 200)
