"""Write the pages, and the parts of pages, that say what the code says.

    python -m docs.build          (or `make docs`)

Whole pages: `docs/specs.md`, `docs/addresses.md`, `config/example.env`. Parts stand between
`<!-- build: NAME -->` and `<!-- end: NAME -->` in README.md and in docs/. A test holds all of them
equal to what this module makes, so none of them is edited by hand.
"""

import ast
import importlib
import io
import json
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import click

from config.settings import AREAS, Settings, SmsSettings, known_names
from idp.app import create_app
from idp.commands import main as siapkerja
from idp.domain.identity.admin_scopes import ADMIN_SCOPES
from idp.domain.identity.audit import CATALOGUE
from idp.domain.identity.claims import CLAIMS, SCOPES, SENSITIVE_SCOPES
from idp.domain.identity.limits import Limit
from idp.domain.identity.roles import MATRIX, Role
from idp.domain.protocol.authorization_details import TYPES
from idp.domain.protocol.client_metadata import DEFAULTS, MEMBERS
from idp.domain.protocol.profile import RULES, Rules
from idp.oidc.endpoints import ENDPOINTS, REGISTRATION
from idp.oidc.metadata import OAUTH_PATH, OPENID_PATH
from idp.ports.metrics import METRICS
from idp.web.api.operation import OPERATIONS

ROOT = Path(__file__).parent.parent

# Specifications -----------------------------------------------------------------------------------

#: What is cited by a name instead of a number: the name that counts, and where it is published.
NAMED = {
    "OpenID Connect Core": "https://openid.net/specs/openid-connect-core-1_0.html",
    "OpenID Connect Discovery": "https://openid.net/specs/openid-connect-discovery-1_0.html",
    "OpenID Connect Registration": "https://openid.net/specs/openid-connect-registration-1_0.html",
    "RP-Initiated Logout": "https://openid.net/specs/openid-connect-rpinitiated-1_0.html",
    "Back-Channel Logout": "https://openid.net/specs/openid-connect-backchannel-1_0.html",
    "Initiating User Registration": "https://openid.net/specs/openid-connect-prompt-create-1_0.html",
    "Core Error Code unmet_authentication_requirements": (
        "https://openid.net/specs/openid-connect-unmet-authentication-requirements-1_0.html"
    ),
    "CIBA Core": "https://openid.net/specs/openid-client-initiated-backchannel-authentication-core-1_0.html",
    "FAPI-CIBA": "https://openid.net/specs/openid-financial-api-ciba.html",
    "FAPI 1.0 Baseline": "https://openid.net/specs/openid-financial-api-part-1-1_0.html",
    "FAPI 2.0 Security Profile": "https://openid.net/specs/fapi-security-profile-2_0-final.html",
    "FAPI 2.0 Message Signing": "https://openid.net/specs/fapi-message-signing-2_0.html",
    "JARM": "https://openid.net/specs/oauth-v2-jarm-final.html",
    "OAuth 2.0 Form Post Response Mode": "https://openid.net/specs/oauth-v2-form-post-response-mode-1_0.html",
    "OAuth 2.0 Multiple Response Types": "https://openid.net/specs/oauth-v2-multiple-response-types-1_0.html",
    "NIST SP 800-63B-4": "https://pages.nist.gov/800-63-4/sp800-63b.html",
    "3GPP TS 23.038": "https://www.3gpp.org/dynareport/23038.htm",
}

#: Other ways in which the code writes a name; the longer ones first where one ends in another.
ALIASES = {
    "OpenID Connect RP-Initiated Logout": "RP-Initiated Logout",
    "OpenID Connect Back-Channel Logout": "Back-Channel Logout",
    "OpenID Connect Core Error Code unmet_authentication_requirements": (
        "Core Error Code unmet_authentication_requirements"
    ),
    "OIDC Core": "OpenID Connect Core",
    "OIDC Discovery": "OpenID Connect Discovery",
    "OIDC Registration": "OpenID Connect Registration",
    "Discovery": "OpenID Connect Discovery",
    "Registration": "OpenID Connect Registration",
    "Message Signing": "FAPI 2.0 Message Signing",
    "FAPI 2.0": "FAPI 2.0 Security Profile",
    "Form Post Response Mode": "OAuth 2.0 Form Post Response Mode",
    "Multiple Response Types": "OAuth 2.0 Multiple Response Types",
    "Logout": "RP-Initiated Logout",
}

