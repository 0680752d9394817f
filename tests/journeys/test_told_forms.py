"""PD-6: whatever form of the citizens' pages is sent, the audit log tells of it."""

from collections.abc import Callable

import pytest

from idp.app import Application
from idp.services import Services
from tests.everywhere import FORMS, Ready, World
from tests.sandbox_server import Sandbox


def told(services: Services) -> int:
    """Return how many events there are."""
    services.audit_log.seal_all()
    with services.store.read() as tx:
        return (tx.audit.last_sealed() or (0,))[0]


#: Forms that only lead on: what they begin is told where it ends.
LEADING = {
    "account_email": "sends a link: what it proves is told",
    "choose_account": "goes on with the session that there is",
    "recovery_ticket": "tells where a request stands",
    "recovery_code": "a right code leads to the page of the new password",
}


@pytest.mark.parametrize("form", FORMS, ids=[form.__name__ for form in FORMS])
def test_pd_6_every_form_that_people_send_is_told(
    make_app: Callable[..., Application],
    sandbox: Sandbox,
    form: Callable[[World], Ready],
) -> None:
    """The watch looks at rows; this at what a form leaves behind, row or no row."""
    app = make_app(SIAPKERJA_LIMITS_FACTOR="1000", **sandbox.environment())
    ready = form(World(app, sandbox))
    before = told(app.wiring.services)

    answer = ready.send()

    assert answer.status_code in {200, 303}, answer.text
    assert (told(app.wiring.services) > before) is (form.__name__ not in LEADING)
