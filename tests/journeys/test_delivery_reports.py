"""Delivery reports over HTTP: proved, idempotent, never personal (`sms.md` section 5)."""

from base64 import b64encode
from collections.abc import Callable
from hashlib import sha1
from hmac import digest
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa

from idp.app import Application
from idp.domain.ids import encode_base64url
from tests.registrant import Registrant
from tests.sandbox_server import Sandbox

Citizen = Callable[..., Registrant]


def states(app: Application) -> list[str]:
    with app.app_context(), app.extensions["sqlalchemy"].engine.connect() as connection:
        return [row.state for row in connection.execute(sa.text("SELECT state FROM sms_message"))]


def provider_id(app: Application) -> str:
    with app.app_context(), app.extensions["sqlalchemy"].engine.connect() as connection:
        return connection.execute(sa.text("SELECT provider_id FROM sms_message")).scalar_one()


def token(app: Application) -> str:
    return encode_base64url(app.wiring.services.vault.keys("sms-report")[0])


def infobip(message_id: str, group: int = 3, name: str = "DELIVERED_TO_HANDSET") -> dict:
    status = {"groupId": group, "name": name}
    return {"results": [{"messageId": message_id, "to": "6281200000101", "status": status}]}


@pytest.fixture
def at_infobip(make_app: Callable[..., Application], sandbox: Sandbox) -> Registrant:
    only = {**sandbox.environment(), "SIAPKERJA_SMS_GATEWAYS": "infobip"}
    app = make_app(**only)
    # the sandbox's own report goes to the issuer's address, where nobody listens here
    sandbox.next_sms("accepted", times=10)
    citizen = Registrant(app, sandbox, sandbox.person()).until_code()
    citizen.code()
    return citizen


def test_a_report_with_the_secret_in_its_address_is_noted_once_and_for_all(
    at_infobip: Registrant,
) -> None:
    app, browser = at_infobip.app, at_infobip.browser
    there = f"/hooks/sms/infobip/{token(app)}"
    assert states(app) == ["accepted"]
    for _ in range(2):
        assert browser.post(there, json=infobip(provider_id(app))).status_code == 200
    assert states(app) == ["delivered"]
    late = infobip(provider_id(app), 1, "PENDING_ENROUTE")
    assert browser.post(there, json=late).status_code == 200

    assert states(app) == ["delivered"]
    assert b"siapkerja_codes_delivered_total" in app.wiring.metrics.exposition()


def test_an_undelivered_code_is_told_on_the_code_page(at_infobip: Registrant) -> None:
    app = at_infobip.app
    report = infobip(provider_id(app), 2, "UNDELIVERABLE_NOT_DELIVERED")
    at_infobip.browser.post(f"/hooks/sms/infobip/{token(app)}", json=report)

    assert "SMS belum dapat dikirim ke nomor ini" in at_infobip.get("/daftar/kode").text


@pytest.mark.parametrize(
    "path", ["/hooks/sms/infobip", "/hooks/sms/infobip/wrong", "/hooks/sms/infobip/"]
)
def test_a_report_without_the_secret_changes_nothing(at_infobip: Registrant, path: str) -> None:
    app = at_infobip.app
    answer = at_infobip.browser.post(path, json=infobip(provider_id(app)))

    assert answer.status_code in {403, 404}
    assert states(app) == ["accepted"]


def test_reports_of_messages_that_nobody_knows_are_answered_alike(at_infobip: Registrant) -> None:
    there = f"/hooks/sms/infobip/{token(at_infobip.app)}"
    for message_id in ("99", "01a20b48-0900-7a88-894d-eab6de324beb", "' OR 1=1 --"):
        answer = at_infobip.browser.post(there, json=infobip(message_id))
        assert (answer.status_code, answer.data) == (200, b"")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"results":[1,null,{}]}', b"\xff"])
def test_rubbish_is_no_error_of_ours(at_infobip: Registrant, body: bytes) -> None:
    there = f"/hooks/sms/infobip/{token(at_infobip.app)}"

    assert at_infobip.browser.post(there, data=body).status_code in {200, 403}


def test_a_report_has_a_size(at_infobip: Registrant) -> None:
    there = f"/hooks/sms/infobip/{token(at_infobip.app)}"

    assert at_infobip.browser.post(there, data=b" " * 70_000).status_code == 413


@pytest.mark.parametrize("path", ["/hooks/sms/zenziva", "/hooks/sms/nobody", "/hooks/sms/twilio"])
def test_carriers_that_send_no_reports_are_not_listened_to(
    at_infobip: Registrant, path: str
) -> None:
    assert at_infobip.browser.post(path, json={}).status_code == 403


def test_twilio_signs_its_reports(make_app: Callable[..., Application], sandbox: Sandbox) -> None:
    app = make_app(
        **{
            **sandbox.environment(),
            "SIAPKERJA_SMS_GATEWAYS": "twilio",
            "SIAPKERJA_SMS_TWILIO_URL": sandbox.sms_url("twilio"),
            "SIAPKERJA_SMS_TWILIO_KEY": sandbox.state.account.sms_key,
            "SIAPKERJA_SMS_TWILIO_SECRET": sandbox.state.account.sms_secret,
            "SIAPKERJA_SMS_TWILIO_SENDER": "KEMNAKER",
        }
    )
    secret = sandbox.state.account.sms_secret
    sandbox.next_sms("accepted", times=10)
    citizen = Registrant(app, sandbox, sandbox.person()).until_code()
    citizen.code()
    fields = {"MessageSid": provider_id(app), "MessageStatus": "delivered", "To": "+6281200000101"}
    url = "http://localhost:8000/hooks/sms/twilio"
    signed = url + "".join(name + fields[name] for name in sorted(fields))
    signature = b64encode(digest(secret.encode(), signed.encode(), sha1)).decode()

    def report(signature: str) -> int:
        return citizen.browser.post(
            "/hooks/sms/twilio",
            data=urlencode(fields),
            content_type="application/x-www-form-urlencoded",
            headers={"X-Twilio-Signature": signature},
        ).status_code

    assert report("") == report(signature[::-1]) == 403
    assert states(app) == ["accepted"]
    assert report(signature) == 200
    assert states(app) == ["delivered"]
