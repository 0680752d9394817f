"""Words of registrations: every reason, member, state and endpoint has its own."""

import re
from pathlib import Path

import pytest

from idp.app import Application
from idp.domain.identity.release import TEAM_MEMBERS, Point, ReleaseState
from idp.domain.identity.team import TeamRole
from idp.domain.protocol.client_metadata import DEFAULTS
from idp.domain.protocol.metadata_faults import REASONS, Fault, because
from idp.oidc.endpoints import ENDPOINTS
from idp.web.metadata_words import UNFETCHED, WORDS, words_of_fault
from idp.web.portal_words import (
    ENDPOINT_WORDS,
    MEMBERS,
    POINTS,
    ROLES,
    STATES,
    words_of_member,
    words_of_value,
)

ROOT_FOLDER = Path(__file__).parents[2]
VALUE = re.compile(r"\{(\w+)\}")
PLACE = re.compile(r"%\((\w+)\)s")


def test_every_reason_has_words_with_no_value_that_it_lacks(app: Application) -> None:
    with app.test_request_context():
        assert set(WORDS) == set(REASONS)
        for code, words in WORDS.items():
            assert set(PLACE.findall(str(words))) <= set(VALUE.findall(REASONS[code])), code


def test_every_cause_for_which_nothing_comes_from_an_address_has_words(app: Application) -> None:
    found = set()
    for name, pattern in (
        ("documents", r'FetchFailed\("(\w+)"\)'),
        ("outbound", r'(?:NotSentError\(|NoAnswerError\(|return )"(\w+)"'),
    ):
        source = (ROOT_FOLDER / "adapters" / f"{name}.py").read_text("utf-8")
        found |= set(re.findall(pattern, source))
    # these have reasons of their own
    assert found - {"address", "size"} <= set(UNFETCHED)
    assert len(found) > 8
    with app.test_request_context():
        fault = Fault("jwks_uri", because("fetch", reason="certificate"))
        told = "Isian ini tidak dapat diambil: sertifikat servernya tidak sah."
        assert words_of_fault(fault) == told


def test_everything_that_is_shown_by_a_word_has_one() -> None:
    assert set(STATES) == set(ReleaseState)
    assert set(POINTS) == set(Point)
    assert set(ROLES) == set(TeamRole)
    assert set(ENDPOINT_WORDS) <= {row.name for row in ENDPOINTS}
    silent = {"backchannel_logout_session_required"}
    assert TEAM_MEMBERS | set(DEFAULTS) <= set(MEMBERS) | silent


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault("client_name", because("markup")), "Isian ini berisi tanda kurung sudut."),
        (Fault("redirect_uris", because("uri.https"), 3), "Baris 3 harus memakai https."),
        (Fault("jwks", because("jwks.private"), 2, "key"), "Kunci 2 berisi kunci privat"),
    ],
)
def test_a_fault_is_told_with_its_line(app: Application, fault: Fault, words: str) -> None:
    with app.test_request_context():
        assert words_of_fault(fault).startswith(words)


def test_values_are_told_line_by_line(app: Application) -> None:
    with app.test_request_context():
        assert words_of_value(["a", "b"]) == ["a", "b"]
        assert words_of_value({"email": {"purpose": "kabar", "legal_basis": "UU"}}) == [
            "email: kabar · UU"
        ]
        assert words_of_value({"keys": [{"kty": "EC", "kid": "k"}]}) == ["1 kunci", "EC k"]
        assert words_of_value(None) == words_of_value([])
        assert words_of_member("client_name#en") == "Nama portal (Bahasa Inggris)"
        assert words_of_member("something_else") == "something_else"
