"""What happens on a second screen: devices that show a code, and portals that ask from afar."""

from dataclasses import dataclass
from itertools import count
from typing import Any
from urllib.parse import urlsplit

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.app import Application
from tests.fakes import NOW
from tests.keyed import KeyedPortal
from tests.portal import ISSUER, Portal, form_fields, same_origin

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
CIBA = "urn:openid:params:grant-type:ciba"

_numbers = count()


def refusal(answer: TestResponse, status: int = 400) -> str:
    """Return the error of a machine endpoint's refusal, which says nothing else."""
    assert answer.status_code == status, answer.text
    assert set(answer.get_json()) <= {"error", "error_description"}
    return str(answer.get_json()["error"])


@dataclass
class Device:
    """A device that waits. `told`: the answer of the device authorization endpoint."""

    portal: Portal
    told: dict[str, Any]

    @property
    def user_code(self) -> str:
        return str(self.told["user_code"])

    def poll(self, **changes: str | None) -> TestResponse:
        return self.portal.token(
            **{"grant_type": DEVICE, "device_code": self.told["device_code"], **changes}
        )


def a_device(portal: Portal, **params: str | None) -> Device:
    """Return a device that asked for codes just now."""
    answer = portal.token(path="/device_authorization", **{"scope": "openid", **params})
    assert answer.status_code == 200, answer.text
    return Device(portal, answer.get_json())


def enter_code(browser: FlaskClient, code: str, **fields: str) -> TestResponse:
    """Enter a code at the page, and press a button where `decision` names one."""
    page = browser.get("/perangkat")
    assert page.status_code == 200, page.headers.get("Location")
    return browser.post(
        "/perangkat",
        data={**form_fields(page), "user_code": code, **fields},
        headers=same_origin(),
    )


def decide_on(browser: FlaskClient, device: Device, decision: str) -> TestResponse:
    """See which device asks, and answer."""
    page = enter_code(browser, device.user_code)
    assert page.status_code == 200, page.text
    return browser.post(
        "/perangkat",
        data={**form_fields(page), "decision": decision},
        headers=same_origin(),
    )


def ask_from_afar(portal: Portal, **params: str | None) -> TestResponse:
    """Send a CIBA request for the first account; a change to `None` leaves a parameter out."""
    return portal.token(
        path="/bc-authorize", **{"scope": "openid", "login_hint": "budi1@contoh.id", **params}
    )


def signed_request(portal: KeyedPortal, **changes: Any) -> dict[str, Any]:
    """Return the claims of a good signed request (CIBA Core §7.1.1)."""
    told = {
        "iss": portal.client_id,
        "aud": ISSUER,
        "iat": NOW,
        "nbf": NOW,
        "exp": NOW + 300,
        "jti": f"request-{next(_numbers)}",
        "scope": "openid",
        "login_hint": "budi1@contoh.id",
        "binding_message": "A-12",
        **changes,
    }
    return {name: value for name, value in told.items() if value is not None}


def poll_for(portal: Portal, auth_req_id: str, **changes: str | None) -> TestResponse:
    return portal.token(**{"grant_type": CIBA, "auth_req_id": auth_req_id, **changes})


def page_of_request(app: Application) -> str:
    """Return the address that the newest letter about a waiting request leads to."""
    services = app.wiring.services
    now = services.clock.now()
    with services.store.write() as tx:
        sent = tx.outbox.claim(
            kinds=("mail",), worker="a test", now=now, lease_seconds=1, limit=100
        )
        for message in sent:
            tx.outbox.finish(message.id, now)
    told = [message.payload for message in sent if message.payload["kind"] == "request_waiting"]
    return f"/akun/permintaan/{told[-1]['values']['page']}"


def answer_page(browser: FlaskClient, path: str, decision: str) -> TestResponse:
    """Open the page of a waiting request and press a button."""
    page = browser.get(path)
    assert page.status_code == 200, (page.status_code, page.headers.get("Location"))
    return browser.post(
        urlsplit(path).path,
        data={**form_fields(page), "decision": decision},
        headers=same_origin(),
    )
