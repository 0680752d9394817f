"""The pages: where the claim stands, and filing it."""

from datetime import timedelta

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from jkp import login, words
from jkp.benefit_claims import BenefitClaim, ClaimRefused, check_may_file, day_of
from jkp.context import here
from jkp.issuer import IssuerError, IssuerUnavailable
from jkp.login import LoginRefused
from jkp.store import LoginSession
from jkp.trust import TokenRefused, check_step_up

views = Blueprint("views", __name__)

#: How long ago the pretended layoff of the sandbox was.
PRETENDED_DAYS = 10


@views.get("/")
def home() -> ResponseReturnValue:
    """Show where the claim stands, or what this is."""
    person = login.present()
    if person is None:
        return render_template("start.html")
    claim = here().store.find_claim(person.sub)
    title, sentence, english, tone = words.told(claim)
    return render_template(
        "home.html",
        person=person,
        claim=claim,
        title=title,
        sentence=sentence,
        english=english,
        tone=tone,
        may_file=_may_file(claim),
    )


@views.get("/masuk")
def sign_in() -> ResponseReturnValue:
    """Begin at the issuer."""
    return login.begin("views.home")


@views.get("/daftar")
def register() -> ResponseReturnValue:
    """Begin at the issuer, on the page that opens an account."""
    return login.begin("views.home", opens_account=True)


@views.get("/masuk/kembali")
def come_back() -> ResponseReturnValue:
    """Take the issuer's answer."""
    return redirect(url_for(login.finish()), 303)


@views.route("/klaim/ajukan", methods=["GET", "POST"])
def file_claim() -> ResponseReturnValue:
    """Ask for the commitment and file; needs two factors within ten minutes."""
    person = login.present()
    if person is None:
        return login.begin("views.file_claim", step_up=True)
    module = here()
    try:
        check_step_up(person.acr, person.auth_time, now=module.now())
    except TokenRefused:
        return login.begin("views.file_claim", step_up=True)
    claim = module.store.find_claim(person.sub)
    if request.method == "GET":
        return render_template("file.html", person=person, claim=claim, may_file=_may_file(claim))
    if not login.is_own_form():
        return _again(person, claim, "form.expired", 403)
    if not _still_counts(person):
        return login.begin("views.file_claim", step_up=True)
    today = day_of(module.now())
    try:
        accepted = check_may_file(claim, accepts_commitment="kapk" in request.form, today=today)
        module.store.file(accepted, today, now=module.now())
    except ClaimRefused as refused:
        if refused.code == "claim.filed":
            # whoever sends the form twice has filed once
            return redirect(url_for("views.home"), 303)
        return _again(person, claim, refused.code, 422)
    return redirect(url_for("views.home"), 303)


@views.post("/keluar")
def sign_out() -> ResponseReturnValue:
    """Sign out here, then everywhere."""
    if not login.is_own_form():
        return redirect(url_for("views.home"), 303)
    return redirect(login.leave(), 303)


@views.post("/keluar/pemberitahuan")
def hear_of_logout() -> ResponseReturnValue:
    """Take the issuer's word that a session ended (Back-Channel Logout §2.5, §2.8)."""
    headers = {"Cache-Control": "no-store"}
    if login.end_as_told(request.form.get("logout_token", "")):
        return "", 200, headers
    told = {"error": "invalid_request", "error_description": "the logout token does not count"}
    return told, 400, headers


@views.post("/sandbox/laporan")
def pretend_report() -> ResponseReturnValue:
    """Pretend that the employer reported a layoff; in the sandbox only."""
    person = login.present()
    module = here()
    if person is None or not module.settings.is_sandbox or not login.is_own_form():
        return redirect(url_for("views.home"), 303)
    layoff_on = day_of(module.now()) - timedelta(days=PRETENDED_DAYS)
    module.store.accept_report(person.sub, layoff_on, now=module.now())
    return redirect(url_for("views.home"), 303)


@views.get("/livez")
def live() -> ResponseReturnValue:
    """Say that the process answers."""
    return {"status": "ok"}


@views.app_errorhandler(LoginRefused)
def show_refused_login(refused: LoginRefused) -> ResponseReturnValue:
    """Show why the sign-in did not work, the issuer's own words too."""
    code = "login.level" if refused.error == "unmet_authentication_requirements" else refused.code
    return _error(code, 400, refused.error, refused.description)


@views.app_errorhandler(IssuerError)
def show_issuer_error(error: IssuerError) -> ResponseReturnValue:
    """Show what the issuer objected to."""
    current_app.logger.warning("issuer_refused", extra={"error": error.error})
    return _error("login.refused", 502, error.error, error.description)


@views.app_errorhandler(IssuerUnavailable)
def show_issuer_away(_: IssuerUnavailable) -> ResponseReturnValue:
    """Say that the issuer can't be reached."""
    current_app.logger.warning("issuer_unavailable")
    return _error("issuer.unavailable", 503)


@views.app_errorhandler(HTTPException)
def show_http_error(error: HTTPException) -> ResponseReturnValue:
    """Answer what has no page of its own."""
    status = error.code or 500
    if request.path.startswith("/api/"):
        return {"error": "invalid_request", "error_description": error.name}, status
    return _error("page.unknown" if status in {404, 405} else "server", status)


def _may_file(claim: BenefitClaim | None) -> bool:
    try:
        check_may_file(claim, accepts_commitment=True, today=day_of(here().now()))
    except ClaimRefused:
        return False
    return True


def _still_counts(person: LoginSession) -> bool:
    """Return whether the issuer still stands by this sign-in (JK-1)."""
    told = here().issuer.introspect(person.access_token)
    return told.get("active") is True and told.get("sub") == person.sub


def _again(
    person: LoginSession, claim: BenefitClaim | None, code: str, status: int
) -> ResponseReturnValue:
    page = render_template(
        "file.html",
        person=person,
        claim=claim,
        may_file=_may_file(claim),
        problem=words.refusal(code, claim),
    )
    return page, status


def _error(code: str, status: int, error: str = "", description: str = "") -> ResponseReturnValue:
    page = render_template(
        "error.html", sentence=words.refusal(code), error=error, description=description
    )
    return page, status
