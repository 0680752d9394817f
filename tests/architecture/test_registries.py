"""Registries are read, not repeated: metadata, routes, claims, grants, audit, settings."""

import ast
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from config.settings import AREAS, known_names, known_variables
from idp.app import Application
from idp.domain.identity.audit import VISIBLE, Action
from idp.domain.identity.claims import CLAIMS, PROTOCOL_CLAIMS, SCOPES
from idp.domain.protocol.client_metadata import DEFAULTS, MEMBERS
from idp.oidc.client_authentication import METHODS
from idp.oidc.endpoints import ENDPOINTS, REGISTRATION, EndpointRow
from idp.oidc.grants import GRANTS
from tests.architecture.sources import ROOT, calls, modules, named, tree_of
from tests.conftest import STORELESS


@pytest.fixture
def metadata(make_app: Callable[..., Application]) -> dict[str, Any]:
    app = make_app(
        SIAPKERJA_OAUTH_REGISTRATION="open",
        SIAPKERJA_HTTP_TRUSTED_PROXIES="127.0.0.1",
        SIAPKERJA_HTTP_CLIENT_CERT_HEADER="X-Client-Cert",
    )
    found: dict[str, Any] = app.test_client().get("/.well-known/openid-configuration").json
    return found


def test_metadata_offers_the_grants_claims_scopes_and_methods_of_the_registries(
    metadata: dict[str, Any],
) -> None:
    told = {*PROTOCOL_CLAIMS, "nonce", *(claim.name for claim in CLAIMS)}

    assert metadata["grant_types_supported"] == list(GRANTS)
    assert set(metadata["claims_supported"]) == told
    assert metadata["scopes_supported"] == list(SCOPES)
    assert metadata["token_endpoint_auth_methods_supported"] == list(METHODS)


def test_metadata_and_routes_name_the_endpoints_of_the_registry(
    make_app: Callable[..., Application], metadata: dict[str, Any]
) -> None:
    app = make_app(SIAPKERJA_OAUTH_REGISTRATION="open")
    browser = app.test_client()

    for row in ENDPOINTS:
        assert metadata[row.member] == f"http://localhost:8000{row.path}"
        for method in row.methods:
            assert browser.open(row.path, method=method).status_code not in {404, 405}, row
    urls = {name for name in metadata if name.endswith("_endpoint") or name == "jwks_uri"}
    assert urls == {row.member for row in ENDPOINTS}


def test_registration_stands_in_metadata_only_where_it_is_offered(app: Application) -> None:
    document = app.test_client().get("/.well-known/openid-configuration").json

    assert REGISTRATION.member not in document


def test_every_grant_names_the_parameters_that_it_reads() -> None:
    for name, grant in GRANTS.items():
        assert name == grant.GRANT_TYPE
        assert isinstance(grant.PARAMETERS, frozenset)


def test_no_two_endpoints_share_a_name_path_or_member() -> None:
    for column in ("name", "path", "member"):
        values = [getattr(row, column) for row in ENDPOINTS]
        assert len(values) == len(set(values)), column
    assert all(isinstance(row, EndpointRow) for row in ENDPOINTS)


def test_every_route_says_what_it_does(app: Application) -> None:
    silent = [
        rule.rule
        for rule in app.url_map.iter_rules()
        if rule.endpoint != "static" and not (app.view_functions[rule.endpoint].__doc__ or "")
    ]

    assert silent == []


def test_no_two_claims_or_members_share_a_name() -> None:
    for names in ([claim.name for claim in CLAIMS], [member.name for member in MEMBERS]):
        assert len(names) == len(set(names))
    assert set(DEFAULTS) <= {member.name for member in MEMBERS}
    assert {claim.scope for claim in CLAIMS} <= set(SCOPES)


# Audit --------------------------------------------------------------------------------------------


def test_pd_6_every_action_of_the_catalogue_is_recorded_somewhere() -> None:
    text = "\n".join(
        path.read_text("utf-8") for path in modules("idp/services", "idp/oidc", "adapters")
    )
    recorded = set(re.findall(r"Action\.([A-Z_]+)", text))

    assert {action.name for action in Action} == recorded


def test_pd_6_events_are_made_of_actions_and_of_nothing_else() -> None:
    for path in modules("idp", "adapters"):
        for name, call in calls(path):
            if name == "AuditEvent" and call.args:
                first = ast.unparse(call.args[0])
                assert "Action" in first or "action" in first, f"{named(path)}:{call.lineno}"
    assert set(Action) >= VISIBLE