#: Which test files are about a specification as a whole, by how their names begin.
NAMED_FILES = {
    "OpenID Connect Core": ("test_oidc_core_",),
    "OpenID Connect Discovery": ("test_oidc_discovery",),
    "OpenID Connect Registration": ("test_rfc7591_registration",),
    "RP-Initiated Logout": ("test_rp_initiated_logout", "test_oidc_rp_initiated_logout"),
    "Back-Channel Logout": ("test_backchannel_logout", "test_oidc_backchannel_logout"),
    "CIBA Core": ("test_ciba", "test_oidc_ciba"),
    "FAPI-CIBA": ("test_ciba", "test_oidc_conformance_fapi_ciba"),
    "FAPI 2.0 Security Profile": ("test_fapi2_security_profile",),
    "FAPI 2.0 Message Signing": ("test_fapi2_message_signing",),
    "JARM": ("test_jarm",),
    "OAuth 2.0 Form Post Response Mode": ("test_form_post_response_mode",),
    "Initiating User Registration": ("test_oidc_prompt_create",),
}

_names = sorted({*NAMED, *ALIASES}, key=len, reverse=True)
_SPECIFICATION = r"RFC \d{3,5}(?:bis)?|" + "|".join(map(re.escape, _names))
_SECTION = r"§(?:[A-Z](?:\.\d+)+|[0-9]+(?:\.[0-9]+)*)"
CITATION = re.compile(
    rf"(?:(?P<name>{_SPECIFICATION})[ ,(]+)?(?P<first>{_SECTION})"
    rf"(?P<more>(?:(?:, | and |, and ){_SECTION})*)"
)
MENTION = re.compile(_SPECIFICATION)
_FOREIGN = re.compile(r"(?:\w+\.md`?|of|section) §[0-9.]+")


@dataclass(frozen=True, order=True)
class Citation:
    """A section of a specification, named at a place in our code."""

    specification: str
    section: str
    path: str
    place: str


def citations(path: Path) -> Iterator[Citation]:
    """Return what the docstrings and comments of a module cite.

    A section without a name belongs to the specification named before it in the same text, else to
    the first that the module's docstring names.
    """
    source = path.read_text("utf-8")
    tree = ast.parse(source)
    relative = path.relative_to(ROOT).as_posix()
    module_text = ast.get_docstring(tree) or ""
    first = MENTION.search(module_text)
    usual = _canonical(first.group()) if first else ""
    for place, text in _texts(tree, source):
        for specification, section in cited(text, usual):
            yield Citation(specification, section, relative, place)


def cited(text: str, usual: str = "") -> Iterator[tuple[str, str]]:
    """Return specification and section of each citation; `usual`: where none is named."""
    text = _FOREIGN.sub("", " ".join(text.split()))
    current = usual
    for found in CITATION.finditer(text):
        if found["name"]:
            current = _canonical(found["name"])
        else:
            before = list(MENTION.finditer(text, 0, found.start()))
            current = _canonical(before[-1].group()) if before else current
        for section in re.findall(_SECTION, found["first"] + found["more"]):
            yield current, section


def _canonical(name: str) -> str:
    return ALIASES.get(name, name)


