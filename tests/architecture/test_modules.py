"""What every module keeps to, beyond the import contracts."""

import ast
import importlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from docs.build import citations, cited
from idp.oidc.grants import GRANTS
from tests.architecture.sources import PRODUCT, ROOT, calls, modules, named, text_of, tree_of

CODE = re.compile(r"(?:[a-z_0-9]+|\{\})(?:\.[a-z_0-9]+)*")


def docstrings(path: Path) -> list[str]:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = (ast.get_docstring(n) for n in ast.walk(tree_of(path)) if isinstance(n, kinds))
    return [text for text in found if text]


def offences(paths: Iterable[Path], find: Callable[[Path], Iterable[object]]) -> list[str]:
    """Return what `find` objects to, each with its place."""
    return [f"{named(path)}:{found}" for path in paths for found in find(path)]


def test_every_protocol_module_cites_the_section_that_it_implements() -> None:
    def silent(path: Path) -> Iterator[str]:
        # a package that holds modules and nothing else implements nothing
        is_empty = len(tree_of(path).body) <= 1
        if not is_empty and not any(n for text in docstrings(path) for n, _ in cited(text)):
            yield "no section of a specification is cited"

    assert not offences(modules("idp/oidc", "idp/domain/protocol"), silent)


def test_every_citation_names_a_specification_that_we_know() -> None:
    nameless = [
        citation
        for path in modules("idp", "adapters", "jkp")
        for citation in citations(path)
        if not citation.specification
    ]

    assert not nameless, "cite in the form `RFC 9449 §4.3`"


def test_every_module_says_what_it_is() -> None:
    def silent(path: Path) -> Iterator[str]:
        is_generated = "versions" in path.parts
        if tree_of(path).body and not is_generated and not ast.get_docstring(tree_of(path)):
            yield "no docstring"

    assert not offences(modules(*PRODUCT, "docs"), silent)


def test_a_refusal_is_a_code_and_its_words_are_chosen_at_the_edge() -> None:
    def worded(path: Path) -> Iterator[str]:
        for name, call in calls(path):
            text = text_of(call.args[0]) if name == "Refused" and call.args else None
            if text is not None and not CODE.fullmatch(text):
                yield f"{call.lineno} {text!r}"

    assert not offences(modules("idp", "adapters"), worded)


def test_no_words_for_people_below_web() -> None:
    def worded(path: Path) -> Iterator[str]:
        text = path.read_text("utf-8")
        # the sandbox has a page of its own
        if "simulators" not in path.parts:
            yield from (w for w in ("gettext", "flask_babel", "render_template") if w in text)

    below = ("idp/domain", "idp/ports", "idp/services", "idp/oidc", "adapters")
    assert not offences(modules(*below), worded)


#: The outer edges of a process or thread, where a bug becomes an answer instead of an end.
EDGES = {"idp/app.py", "idp/services/housekeeping.py", "adapters/processes.py"}


def test_only_the_edge_of_a_process_swallows_everything() -> None:
    def swallowing(path: Path) -> Iterator[int]:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ExceptHandler):
                caught = ast.unparse(node.type) if node.type else "Exception"
                raises_again = isinstance(node.body[-1], ast.Raise)
                if caught in {"Exception", "BaseException"} and not raises_again:
                    yield node.lineno

    inside = [path for path in modules("idp", "adapters", "config") if named(path) not in EDGES]
    assert not offences(inside, swallowing)


STATEMENTS = re.compile(
    r"^\s*(SELECT\b|INSERT\s+INTO\b|UPDATE\s+\w+\s+SET\b|DELETE\s+FROM\b|CREATE\s|DROP\s|ALTER\s)",
    re.IGNORECASE,
)
#: Calls that take SQL as text.
TAKES_SQL = {"text", "exec_driver_sql", "execute", "executemany", "executescript"}


def test_in_3_no_sql_is_built_from_strings() -> None:
    def built(path: Path) -> Iterator[str]:
        for node in ast.walk(tree_of(path)):
            match node:
                case ast.JoinedStr() if STATEMENTS.match(text_of(node) or ""):
                    yield f"{node.lineno} a statement with values in it"
                case ast.BinOp(left=ast.Constant(value=str(left))) if STATEMENTS.match(left):
                    yield f"{node.lineno} a statement that is put together"
                case ast.Call(
                    func=ast.Attribute(attr="format", value=ast.Constant(value=str(left)))
                ):
                    if STATEMENTS.match(left):
                        yield f"{node.lineno} a statement that is formatted"
                case ast.Call(func=ast.Attribute(attr=name), args=[ast.JoinedStr() as first, *_]):
                    # a PRAGMA takes no bound parameter; its values are constants of ours
                    if name in TAKES_SQL and not (text_of(first) or "").startswith("PRAGMA "):
                        yield f"{node.lineno} {name} of a text with values in it"

    assert not offences(modules(*PRODUCT), built)


