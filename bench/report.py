"""The tables, and `bench/README.md`, which nothing else writes."""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Final

from bench.flows import FLOWS
from bench.harness import Figures, Plan
from bench.ours import LOGINS_A_SECOND, Rush
from bench.peers import PEERS, keycloak
from bench.peers.base import ROOT
from bench.peers.oidc_provider import versions as node_versions

README: Final = Path(__file__).with_name("README.md")
#: Who is compared with, and what `contract.md` section 5 asks of each way to run ours.
NOW: Final[Mapping[str, Mapping[str, float]]] = {
    "node-es256": {"ours-sqlite": 0.9, "ours-postgresql": 1.2},
    "keycloak": {"ours-sqlite": 0.3, "ours-postgresql": 0.3},
}
#: Beside whom the aim stands.
YARDSTICK: Final = "node-es256"
AIM: Final = 0.4
AIM_BY_FLOW: Final[Mapping[str, float]] = {"introspection": 0.33}
#: Within this factor either way a ratio says nothing unless repeated.
NOISE: Final = 1.3
START_AIM_SECONDS: Final = 1.5
MEMORY_AIM_MIB: Final = 150
P99_AIM_MS: Final = 10.0


@dataclass(slots=True)
class Extras:
    """What is measured beside the rounds, by peer; statements also by flow."""

    statements: dict[str, float] = field(default_factory=dict)
    rushes: dict[str, Rush] = field(default_factory=dict)
    starts: dict[str, list[float]] = field(default_factory=dict)