# Settings -----------------------------------------------------------------------------------------

#: `contract.md` section 2: names that somebody relies on.
FIXED = {
    "SIAPKERJA_ENV": "sandbox",
    "SIAPKERJA_ISSUER": "http://localhost:8000",
    "SIAPKERJA_DATABASE_URL": "sqlite:///var/siapkerja.db",
    "SIAPKERJA_REDIS_URL": "",
    "SIAPKERJA_SECRET_KEY": "",
    "SIAPKERJA_HTTP_TRUSTED_PROXIES": "",
    "SIAPKERJA_HTTP_ALLOWED_HOSTS": "",
    "SIAPKERJA_HTTP_CLIENT_CERT_HEADER": "",
    "SIAPKERJA_HTTP_MTLS_URL": "",
    "SIAPKERJA_FETCH_PRIVATE_HOSTS": "",
    "SIAPKERJA_FETCH_CA_FILE": "",
    "SIAPKERJA_OAUTH_PKCE": "all",
    "SIAPKERJA_OAUTH_REGISTRATION": "closed",
    "SIAPKERJA_OAUTH_REQUEST_URI": "off",
    "SIAPKERJA_LIMITS_FACTOR": "1",
    "SIAPKERJA_LOGIN_UNKNOWN_DEVICE": "code",
    "SIAPKERJA_DUKCAPIL_THRESHOLD": "90",
    "SIAPKERJA_DUKCAPIL_ELEMENTS": "NIK,NAMA_LGKP,NAMA_LGKP_IBU",
}
ALSO = {
    *(f"SIAPKERJA_DUKCAPIL_{name}" for name in ("URL", "INSTITUTION", "USER_ID", "PASSWORD")),
    *(f"SIAPKERJA_DUKCAPIL_{name}" for name in ("IP_USER", "CA_FILE", "DAILY_QUOTA")),
    "SIAPKERJA_SMS_GATEWAYS",
    "SIAPKERJA_MAIL_URL",
    "SIAPKERJA_MAIL_FROM",
}


def test_settings_have_the_names_and_defaults_that_people_rely_on() -> None:
    defaults = {name: default for name, default, _ in known_variables()}

    assert {name: defaults.get(name) for name in FIXED} == FIXED
    assert set(defaults) >= ALSO


def test_every_setting_has_a_meaning_and_bounds_or_a_closed_list() -> None:
    for name, _, meaning in known_variables():
        assert len(meaning) > 3, name
        assert re.fullmatch(r"SIAPKERJA(_[A-Z]+)+", name), name
    for area in AREAS.values():
        for field in area.model_fields.values():
            if field.annotation in {int, float}:
                assert field.metadata, f"{area.__name__}: {field.description} has no bounds"


def test_only_settings_read_the_environment() -> None:
    allowed = {"config/settings.py", "config/gunicorn.py", "adapters/metrics.py", "jkp/settings.py"}
    for path in modules("idp", "adapters", "config", "jkp"):
        if named(path) in allowed or "simulators" in named(path):
            continue
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv", "environb"}:
                is_os = isinstance(node.value, ast.Name) and node.value.id == "os"
                assert not is_os or named(path) == "idp/commands/demo.py", named(path)


def test_one_name_is_known_once() -> None:
    names = [name for name, _, _ in known_variables()]

    assert len(names) == len(set(names)) == len(known_names())


def test_the_lock_names_what_the_project_names() -> None:
    """Versions of pyproject.toml and of the locks are the same."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    for lock, wanted in (
        ("requirements.lock", [*project["dependencies"], *extras["sandbox"]]),
        ("requirements-dev.lock", [*project["dependencies"], *extras["sandbox"], *extras["dev"]]),
    ):
        locked = (ROOT / lock).read_text("utf-8").lower()
        for requirement in wanted:
            bare = re.sub(r"\[.*?\]", "", requirement).lower().replace("_", "-")
            assert re.search(rf"^{re.escape(bare)}\b", locked, re.MULTILINE), f"{lock}: {bare}"
        hashes = len(re.findall(r"^    --hash=sha256:", locked, re.MULTILINE))
        assert hashes >= len(re.findall(r"^[a-z0-9].*==", locked, re.MULTILINE))
    assert json.dumps(project["dependencies"]).count("==") == len(project["dependencies"])


def test_the_modules_that_leave_the_store_aside_are_there() -> None:
    assert {path.stem for path in modules("tests")} >= STORELESS