def _texts(tree: ast.Module, source: str) -> Iterator[tuple[str, str]]:
    """Return each docstring and each block of comments with the name of what it stands in."""
    spans: list[tuple[int, int, str]] = []

    def walk(node: ast.AST, name: str) -> Iterator[tuple[str, str]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                inner = f"{name}.{child.name}" if name else child.name
                spans.append((child.lineno, child.end_lineno or child.lineno, inner))
                text = ast.get_docstring(child)
                if text:
                    yield inner, text
                yield from walk(child, inner)

    module_text = ast.get_docstring(tree)
    if module_text:
        yield "", module_text
    yield from walk(tree, "")
    for line, text in _comments(source):
        inside = [name for begin, end, name in spans if begin <= line <= end]
        yield inside[-1] if inside else "", text


def _comments(source: str) -> Iterator[tuple[int, str]]:
    """Return blocks of comments: neighbouring lines are one text."""
    block: list[str] = []
    began = last = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        if block and token.start[0] != last + 1:
            yield began, " ".join(block)
            block = []
        if not block:
            began = token.start[0]
        block.append(token.string.lstrip("#: "))
        last = token.start[0]
    if block:
        yield began, " ".join(block)


def specifications() -> str:
    """Return the page that leads from a section of a specification to code and tests."""
    code: dict[tuple[str, str], set[str]] = defaultdict(set)
    tests: dict[tuple[str, str], set[str]] = defaultdict(set)
    for folder, found in (("idp", code), ("jkp", code), ("tests", tests)):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "node_modules" in path.parts:
                continue
            into = tests if path.name.startswith("test_") else found
            for citation in citations(path):
                if citation.specification:
                    place = f":{citation.place}" if citation.place and into is code else ""
                    into[citation.specification, citation.section].add(f"`{citation.path}{place}`")
    files = sorted(
        path.relative_to(ROOT).as_posix() for path in (ROOT / "tests/protocol").glob("test_*.py")
    )
    names = {name for name, _ in (*code, *tests)}
    lines = [
        "# Specifications: section, code, test",
        "",
        "Made by `make docs` from the citations in our docstrings and comments",
        '(`RFC 9449 §4.3`). A file under "Tests of the whole" holds the specification as such; a',
        "row names what cites that very section.",
    ]
    for name in sorted(names, key=_order):
        lines += ["", f"## [{name}]({_address(name)})", ""]
        whole = [f"`{path}`" for path in files if _is_about(path, name)]
        if whole:
            lines += [f"Tests of the whole: {', '.join(whole)}", ""]
        lines += ["| section | code | tests that cite it |", "|---|---|---|"]
        sections = sorted(
            {section for of, section in (*code, *tests) if of == name}, key=_section_order
        )
        for section in sections:
            there, held = sorted(code[name, section]), sorted(tests[name, section])
            lines.append(f"| {section} | {'<br>'.join(there)} | {'<br>'.join(held)} |")
    return "\n".join(lines) + "\n"


def _order(name: str) -> tuple[int, int, str]:
    number = re.match(r"RFC (\d+)", name)
    return (0, int(number.group(1)), name) if number else (1, 0, name)


def _section_order(section: str) -> list[tuple[int, int, str]]:
    return [
        (0, int(part), "") if part.isdigit() else (1, 0, part) for part in section[1:].split(".")
    ]


def _address(name: str) -> str:
    number = re.match(r"RFC (\d+)(bis)?", name)
    if number is None:
        return NAMED[name]
    if number.group(2):
        return f"https://datatracker.ietf.org/doc/draft-ietf-httpbis-rfc{number.group(1)}bis/"
    return f"https://www.rfc-editor.org/rfc/rfc{number.group(1)}"


def _is_about(path: str, name: str) -> bool:
    stem = path.rpartition("/")[2]
    number = re.match(r"RFC (\d+)", name)
    begins = (f"test_rfc{number.group(1)}_",) if number else NAMED_FILES.get(name, ())
    return stem.startswith(begins) if begins else False


# Addresses ----------------------------------------------------------------------------------------


def addresses() -> str:
    """Return the page of every address that the provider answers at."""
    rows = [
        *(
            ("GET", path, "discovery", "The provider's metadata.")
            for path in (OPENID_PATH, OAUTH_PATH)
        ),
        *(
            (", ".join(row.methods), row.path, row.member, "")
            for row in ENDPOINTS
            if row.name not in {"authorize", "end_session"}
        ),
    ]
    lines = [
        "# Addresses",
        "",
        "Made by `make docs` from the routes and their docstrings.",
        "",
        "## What portals call",
        "",
        "Portals read these from the discovery document and never build them. The registration",
        "endpoint answers only where `SIAPKERJA_OAUTH_REGISTRATION` is `token` or `open`.",
        "",
        "| methods | path | member of the metadata |",
        "|---|---|---|",
        *(f"| {methods} | `{path}` | `{member}` |" for methods, path, member, _ in rows),
    ]
    for title, names in PARTS.items():
        lines += ["", f"## {title}", "", "| methods | path | what it does |", "|---|---|---|"]
        lines += [
            f"| {methods} | `{path}` | {words} |"
            for methods, path, name, words in routes()
            if name.split(".")[0] in names
        ]
    return "\n".join(lines) + "\n"


PARTS = {
    "Where portals send people": {"portal"},
    "Pages for people": {"citizen", "static"},
    "The console": {"admin"},
    "For programs that administer": {"api"},
    "For operators and carriers": {"operations", "hooks"},
    "Only in sandbox and test": {"sandbox"},
}


def routes() -> Iterator[tuple[str, str, str, str]]:
    """Return methods, path, endpoint and first sentence of every route of Flask's."""
    app = create_app(Settings.of_nobody())
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule, rule.endpoint)):
        methods = sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        words = app.view_functions[rule.endpoint].__doc__ or ""
        if rule.endpoint == "static":
            words = "Style sheet, scripts, icons and typeface."
        yield ", ".join(methods), rule.rule, rule.endpoint, " ".join(words.split("\n\n")[0].split())


