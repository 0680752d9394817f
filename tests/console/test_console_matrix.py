"""AD-2: every route of the console, by everybody, does what the matrix says and no more."""

import re
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.routing import Rule

from adapters.sql.tables import audit_event
from idp.app import Application
from idp.domain.identity.roles import MATRIX, Permission, Role, may
from idp.web.admin.blueprint import Door, Unguarded, admin, init_app, rule_of
from tests.architecture.sources import modules
from tests.officer import Officer, a_half_signed_in, an_officer
from tests.portal import form_fields, same_origin

#: What stands for the parts of paths, by their converter.
PARTS = {
    "uuid": "00000000-0000-7000-8000-000000000000",
    "int": "1",
    "string": "never-made",
    "path": "never/made",
}
_PART = re.compile(r"<(?:(\w+)(?:\([^)]*\))?:)?\w+>")
#: HTTP methods that every route is tried with, whether it takes them or not.
METHODS = ("GET", "POST", "HEAD", "OPTIONS")


def routes(app: Application) -> list[Rule]:
    return [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("admin.")]


def path_of(rule: Rule) -> str:
    return _PART.sub(lambda part: PARTS[part.group(1) or "string"], rule.rule)


def tries(app: Application) -> Iterator[tuple[Rule, str]]:
    for rule in routes(app):
        for method in METHODS:
            if method in (rule.methods or ()):
                yield rule, method


def opened(officer: Officer, rule: Rule, method: str) -> tuple[int, str]:
    answer = officer.browser.open(path_of(rule), method=method, headers=same_origin())
    return answer.status_code, answer.headers.get("Location", "").partition("?")[0]


def test_the_matrix_names_every_permission_and_nobody_holds_everything() -> None:
    assert set(MATRIX) == set(Permission)
    for role in Role:
        assert any(role not in allowed for allowed in MATRIX.values()), role
    # who decides does not write, and who looks after admins neither decides nor sees a citizen
    for pair in (
        (Permission.APPROVALS_DECIDE, Permission.ADMINS_MANAGE),
        (Permission.APPROVALS_DECIDE, Permission.CLIENTS_WRITE),
        (Permission.APPROVALS_DECIDE, Permission.KEYS_ROTATE),
        (Permission.ADMINS_MANAGE, Permission.ACCOUNTS_UNMASK),
        (Permission.ADMINS_MANAGE, Permission.AUDIT_EXPORT),
    ):
        assert MATRIX[pair[0]].isdisjoint(MATRIX[pair[1]]), pair


def test_ad_2_a_route_without_a_rule_stops_the_application(app: Application) -> None:
    """Default deny: whoever forgets to name a permission hears of it at once."""
    bare = Flask("bare")
    bare.add_url_rule("/admin/lupa", "admin.forgotten", lambda: "")
    with pytest.raises(Unguarded, match=r"admin\.forgotten"):
        init_app(bare)
    for rule in routes(app):
        assert isinstance(rule_of(app, rule.endpoint), Permission | Door)
    assert len(routes(app)) >= 6
    assert admin.url_prefix == "/admin"


def test_ad_1_no_page_opens_without_a_session(app: Application) -> None:
    for rule, method in tries(app):
        nobody = Officer(app, None, b"")  # type: ignore[arg-type]
        status, there = opened(nobody, rule, method)
        if rule_of(app, rule.endpoint) is Door.STREET:
            assert (status, there) != (303, "/admin/masuk") or rule.endpoint == "admin.sign_out"
        else:
            assert (status, there) == (303, "/admin/masuk"), (rule.rule, method)


@pytest.mark.parametrize("role", Role)
def test_ad_1_a_password_alone_gets_no_page(app: Application, role: Role) -> None:
    half = a_half_signed_in(app, role)
    for rule, method in tries(app):
        if isinstance(rule_of(app, rule.endpoint), Door):
            continue
        assert opened(half, rule, method) == (303, "/admin/masuk/kode"), (rule.rule, method)


@pytest.mark.parametrize("role", Role)
def test_ad_2_every_route_answers_every_role_as_the_matrix_says(
    make_app: Callable[..., Application], role: Role
) -> None:
    app = make_app(SIAPKERJA_LIMITS_FACTOR="1000")
    officer = an_officer(app, role)
    for rule, method in tries(app):
        wanted = rule_of(app, rule.endpoint)
        if isinstance(wanted, Door):
            continue
        status, there = opened(officer, rule, method)
        if may([role], wanted):
            assert (status, there) not in {(303, "/admin/masuk"), (303, "/admin/masuk/kode")}
            assert status < 500, (rule.rule, method)
            # a form without its token is refused by the form, not by the matrix
            assert status != 403 or method == "POST", (rule.rule, method)
        else:
            assert status == 403, (rule.rule, method, wanted)