def test_in_4_no_template_trusts_what_is_stored() -> None:
    allowed = {"ICONS[name]|safe"}  # our own drawings, in the same file
    templates = [*ROOT.glob("*/**/templates/**/*.html"), *ROOT.glob("docs/portal/templates/*.html")]

    def trusting(path: Path) -> Iterator[str]:
        text = path.read_text("utf-8")
        yield from (f for f in re.findall(r"[\w.\[\]]+\s*\|\s*safe\b", text) if f not in allowed)
        if "autoescape" in text:
            yield "switches escaping"

    def building(path: Path) -> Iterator[str]:
        dangerous = {"render_template_string", "from_string", "Markup"}
        yield from (f"{call.lineno} {name}" for name, call in calls(path) if name in dangerous)

    assert len(templates) > 50
    assert not offences(templates, trusting)
    assert not offences(modules("idp", "jkp", "adapters"), building)


def test_oa_10_the_old_jose_module_is_not_imported() -> None:
    def imported(path: Path) -> Iterator[str]:
        for node in ast.walk(tree_of(path)):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name for name in names if name.startswith("authlib.jose"))

    assert not offences(modules(*PRODUCT, "docs", "bench", "tests"), imported)


#: Where a page's use case has another name, and why.
OTHER_STEMS = {
    "account": "sessions, portals and events: several services on one menu",
    "blueprint": "what all pages of citizens share",
    "consent": "services/consents.py: a citizen has several",
    "device": "oidc/pending.py: the device flow belongs to the protocol",
    "logout": "services/sign_out.py: what the person does, not what portals hear",
    "pages": "texts without a use case",
    "requests": "oidc/pending.py: CIBA belongs to the protocol",
    "strength": "services/passwords.py: advice while somebody types, on several pages",
    "security": "services/profile.py and credentials.py: one page for both",
}


def test_a_page_and_its_use_case_have_the_same_stem() -> None:
    pages = {path.stem for path in (ROOT / "idp/web/citizen").glob("*.py")} - {"__init__"}
    use_cases = {path.stem for path in modules("idp/services", "idp/oidc")}

    assert pages - use_cases == set(OTHER_STEMS)


def test_templates_lie_under_the_stem_of_their_page() -> None:
    folders = {path.name for path in (ROOT / "idp/web/templates/citizen").iterdir()}
    pages = {path.stem for path in (ROOT / "idp/web/citizen").glob("*.py")}

    assert folders <= pages


def test_a_grant_type_has_its_file_and_its_line() -> None:
    files = {path.stem for path in modules("idp/oidc/grants")} - {"__init__", "base", "polling"}

    assert files == {grant.__module__.rpartition(".")[2] for grant in GRANTS.values()}


def test_every_adapter_implements_a_port_that_exists() -> None:
    named_ports = [
        (named(path), found)
        for path in modules("adapters")
        for text in docstrings(path)
        for found in re.findall(r"Implements `(idp\.ports(?:\.\w+)+)`", text)
    ]

    assert len(named_ports) > 20
    for where, port in named_ports:
        module, _, name = port.rpartition(".")
        assert hasattr(importlib.import_module(module), name), f"{where} names {port}"


def test_every_file_of_tests_has_a_name_of_its_own() -> None:
    """Two of one name stop the whole run: their folders are no packages."""
    names = [path.name for folder in ("tests", "jkp/tests") for path in _tests_in(folder)]

    assert [name for name, times in Counter(names).items() if times > 1] == []


def _tests_in(folder: str) -> Iterator[Path]:
    return (ROOT / folder).rglob("test_*.py")


def test_a_test_that_is_skipped_says_why() -> None:
    assert not offences(modules("tests"), unexplained)


def unexplained(path: Path) -> Iterator[object]:
    for name, call in calls(path):
        if name in {"skip", "skipif", "xfail", "importorskip"} and "pytest" in ast.unparse(call):
            reasons = [k.value for k in call.keywords if k.arg == "reason"]
            reasons += call.args[:1] if name == "skip" else []
            if not any(text_of(reason) for reason in reasons):
                yield call.lineno
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            for decorator in node.decorator_list:
                if re.fullmatch(r"pytest\.mark\.(skip|xfail)", ast.unparse(decorator)):
                    yield node.lineno