# Settings -----------------------------------------------------------------------------------------

AREA_WORDS = {
    "": "General",
    "http": "What stands before us",
    "fetch": "Addresses that clients registered",
    "oauth": "The protocol",
    "limits": "Rate limits",
    "login": "Signing in",
    "password": "Passwords",
    "dukcapil": "Dukcapil",
    "sms": "Short messages",
    "mail": "E-mail",
    "contact": "Whom pages tell people to call",
    "legacy": "Accounts of older portals",
    "upstream": "Another OpenID provider to sign in by",
}

#: Variables that name a gateway, of which there may be several.
GATEWAY_ROWS = tuple(
    (f"SIAPKERJA_SMS_<NAME>_{field}", "the sandbox's", words)
    for field, words in zip(
        SmsSettings.FIELDS,
        (
            "address of the gateway `<NAME>`",
            "its user, key or account",
            "its password, secret or token",
            "the sender that people see",
        ),
        strict=True,
    )
)


def variables() -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    """Return the areas of settings, each with name, default and meaning of its variables."""
    yield "", list(Settings.variables())
    for name, area in AREAS.items():
        rows = list(area.variables())
        yield name, [*rows, *GATEWAY_ROWS] if name == "sms" else rows


def settings_table() -> str:
    """Return the table of every variable."""
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    for area, rows in variables():
        lines.append(f"| **{AREA_WORDS[area]}** | | |")
        for name, default, meaning in rows:
            shown = (
                f"`{default}`" if default and not default.startswith("the ") else default or "empty"
            )
            lines.append(f"| `{name}` | {shown} | {meaning} |")
    return "\n".join(lines)


def example_environment() -> str:
    """Return a file with every variable at its default, commented out."""
    lines = [
        "# Every setting with its default. Made by `make docs` from config/settings.py. For a",
        "# server: copy it, take the `#` before what you change, and keep the file where only the",
        "# service can read it. Secrets better come as files: NAME_FILE=/path, not NAME=value.",
    ]
    for area, rows in variables():
        lines += ["", f"# {AREA_WORDS[area]}"]
        for name, default, meaning in rows:
            lines += [f"# {meaning}", f"#{name}={'' if name not in known_names() else default}"]
    return "\n".join(lines) + "\n"


# Parts of pages -----------------------------------------------------------------------------------


def minimal_portal() -> str:
    """Return the lines of the smallest portal that works."""
    source = (ROOT / "docs/portal/minimal.py").read_text("utf-8")
    _, _, code = source.partition('"""\n\n')
    return f"```python\n{code.strip()}\n```"


def claims_table() -> str:
    """Return which scope brings which claims."""
    words = {
        "openid": "`sub`; in the ID token also `auth_time`, `acr`, `amr` and `sid`",
        "offline_access": "no claim: a refresh token that outlives the session",
    }
    lines = ["| scope | claims, at userinfo | who may ask |", "|---|---|---|"]
    for scope in SCOPES:
        names = ", ".join(f"`{claim.name}`" for claim in CLAIMS if claim.scope == scope)
        who = (
            "clients that the ministry allowed it"
            if scope in SENSITIVE_SCOPES
            else "every client registered for it"
        )
        lines.append(f"| `{scope}` | {names or words[scope]} | {who} |")
    return "\n".join(lines)


