"""Pages for people who read: what they repeat of the code is what the code says."""

import ast
import json
import re
import tomllib
from pathlib import Path

import pytest

from config.settings import known_variables
from docs.build import CITATION, cited, pages
from idp.oidc.endpoints import ENDPOINTS
from tests.architecture.sources import ROOT, modules, named, text_of, tree_of

MARKDOWN = [ROOT / name for name in ("README.md", "CHANGELOG.md", "SECURITY.md")] + sorted(
    (ROOT / "docs").rglob("*.md")
)


def test_made_pages_are_fresh() -> None:
    stale = {named(path) for path, text in pages().items() if path.read_text("utf-8") != text}

    assert stale == set(), "run `make docs`"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("as RFC 9449 §4.3 says", [("RFC 9449", "§4.3")]),
        ("(RFC 8705 §2.1.2, §3.4)", [("RFC 8705", "§2.1.2"), ("RFC 8705", "§3.4")]),
        ("RFC 7591 §2, OIDC Core §3", [("RFC 7591", "§2"), ("OpenID Connect Core", "§3")]),
        ("RFC 9126\n   §4", [("RFC 9126", "§4")]),
        ("RFC 8628: the user code (§6.1)", [("RFC 8628", "§6.1")]),
        ("FAPI 2.0 Security Profile (§5.3.2, §5.4)", [
            ("FAPI 2.0 Security Profile", "§5.3.2"), ("FAPI 2.0 Security Profile", "§5.4"),
        ]),
        ("JARM §2.3 and §4", [("JARM", "§2.3"), ("JARM", "§4")]),
        ("nothing §7", [("", "§7")]),
        ("`jkp.md` §5 says", []),
    ],
)  # fmt: skip
def test_citations_are_read_as_people_read_them(text: str, found: list[tuple[str, str]]) -> None:
    assert list(cited(text)) == found
    assert CITATION.pattern


@pytest.mark.parametrize("path", MARKDOWN, ids=named)
def test_every_link_and_named_file_is_there(path: Path) -> None:
    text = path.read_text("utf-8")
    prefixes = "docs|idp|adapters|config|jkp|tests|scripts|migrations|bench"

    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
        assert (path.parent / target).exists(), target
    # decisions also name what is no more
    if path.parent.name != "decisions":
        for target in re.findall(rf"`((?:{prefixes})/[\w./-]+?)[:`]", text):
            assert (ROOT / target).exists(), target


def test_every_dependency_has_a_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    wanted = {
        re.split(r"[\[=<>~ ]", requirement)[0]
        for requirements in (project["dependencies"], *extras)
        for requirement in requirements
    }

    page = (ROOT / "docs/dependencies.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| ([\w.-]+) \| (.+) \|$", page, re.MULTILINE))
    rows.pop("package")

    assert set(rows) == wanted
    assert all(len(reason) > 10 for reason in rows.values())


def test_every_error_that_a_portal_can_meet_says_what_to_do() -> None:
    page = (ROOT / "docs/integrate.md").read_text("utf-8")
    raised = set()
    for path in modules("idp/oidc", "idp/domain/protocol"):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Call) and node.args:
                called = ast.unparse(node.func)
                text = text_of(node.args[0])
                is_error = called.endswith(("ProtocolError", "_poll_error", "super().__init__"))
                if is_error and text and re.fullmatch(r"[a-z_]+", text):
                    raised.add(text)

    assert len(raised) > 25
    assert {code for code in raised if f"`{code}`" not in page} == set()


def test_the_django_example_names_our_addresses() -> None:
    """That library does not read the discovery document."""
    page = (ROOT / "docs/integrate.md").read_text("utf-8")
    named_there = dict(re.findall(r'OIDC_OP_(\w+)_ENDPOINT = "https://[^/]+(/\w+)"', page))
    paths = {row.member: row.path for row in ENDPOINTS}

    assert named_there == {
        "AUTHORIZATION": paths["authorization_endpoint"],
        "TOKEN": paths["token_endpoint"],
        "USER": paths["userinfo_endpoint"],
        "JWKS": paths["jwks_uri"],
    }


def test_every_word_of_make_is_explained() -> None:
    text = (ROOT / "Makefile").read_text("utf-8")
    phony = re.search(r"^\.PHONY: (.+)$", text, re.MULTILINE)
    explained = re.findall(r"^(\w+):.*## \S", text, re.MULTILINE)

    assert phony is not None
    assert set(phony[1].split()) == set(explained)
    assert set(explained) >= {
        "run", "test", "lint", "bench", "fuzz", "chaos", "samples", "docs", "help",
    }  # fmt: skip


def test_what_readyz_says_is_explained() -> None:
    page = (ROOT / "docs/operate.md").read_text("utf-8")
    health = (ROOT / "idp/services/health.py").read_text("utf-8")
    words = re.findall(r'"([a-z]+(?:_[a-z]+)+)"', health)

    assert len(words) == 7
    assert [word for word in words if f"`{word}`" not in page] == []


def test_a_registration_in_the_pages_is_one_that_we_take() -> None:
    from idp.domain.protocol.client_metadata import MetadataPolicy, parse_client_metadata
    from idp.oidc.provider import AUTH_METHODS, GRANT_TYPES

    policy = MetadataPolicy(GRANT_TYPES, AUTH_METHODS, frozenset({"openid"}), True, True)
    named_pages = ("docs/integrate.md", "README.md", "docs/conformance.md")
    text = "\n".join((ROOT / page).read_text("utf-8") for page in named_pages)
    documents = re.findall(r"```json\n(\{.*?\n\})\n```", text, re.DOTALL)
    documents += re.findall(r"echo '(\{.*?\})'", text)

    assert len(documents) == 4
    for document in documents:
        given = json.loads(document)
        assert parse_client_metadata(given, policy)["client_name"] == given["client_name"]


def test_the_page_on_conformance_names_tests_and_settings_that_there_are() -> None:
    page = (ROOT / "docs/conformance.md").read_text("utf-8")
    tests = re.findall(r"`(tests/\w+/\w+\.py)`", page)
    settings = re.findall(r"^(SIAPKERJA_\w+)=", page, re.MULTILINE)

    assert len(tests) > 10
    assert [name for name in tests if not (ROOT / name).is_file()] == []
    assert len(settings) > 10
    assert set(settings) <= {name for name, _, _ in known_variables()}


#: What issues, contracts and banks name, and portals may hold us to.
PROMISED = {
    *(f"RFC {number}" for number in (
        6749, 7009, 7523, 7591, 7592, 7636, 7662, 8628, 8693, 8705, 8707, 9068, 9101, 9126, 9207,
        9396, 9449, 9470, 9700, 9701, 9728,
    )),
    "OpenID Connect Core", "OpenID Connect Discovery", "RP-Initiated Logout",
    "Back-Channel Logout", "Initiating User Registration", "OAuth 2.0 Form Post Response Mode",
    "JARM", "CIBA Core", "FAPI-CIBA", "FAPI 2.0 Security Profile", "FAPI 2.0 Message Signing",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(PROMISED))
def test_a_specification_that_we_promise_has_code_and_tests_of_its_own(name: str) -> None:
    page = (ROOT / "docs/specs.md").read_text("utf-8")
    _, _, section = page.partition(f"\n## [{name}](")
    section = section.partition("\n## [")[0]

    assert "Tests of the whole: `tests/protocol/" in section, "no test file is named after it"
    assert re.search(r"\| `(?:idp|jkp)/", section), "no module cites it"
