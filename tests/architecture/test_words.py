"""No word that a person reads is missing in either language (`ui.md`; contract 6, "Language")."""

import gettext
import io
import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.frontend import CommandLineInterface
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from idp.domain.identity.audit import VISIBLE
from idp.web.citizen.account import ACTIVITY
from idp.web.messages import MESSAGES
from tests.architecture.sources import ROOT, calls, modules, text_of

FOLDER = ROOT / "idp/web/translations/en/LC_MESSAGES"
PLACEHOLDER = re.compile(r"%\(\w+\)s")
MEND = "run `make messages`, then translate what is empty in translations/en"


@pytest.fixture(scope="module")
def english() -> Catalog:
    with (FOLDER / "messages.po").open("rb") as file:
        return read_po(file, locale="en")


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """Everything that pages, letters and refusals say, as `make messages` finds it."""
    found = tmp_path_factory.mktemp("words") / "messages.pot"
    keywords = ["-k", "lazy_gettext", "-k", "_l"]
    mapping = ["-F", str(ROOT / "babel.cfg")]
    CommandLineInterface().run(
        ["pybabel", "-q", "extract", *mapping, *keywords, "-o", str(found), str(ROOT / "idp")]
    )
    return read_po(io.BytesIO(found.read_bytes()))


def test_the_english_catalogue_has_every_message_and_no_other(
    english: Catalog, wanted: Catalog
) -> None:
    have, want = ({m.id for m in catalog if m.id} for catalog in (english, wanted))

    assert not want - have, MEND
    assert not have - want, MEND
    assert not english.obsolete, MEND
    assert len(want) > 400


def test_every_message_is_translated_and_none_is_a_guess(english: Catalog) -> None:
    messages = [message for message in english if message.id]

    assert [m.id for m in messages if not m.string] == [], MEND
    assert [m.id for m in messages if m.fuzzy] == [], "a fuzzy message is not shown: look at it"


def test_a_translation_says_the_same_values_and_marks(english: Catalog) -> None:
    for message in english:
        if message.id:
            source, target = str(message.id), str(message.string)
            assert sorted(PLACEHOLDER.findall(source)) == sorted(PLACEHOLDER.findall(target))
            assert sorted(re.findall(r"<[^>]+>", source)) == sorted(re.findall(r"<[^>]+>", target))
            assert (source[-1] in ".?:") == (target[-1] in ".?:"), source


def test_the_compiled_catalogue_is_that_of_the_text(english: Catalog) -> None:
    compiled = io.BytesIO()
    write_mo(compiled, english)

    with (FOLDER / "messages.mo").open("rb") as file:
        there = gettext.GNUTranslations(file)
    fresh = gettext.GNUTranslations(io.BytesIO(compiled.getvalue()))
    # a header tells who wrote it when; the words count
    words = [
        {key: value for key, value in catalogue._catalog.items() if key}  # type: ignore[attr-defined]
        for catalogue in (there, fresh)
    ]
    assert words[0] == words[1], MEND


#: What stands on pages as it is, in every language.
NAMES = {
    "SIAPkerja ID", "NIK", "ID", "EN", "plain", "admin", "admin plain", "Client ID",
    "Client secret", "Discovery", "Userinfo",
}  # fmt: skip


READ_OUT = re.compile(r'(?:alt|title|aria-label|placeholder)="([^"]*)"')


def test_every_word_of_a_template_goes_through_the_catalogue() -> None:
    for path in (ROOT / "idp/web/templates").rglob("*.*"):
        text = path.read_text("utf-8")
        bare = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", text, flags=re.DOTALL)
        shown = re.sub(r'<[^>]*>|[\w-]+="[^"]*"', " ; ", bare)
        said = [shown, *READ_OUT.findall(bare)]
        words = {w.strip() for part in said for w in re.findall(r"[^\W\d_][\w ]+", part)}
        assert words <= NAMES, path.relative_to(ROOT)


def test_no_script_or_style_says_anything() -> None:
    for path in (ROOT / "idp/web/static").glob("*.js"):
        texts = re.findall(r"""["'`]([^"'`]*)["'`]""", path.read_text("utf-8"))
        assert not [text for text in texts if re.search(r"[A-Z][a-z]+ [a-z]+", text)], path.name


# Refusals -----------------------------------------------------------------------------------------

#: Codes that never reach a person as words: a view answers them with a page of its own, or only an
#: operator or another program meets them.
UNSPOKEN = {
    "case.unknown",
    "account.exists", "account.unknown", "client.exists", "client.unknown", "consent.unknown",
    "email.none", "identifier.missing", "legacy.exists",
    "admin.unknown", "approval.required", "approval.unknown", "client.administers",
    "interaction.answered", "interaction.expired", "interaction.unknown", "key.last", "key.unknown",
    "method.unknown", "refresh.reused", "registration.done", "registration.exists",
    "registration.step", "registration.unknown", "report.false", "request.unknown", "schema.busy",
    "session.unknown", "clients.document", "release.unknown", "team.invitation",
    "team.right", "team.unknown",
}  # fmt: skip
#: Families of which the import of old accounts tells its operator.
IMPORT = (
    "conflict.", "csv.", "hash.", "import.", "json.", "manifest.", "run.", "source.", "source_id.",
    "status.", "nik.spreadsheet", "nik.number",
)  # fmt: skip


def test_every_refusal_has_words_or_a_page_of_its_own() -> None:
    raised = {
        text
        for path in modules("idp/domain", "idp/services", "idp/oidc", "idp/web", "adapters")
        for name, call in calls(path)
        if name == "Refused" and call.args and (text := text_of(call.args[0])) and "{}" not in text
    }
    spoken = {code for code in raised if not code.startswith(IMPORT)}

    assert spoken - set(MESSAGES) - UNSPOKEN == set()
    assert UNSPOKEN - raised == set()


def test_every_event_that_a_citizen_sees_has_words() -> None:
    assert set(ACTIVITY) == VISIBLE


@pytest.mark.parametrize("language", ["id", "en"])
def test_regions_and_dates_need_no_network(language: str) -> None:
    """Babel's data for both languages are installed with it."""
    from babel import Locale

    assert Locale.parse(language).display_name


def test_the_catalogue_is_shipped() -> None:
    pyproject = (ROOT / "pyproject.toml").read_text("utf-8")

    assert '"*.mo"' in pyproject
    assert Path(FOLDER / "messages.mo").stat().st_size > 10_000