#: What a registration gets beside a default.
MEMBERS_ADDED = {"grant_types": "; `refresh_token` is added with the scope `offline_access`"}


def members_table() -> str:
    """Return every member of a registration that counts."""
    lines = ["| member | default | set by |", "|---|---|---|"]
    for member in MEMBERS:
        default = DEFAULTS.get(member.name)
        shown = f"`{json.dumps(default)}`" if default is not None else ""
        shown += MEMBERS_ADDED.get(member.name, "")
        tagged = ", also as `#id`, `#en`" if member.by_language else ""
        who = "the operator" if member.operator_only else "whoever registers"
        lines.append(f"| `{member.name}`{tagged} | {shown} | {who} |")
    return "\n".join(lines)


#: What each row of the table of profiles says to the people of a portal.
RULE_WORDS = {
    "needs_pkce": "PKCE, whatever the operator set",
    "needs_par": "requests are pushed (PAR)",
    "needs_signed_backchannel_request": "CIBA requests are signed",
    "needs_backchannel_context": "CIBA requests tell their `binding_message` or details",
    "needs_sender_constraint": "tokens are bound to a key, by DPoP or certificate",
    "needs_dpop_nonce": "DPoP proofs carry our nonce",
    "auth_methods": "how the client may authenticate",
    "algorithms": "what signatures are made with",
    "own_algorithm": "what we sign with where none is registered",
    "sole_audience": "the issuer is the only audience of an assertion",
    "response_modes": "response modes",
    "request_object_seconds": "seconds of a signed request, at most, with `aud`, `nbf`, `exp`",
    "tells_unasked": "ID tokens tell `sid`, and `ial` beside `profile`, unasked",
    "asks_each_session": "consent is asked in each session, but with `prompt=none`",
}


def profiles_table() -> str:
    """Return what each profile of clients tightens."""

    def shown(value: object) -> str:
        if value is None:
            return "free"
        if isinstance(value, bool):
            return "yes" if value else "no"
        values = sorted(value) if isinstance(value, frozenset) else [value]
        return ", ".join(f"`{item}`" for item in values)

    lines = ["| | " + " | ".join(f"`{profile}`" for profile in RULES) + " |"]
    lines.append("|---" * (len(RULES) + 1) + "|")
    for row in fields(Rules):
        cells = [shown(getattr(rules, row.name)) for rules in RULES.values()]
        lines.append(f"| {RULE_WORDS[row.name]} | {' | '.join(cells)} |")
    return "\n".join(lines)


def details_table() -> str:
    """Return the types of authorization details."""
    lines = ["| `type` | `actions` | `identifier` |", "|---|---|---|"]
    for row in TYPES.values():
        actions = ", ".join(f"`{action}`" for action in row.actions)
        lines.append(f"| `{row.name}` | {actions} | {'needed' if row.needs_identifier else '—'} |")
    return "\n".join(lines)


def endpoints_table() -> str:
    """Return the endpoints by their names in the metadata."""
    lines = ["| member of the discovery document | methods |", "|---|---|"]
    lines += [
        f"| `{row.member}` | {', '.join(row.methods)} |" for row in ENDPOINTS if row != REGISTRATION
    ]
    return "\n".join(lines)


def commands_table() -> str:
    """Return every command with its one-line meaning."""
    lines = ["| command | does |", "|---|---|"]
    lines += [f"| `siapkerja {usage}` | {words} |" for usage, words in _commands(siapkerja, "")]
    return "\n".join(lines)


def _commands(group: click.Group, before: str) -> Iterator[tuple[str, str]]:
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from _commands(command, f"{before}{name} ")
            if not command.invoke_without_command:
                continue
        words = " ".join((command.help or "").split("\n\n")[0].split())
        yield " ".join([f"{before}{name}", *_parameters(command)]), words


