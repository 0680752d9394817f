"""The claim `legacy_ids`: how a portal finds its row of somebody whose old account came home."""

import io
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from idp.app import Application
from idp.domain.identity.account import Account
from idp.domain.identity.audit import NOWHERE
from idp.domain.identity.visitor import Visitor
from idp.domain.protocol.errors import ProtocolError
from idp.services.legacy_import import Export
from tests.old_portals import a_row, json_lines
from tests.portal import Portal, a_portal, an_account, sign_in

STRANGER = Visitor(b"", "203.0.113.9", NOWHERE)


@pytest.fixture
def account(app: Application, browser: FlaskClient) -> Account:
    account = an_account(app)
    sign_in(app, browser, account)
    return account


def bring_home(app: Application, account: Account, *named: tuple[str, str]) -> list[UUID]:
    """Import rows of portals and link them; return the links."""
    services = app.wiring.services
    rows = [a_row(source=source, source_id=source_id) for source, source_id in named]
    services.legacy_import.load(Export(io.BytesIO(json_lines(rows))), lambda _: None)
    links = []
    with services.store.write() as tx:
        for source, source_id in named:
            row = tx.legacy_accounts.find_by_source_id(source, source_id)
            assert row is not None
            links.append(services.upgrade.link_in(row.id, account, STRANGER, tx=tx).id)
    return links


@pytest.fixture
def wlkp(app: Application, browser: FlaskClient) -> Portal:
    return a_portal(app, browser, scope="openid profile legacy", legacy_source="wlkp")


def told(portal: Portal, scope: str = "openid legacy", **more: str) -> dict[str, Any]:
    answer = portal.userinfo(portal.tokens(scope=scope, **more)["access_token"])
    assert answer.status_code == 200
    found: dict[str, Any] = answer.get_json()
    return found


def test_a_portal_is_told_its_own_identifiers(
    app: Application, account: Account, wlkp: Portal
) -> None:
    bring_home(app, account, ("wlkp", "W-2"), ("skkni", "S-1"), ("wlkp", "W-1"))

    assert told(wlkp)["legacy_ids"] == ["W-1", "W-2"]


def test_another_portal_is_told_others(
    app: Application, account: Account, browser: FlaskClient
) -> None:
    bring_home(app, account, ("wlkp", "W-1"), ("skkni", "S-1"))
    skkni = a_portal(app, browser, scope="openid legacy", legacy_source="skkni")
    sertihub = a_portal(app, browser, scope="openid legacy", legacy_source="sertihub")

    assert told(skkni)["legacy_ids"] == ["S-1"]
    assert "legacy_ids" not in told(sertihub)


def test_without_the_scope_nothing_is_told(
    app: Application, account: Account, wlkp: Portal
) -> None:
    bring_home(app, account, ("wlkp", "W-1"))

    assert "legacy_ids" not in told(wlkp, "openid profile")
    by_name = '{"userinfo":{"legacy_ids":null},"id_token":{"legacy_ids":null}}'
    assert "legacy_ids" not in told(wlkp, "openid profile", claims=by_name)


def test_no_id_token_tells_it(app: Application, account: Account, wlkp: Portal) -> None:
    bring_home(app, account, ("wlkp", "W-1"))

    token = wlkp.tokens(scope="openid legacy", claims='{"id_token":{"legacy_ids":null}}')

    assert "legacy_ids" not in wlkp.claims(token["id_token"])


def test_somebody_without_an_old_account_has_none(account: Account, wlkp: Portal) -> None:
    assert account.subject
    assert "legacy_ids" not in told(wlkp)


@pytest.mark.parametrize(
    "metadata",
    [
        {"scope": "openid legacy"},
        {"scope": "openid legacy", "legacy_source": "Not A Source"},
        {"scope": "openid legacy", "legacy_source": ["wlkp"]},
        {"scope": "openid", "legacy_source": 7},
    ],
)
def test_the_scope_needs_the_portal_that_it_is_of(
    app: Application, browser: FlaskClient, metadata: dict[str, Any]
) -> None:
    with pytest.raises(ProtocolError) as caught:
        a_portal(app, browser, **metadata)

    assert caught.value.error == "invalid_client_metadata"


def test_nobody_gets_the_scope_by_registering_alone(
    make_app: Callable[..., Application],
) -> None:
    browser = make_app(SIAPKERJA_OAUTH_REGISTRATION="open").test_client()
    given = {"redirect_uris": ["https://p.example/cb"], "scope": "openid legacy"}

    answer = browser.post("/register", json={**given, "legacy_source": "wlkp"})

    assert "legacy" not in answer.get_json().get("scope", "")


def test_discovery_names_scope_and_claim(browser: FlaskClient) -> None:
    found = browser.get("/.well-known/openid-configuration").get_json()

    assert "legacy" in found["scopes_supported"]
    assert "legacy_ids" in found["claims_supported"]
