"""Entering a code that another device shows (RFC 8628 §3.3)."""

from collections.abc import Mapping
from typing import Final

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from idp.domain.errors import Refused
from idp.domain.identity.journey import JOURNEY_SECONDS, Journey, JourneyKind
from idp.domain.identity.limits import HOUR
from idp.domain.ids import digest_of
from idp.domain.protocol.device import read_user_code, write_user_code
from idp.oidc.pending import Asked, Proof
from idp.ports.ephemeral import Bucket
from idp.web.citizen.blueprint import RETURNS, citizen, present, words_of_scope
from idp.web.context import provider, services, signed_in, visitor
from idp.web.forms import Form, ParsedField
from idp.web.puzzles import refuse_by_limit
from idp.web.submissions import once

RETURNS["device"] = "citizen.device"

#: Wrong codes that one account may enter in an hour (RFC 8628 §5.1).
TRIES_AN_HOUR: Final = 10


class DeviceForm(Form):
    """The eight letters."""

    user_code = ParsedField(parse=read_user_code)


@citizen.route("/perangkat", methods=["GET", "POST"])
@once()
def device() -> ResponseReturnValue:
    """Ask for the code, then whether that device may have what it asks for."""
    if signed_in() is None:
        _remember_code(request.args.get("user_code", ""))
        return redirect(url_for("citizen.login", lanjut="device"), 303)
    form = DeviceForm()
    if not form.is_accepted():
        if request.method == "GET":
            form.user_code.data = request.args.get("user_code") or _remembered_code()
        return render_template("citizen/device/code.html", form=form), form.status
    try:
        asked = _asked(form.user_code.value)
        answer = _answer(asked, form)
    except Refused as refusal:
        headers: Mapping[str, str] = {}
        if refusal.code == "limit.tries":
            headers = refuse_by_limit(form, refusal, "", "user_code")
        else:
            form.refuse(refusal, "user_code")
        return render_template("citizen/device/code.html", form=form), form.status, headers
    if answer is not None:
        return answer
    page = render_template(
        "citizen/device/confirm.html",
        form=form,
        client=asked.client,
        scopes=[words_of_scope(scope) for scope in asked.request.scopes if scope != "openid"],
        user_code=write_user_code(form.user_code.value),
        details=asked.request.details,
    )
    return page, form.status


def _answer(asked: Asked, form: DeviceForm) -> ResponseReturnValue | None:
    """Take the person's answer; `None` where they were not asked yet."""
    session, account = present()
    if session.aal < asked.level:
        _remember_code(form.user_code.value)
        return redirect(url_for("citizen.choose_method", lanjut="device"), 303)
    # the page before has no such buttons
    decision = form.pressed("allow", "deny") if request.form.get("decision") else ""
    if decision == "allow":
        proof = Proof(session.aal, session.amr, session.auth_time)
        provider().pending.allow(asked, account, proof, visitor().origin)
        return redirect(url_for("citizen.device_done"), 303)
    if decision == "deny":
        provider().pending.deny(asked, account, visitor().origin)
        return redirect(url_for("citizen.device_done", ditolak="1"), 303)
    return None


@citizen.get("/perangkat/selesai")
def device_done() -> ResponseReturnValue:
    """Say that the other device goes on by itself."""
    return render_template("citizen/device/done.html", is_denied="ditolak" in request.args)


def _asked(letters: str) -> Asked:
    """Return the waiting device, so that nobody can try all codes.

    Each try counts before it is compared, however many come at once; a right one is given back.
    """
    _, account = present()
    bucket = Bucket("device_code", account.id.hex, TRIES_AN_HOUR, HOUR)
    reading = services().rate_limits.hit(bucket)[0]
    if reading.is_over:
        seconds = max(1, reading.resets_at - services().clock.now())
        raise Refused("limit.tries", until_at=reading.resets_at, seconds=seconds)
    asked = provider().pending.find_device(letters, account)
    services().rate_limits.refund(bucket)
    return asked


def _journey_digest() -> bytes:
    return digest_of(b"device\n" + visitor().flow_digest)


def _remember_code(typed: str) -> None:
    """Keep the code of the address while the person signs in."""
    try:
        letters = read_user_code(typed)
    except Refused:
        return
    journey = Journey(
        digest=_journey_digest(),
        kind=JourneyKind.DEVICE,
        flow_digest=visitor().flow_digest,
        account_id=None,
        expires_at=services().clock.now() + JOURNEY_SECONDS,
        state={"user_code": letters},
    )
    with services().store.write() as tx:
        tx.journeys.put(journey)


def _remembered_code() -> str:
    with services().store.read() as tx:
        journey = tx.journeys.find(_journey_digest())
    if journey is None or services().clock.now() >= journey.expires_at:
        return ""
    return write_user_code(str(journey.state.get("user_code", "")))