def _parameters(command: click.Command) -> Iterator[str]:
    for parameter in command.params:
        if isinstance(parameter, click.Argument):
            yield (parameter.name or "").upper()
        elif isinstance(parameter, click.Option) and parameter.name != "is_json":
            option = parameter.opts[0] + (
                "" if parameter.is_flag else f" {(parameter.name or '').upper()}"
            )
            yield option if parameter.required else f"[{option}]"


def metrics_table() -> str:
    """Return every figure of `/metrics`."""
    lines = ["| name | labels | meaning |", "|---|---|---|"]
    for name, metric in METRICS.items():
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        lines.append(f"| `siapkerja_{name}{metric.kind.suffix}` | {labels} | {metric.words} |")
    return "\n".join(lines)


def limits_table() -> str:
    """Return every limit that the code counts, wherever it is defined."""
    found: dict[str, Limit] = {}
    for path in sorted((ROOT / "idp").rglob("*.py")):
        if "= Limit(" in path.read_text("utf-8"):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            for value in vars(importlib.import_module(name)).values():
                if isinstance(value, Limit):
                    found[value.name] = value
    lines = ["| what | at most | in | without a puzzle |", "|---|---|---|---|"]
    for name, limit in sorted(found.items()):
        free = "all" if limit.free is None else str(limit.free)
        lines.append(f"| `{name}` | {limit.most} | {_span(limit.window_seconds)} | {free} |")
    return "\n".join(lines)


def _span(seconds: int) -> str:
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds % length == 0:
            count = seconds // length
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return f"{seconds} seconds"


def audit_table() -> str:
    """Return the catalogue of events."""
    lines = ["| event | details | shown to the citizen |", "|---|---|---|"]
    for action, entry in CATALOGUE.items():
        details = "; ".join(f"`{name}`: {kind.name}" for name, kind in entry.details.items())
        lines.append(f"| `{action}` | {details} | {'yes' if entry.is_visible else ''} |")
    return "\n".join(lines)


def admin_scopes_table() -> str:
    """Return the scopes of the API of administration."""
    lines = ["| scope | lets a program |", "|---|---|"]
    lines += [f"| `{scope}` | {words} |" for scope, words in ADMIN_SCOPES.items()]
    return "\n".join(lines)


def operations_table() -> str:
    """Return the operations of that API."""
    lines = ["| operation | scope | does |", "|---|---|---|"]
    lines += [
        f"| `{row.method} {row.path}` | `{row.scope}` | {row.summary} |" for row in OPERATIONS
    ]
    return "\n".join(lines)


def roles_table() -> str:
    """Return the matrix of the console: what each role may do."""
    lines = [f"| permission | {' | '.join(f'`{role}`' for role in Role)} |"]
    lines.append("|---|" + "---|" * len(Role))
    for permission, allowed in MATRIX.items():
        marks = " | ".join("yes" if role in allowed else "" for role in Role)
        lines.append(f"| `{permission}` | {marks} |")
    return "\n".join(lines)


PAGES = {
    "docs/specs.md": specifications,
    "docs/addresses.md": addresses,
    "config/example.env": example_environment,
}
MARKED = {
    "settings": settings_table,
    "minimal": minimal_portal,
    "claims": claims_table,
    "members": members_table,
    "profiles": profiles_table,
    "details": details_table,
    "endpoints": endpoints_table,
    "commands": commands_table,
    "metrics": metrics_table,
    "limits": limits_table,
    "audit": audit_table,
    "adminscopes": admin_scopes_table,
    "operations": operations_table,
    "roles": roles_table,
}
_MARK = re.compile(r"(<!-- build: (\w+) -->\n).*?(<!-- end: \2 -->)", re.DOTALL)


def pages() -> Mapping[Path, str]:
    """Return every file that is made here with the text that it should have."""
    made = {ROOT / name: make() for name, make in PAGES.items()}
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        if path in made:
            continue
        text = path.read_text("utf-8")
        if _MARK.search(text):
            made[path] = _MARK.sub(
                lambda found: f"{found[1]}{MARKED[found[2]]()}\n{found[3]}", text
            )
    return made


def main() -> None:
    """Write what differs."""
    for path, text in pages().items():
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
            click.echo(f"wrote {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