def tables(plan: Plan, figures: Figures, extras: Extras) -> str:
    """Return everything measured as Markdown."""
    parts = [
        _cpu_table(plan, figures, extras),
        _ratio_tables(plan, figures),
        _memory_table(figures),
        _start_table(extras),
        _rush_table(extras),
        _left_out(figures),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def write(plan: Plan, figures: Figures, extras: Extras, *, load_before: float) -> None:
    """Write the page with date and machine. `load_before`: runnable tasks, a minute's mean."""
    README.write_text(
        _HEAD.format(
            when=today(),
            commit=_commit(),
            machine=machine(load_before),
            versions=_versions(plan),
            rounds=plan.rounds,
            seconds=plan.seconds,
            connections=plan.connections,
        )
        + tables(plan, figures, extras)
        + _TAIL,
        "utf-8",
    )


def _cpu_table(plan: Plan, figures: Figures, extras: Extras) -> str:
    counted = bool(extras.statements)
    head = ["flow", *(PEERS[name].title for name in plan.peers)]
    rows = []
    for flow in plan.flows:
        row = [FLOWS[flow].title, *(_spread(figures.cpu_ms(name, flow)) for name in plan.peers)]
        if counted:
            row.append(f"{extras.statements[flow]:.1f}" if flow in extras.statements else "–")
        rows.append(row)
    if counted:
        head.append("statements, ours")
    return "## CPU of server and store, ms a flow: median (least–most)\n\n" + _table(head, rows)


def _ratio_tables(plan: Plan, figures: Figures) -> str:
    told = [
        _ratio_table(other, asked, plan, figures)
        for other, asked in NOW.items()
        if other in plan.peers
    ]
    if not any(told):
        return ""
    return "\n\n".join(told) + (
        "\n\n✓ within what is asked now, ★ within the aim (0.4 of oidc-provider; introspection "
        f"0.33), ✗ not; ≈ within {NOISE} either way: says nothing unless repeated."
    )


def _ratio_table(other: str, asked: Mapping[str, float], plan: Plan, figures: Figures) -> str:
    ours = [name for name in asked if name in plan.peers]
    head = ["flow", *(f"{PEERS[name].title}, now at most {asked[name]}" for name in ours)]
    rows = [
        [FLOWS[flow].title, *(_ratio(name, other, flow, figures) for name in ours)]
        for flow in plan.flows
    ]
    return f"## Ours over {PEERS[other].title}\n\n{_table(head, rows)}" if ours else ""


def _ratio(name: str, other: str, flow: str, figures: Figures) -> str:
    mine, theirs = figures.median(name, flow), figures.median(other, flow)
    if mine is None or not theirs:
        return "–"
    ratio = mine / theirs
    aim = AIM_BY_FLOW.get(flow, AIM) if other == YARDSTICK else 0
    mark = "★" if ratio <= aim else "✓" if ratio <= NOW[other][name] else "✗"
    return f"{ratio:.2f} {mark}" + (" ≈" if 1 / NOISE < ratio < NOISE else "")


def _memory_table(figures: Figures) -> str:
    if not figures.memory:
        return ""
    moments = list(next(iter(figures.memory.values())))
    head = ["server alone, two workers", *(f"{moment}: PSS / RSS" for moment in moments)]
    rows = [
        [PEERS[name].title, *(f"{m.pss:.0f} / {m.rss:.0f}" for m in found.values())]
        for name, found in figures.memory.items()
    ]
    return f"## Memory, MiB (ours: aim {MEMORY_AIM_MIB})\n\n" + _table(head, rows)


def _start_table(extras: Extras) -> str:
    if not extras.starts:
        return ""
    rows = [[PEERS[name].title, _spread(found, 2)] for name, found in extras.starts.items()]
    title = f"## From start to `/readyz`, seconds (aim {START_AIM_SECONDS})"
    return f"{title}\n\n" + _table(["two workers", "median (least–most)"], rows)


def _rush_table(extras: Extras) -> str:
    if not extras.rushes:
        return ""
    rows = [
        [PEERS[name].title, f"{r.p50_ms:.1f}", f"{r.p99_ms:.1f}", f"{r.logins_a_second:.0f}"]
        for name, r in extras.rushes.items()
    ]
    title = f"## Userinfo beside {LOGINS_A_SECOND:.0f} password logins a second, ms"
    head = ["", "p50", f"p99 (aim {P99_AIM_MS:.0f})", "logins a second that got through"]
    return f"{title}\n\n" + _table(head, rows)


def _left_out(figures: Figures) -> str:
    if not figures.failures:
        return ""
    lines = [
        f"- {PEERS[name].title}, {FLOWS[flow].title}: did not go through"
        for name, flow in figures.failures
    ]
    return "## Left out\n\n" + "\n".join(lines)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _spread(found: Sequence[float], digits: int | None = None) -> str:
    if not found:
        return "–"
    middle = median(found)
    places = digits if digits is not None else 2 if middle >= 1 else 3
    return f"{middle:.{places}f} ({found[0]:.{places}f}–{found[-1]:.{places}f})"


def _commit() -> str:
    told = ["git", "-C", str(ROOT), "describe", "--always", "--dirty=+", "--abbrev=10"]
    done = subprocess.run(told, check=False, capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


def today() -> str:
    """Return the present minute, for what a page says of itself."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def machine(load_before: float) -> str:
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text("utf-8"))
    total = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text("utf-8"))
    gib = int(total[1]) / 1024**2 if total else 0
    return (
        f"{os.cpu_count()} × {cpu[1] if cpu else 'unknown'}, {gib:.0f} GiB, "
        f"Linux {platform.release()}, load before the run {load_before:.1f}"
    )


def _versions(plan: Plan) -> str:
    own = [f"Python {platform.python_version()}", f"granian {version('granian')}"]
    stores = [_first_line("redis-server", "--version"), _postgres()]
    peers = [*node_versions(), _canaille()]
    if "keycloak" in plan.peers:
        peers.append(f"Keycloak {keycloak.VERSION}")
    return ", ".join([*own, *peers, *stores])


def _first_line(*command: str) -> str:
    if shutil.which(command[0]) is None:
        return ""
    told = subprocess.run(command, check=False, capture_output=True, text=True).stdout
    found = re.search(r"v=(\S+)", told)
    return f"Redis {found[1]}" if found else ""


def _postgres() -> str:
    found = sorted(Path("/usr/lib/postgresql").glob("*"))
    return f"PostgreSQL {found[-1].name}" if found else "PostgreSQL"


def _canaille() -> str:
    pins = Path(__file__).with_name("peers") / "canaille.requirements.txt"
    found = re.search(r"(?mi)^canaille==(\S+)", pins.read_text("utf-8"))
    return f"canaille {found[1]}" if found else "canaille"


_HEAD: Final = """\
# What a flow costs

Written by `make bench` at {when}, commit {commit}; not by hand.

Machine: {machine}. {versions}.

The figure is CPU, user and system, of the server's processes **and** its store's, from `/proc`, for
one flow; rates on shared machines lie. Every flow runs on every peer in turn, {rounds} rounds of
{seconds:g} s, {connections} connections kept alive, after a warm-up; the load generator is a
process of its own and is not counted.

"""

_TAIL: Final = """
## How each of them runs

- **Ours**: `siapkerja serve --workers 2`, settings as they come, but for rate limits (one address
  makes all the load), the second step on unknown browsers, and a database. Pairwise subjects,
  access tokens as signed JWT, every request logged. SQLite in WAL with `synchronous=FULL`;
  PostgreSQL with its defaults, `fsync` on.
- **oidc-provider** (npm): the Redis storage of its documentation, append-only file synced each
  second; two workers by `node:cluster`, own interaction page, grants of first-party clients without
  a consent page. Access tokens are opaque, but for client credentials, which get a JWT. One run
  signs everything with ES256, one with RS256.
- **canaille** (PyPI): `canaille run --workers 2`, its own server, on PostgreSQL. Its client
  credentials get an opaque token, a refresh gets no ID token, and sign-in takes two pages.
- **Keycloak**: `kc.sh build --db=postgres`, `kc.sh start --optimized`, one process whose threads
  and heap it chooses itself, sessions kept in PostgreSQL as it does by default. Access tokens are
  signed JWT; a public client keeps its refresh token, where ours rotates. Each flow runs for 20 s
  before, since Java compiles while it runs. It is left out where there is no Java 17.
- Everywhere: PKCE with S256, `state`, `nonce`, ES256 ID tokens unless named, Argon2id with 19 MiB,
  2 passes, 1 lane; consent not needed. A password login goes from the portal's request through the
  page and the credentials to the code at the portal, each time in a new browser.
- Tokens are read in turn from eight a connection. Statements are those that PostgreSQL logged,
  without BEGIN and COMMIT.
"""
