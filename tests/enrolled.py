"""Citizens who enrolled an authenticator app, a passkey or recovery codes."""

import json
import re
from base64 import b32decode
from collections.abc import Sequence
from html import unescape
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.app import Application
from idp.domain.identity.account import Account
from idp.domain.identity.assurance import APP_CODE, PASSWORD, SYNCED_PASSKEY, combine
from idp.domain.identity.audit import Origin
from idp.domain.identity.factors import Passkey, ProvedBy, TotpFactor
from idp.domain.identity.visitor import Visitor
from idp.domain.ids import digest_of
from idp.services.totp import SEED_BYTES
from tests.authenticator import Authenticator

_SOMEWHERE = Visitor(digest_of("flow"), "127.0.0.1", Origin(device="Chrome, Android"))


def with_app(app: Application, account: Account) -> bytes:
    """Enrol an app; return its seed."""
    services = app.wiring.services
    seed = services.entropy.bytes(SEED_BYTES)
    with services.store.write() as tx:
        tx.account_factors.put_totp(TotpFactor(account.id, seed, services.clock.now()))
        _told(app, account, tx)
    return seed


def with_passkey(
    app: Application, account: Account, device: Authenticator, *, is_synced: bool = True
) -> Passkey:
    """Enrol the passkey of a device."""
    services = app.wiring.services
    passkey = Passkey(
        id=services.entropy.uuid7(services.clock.now_ms()),
        owner_id=account.id,
        credential_id=device.credential_id,
        public_key=device.cose(),
        sign_count=0,
        transports=("internal",),
        label="Ponsel Android saya",
        created_at=services.clock.now(),
        is_synced=is_synced,
    )
    with services.store.write() as tx:
        tx.account_factors.add_passkey(passkey)
        _told(app, account, tx)
    return passkey


def with_codes(app: Application, account: Account) -> Sequence[str]:
    """Make recovery codes; return them."""
    return app.wiring.services.factors.make_recovery_codes(account, _SOMEWHERE)


def _told(app: Application, account: Account, tx: Any) -> None:
    app.wiring.services.factors._tell(account, "totp", _SOMEWHERE, is_added=True, tx=tx)


def enter_by(app: Application, browser: FlaskClient, account: Account, proved_by: ProvedBy) -> None:
    """Begin a session that the password and a factor opened just now."""
    proof = SYNCED_PASSKEY if proved_by is ProvedBy.PASSKEY else APP_CODE
    services = app.wiring.services
    with services.store.write() as tx:
        signed_in = services.sessions.start(
            account, combine(PASSWORD, proof), _SOMEWHERE, tx=tx, proved_by=proved_by
        )
    browser.set_cookie("sid", signed_in.cookie)


def options_in(page: TestResponse) -> dict[str, Any]:
    """Return what a page asks the browser."""
    found = re.search(r'data-options="([^"]+)"', page.text)
    assert found is not None, page.text
    options: dict[str, Any] = json.loads(unescape(found[1]))
    return options


def seed_in(page: TestResponse) -> bytes:
    """Return the seed that a page offers an app, from what a person would type."""
    found = re.search(r'id="seed">([A-Z2-7 ]+)<', page.text)
    assert found is not None, page.text
    return b32decode(found[1].replace(" ", ""))