def test_ad_2_several_roles_add_up_and_none_opens_nothing(app: Application) -> None:
    both = an_officer(app, Role.READER, Role.AUDITOR)
    none = an_officer(app)

    assert both.get("/admin").status_code == 200
    assert none.get("/admin").status_code == 403


def test_the_menu_shows_what_opens_and_nothing_else(app: Application) -> None:
    for role in Role:
        officer = an_officer(app, role)
        page = officer.get("/admin")
        menu = page.text.partition('<nav class="nav"')[2].partition("</nav>")[0]
        linked = re.findall(r'href="([^"]+)"', menu)
        assert "/admin" in linked
        for path in linked:
            assert officer.get(path).status_code == 200, (role, path)


def events(app: Application) -> int:
    """How many events were written: every change of anything writes one."""
    with app.app_context(), app.extensions["sqlalchemy"].engine.connect() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(audit_event)).scalar_one()


@pytest.fixture
def everything(make_app: Callable[..., Application]) -> Officer:
    """Somebody who holds every role, in an application whose limits are out of the way."""
    return an_officer(make_app(SIAPKERJA_LIMITS_FACTOR="1000"), *Role)


def test_se_6_no_route_takes_a_form_without_its_token_or_from_elsewhere(
    everything: Officer,
) -> None:
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    token = form_fields(everything.get("/admin/keluar"))["csrf_token"]
    app = everything.app
    posted = [rule for rule, method in tries(app) if method == "POST"]
    before = events(app)
    for rule in posted:
        for headers, data in (
            (same_origin(), {}),
            (same_origin(), {"csrf_token": "never-made"}),
            (foreign, {"csrf_token": token}),
        ):
            answer = everything.browser.post(path_of(rule), data=data, headers=headers)
            # an object that is not there is told before any form is read; who is in already is
            # sent on from the pages of a sign-in; a choice that comes before a form is shown again
            is_door = isinstance(rule_of(app, rule.endpoint), Door)
            allowed = {303, 403, 404, 410} if is_door else {200, 403, 404, 410}
            assert answer.status_code in allowed, (rule.rule, answer.status_code)
    assert events(app) == before
    assert everything.get("/admin").status_code == 200
    assert len(posted) > 20


def test_hd_1_hd_3_every_page_behind_the_session_has_its_headers(everything: Officer) -> None:
    seen = 0
    for rule, method in tries(everything.app):
        answer = everything.browser.open(path_of(rule), method=method, headers=same_origin())
        seen += 1
        assert answer.headers["Cache-Control"] == "no-store", rule.rule
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self';"), rule.rule
        assert "form-action 'self';" in policy, rule.rule
        assert "unsafe" not in policy, rule.rule
        assert answer.headers["X-Frame-Options"] == "DENY", rule.rule
        assert not [name for name, _ in answer.headers if name.startswith("Access-Control-")]
        for script in re.findall(r"<script\b[^>]*>(.*?)</script>", answer.text, re.S):
            assert script == "", rule.rule
        assert not re.search(r"<[^>]+\s(?:on\w+|style)\s*=", answer.text), rule.rule
        assert "<style" not in answer.text, rule.rule
    assert seen > 80


#: What begins a session of a citizen.
OPENS = re.compile(r"begin_session\(|\.sessions\.start\(|\.login\.|step_up")


def test_ad_4_no_page_of_the_console_opens_a_citizen_s_session() -> None:
    """There is no impersonation: not by a route, not by a role, not by a line of code."""
    own = [path for path in modules("idp/services") if path.name.startswith(("admin", "approval"))]
    for path in (*modules("idp/web/admin"), *own):
        # the console's own sign-in, which is a service of its own
        text = path.read_text("utf-8").replace("self.login.", "")
        assert not OPENS.search(text), path.name


def test_ad_4_no_route_of_the_console_sets_the_citizen_s_cookie(
    make_app: Callable[..., Application],
) -> None:
    app = make_app(SIAPKERJA_LIMITS_FACTOR="1000")
    officer = an_officer(app, *Role)
    for rule, method in tries(app):
        answer = officer.browser.open(path_of(rule), method=method, headers=same_origin())
        names = {cookie.partition("=")[0] for cookie in answer.headers.getlist("Set-Cookie")}
        assert names <= {"flow", "asid", "lang"}, rule.rule


def test_se_1_the_console_and_the_account_are_two_sessions(app: Application) -> None:
    officer = an_officer(app, Role.AUDITOR)

    assert officer.get("/akun").status_code == 303
    officer.browser.set_cookie("sid", officer.browser.get_cookie("asid").value)
    assert officer.get("/akun").status_code == 303
