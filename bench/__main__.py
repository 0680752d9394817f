"""`python -m bench`: measure, print the tables and, after a whole run, write `bench/README.md`."""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from bench import ours, report
from bench.flows import FLOWS
from bench.harness import Figures, LoadFailed, Plan, measure
from bench.peers import PEERS
from bench.report import Extras

QUICK: Final = {"rounds": 2, "seconds": 1.0, "warm_seconds": 0.5}
WHOLE: Final = {"rounds": 5, "seconds": 4.0, "warm_seconds": 1.5}
_RUSH_SECONDS: Final = 15.0
_OURS: Final = {"ours-sqlite": "sqlite", "ours-postgresql": "postgresql"}


def main(words: Sequence[str] | None = None) -> int:
    """Do what the command line says."""
    asked = _parser().parse_args(words)
    lengths = QUICK if asked.quick else WHOLE
    plan = Plan(
        flows=tuple(asked.only or FLOWS),
        peers=tuple(asked.peers or _possible()),
        rounds=asked.rounds or int(lengths["rounds"]),
        seconds=float(lengths["seconds"]),
        warm_seconds=float(lengths["warm_seconds"]),
    )
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="siapkerja-bench-") as name:
        folder = Path(name)
        # PostgreSQL runs as another user, which must get through to its own folder
        folder.chmod(0o755)
        figures = measure(plan, folder)
    extras = Extras() if asked.quick else _extras(plan)
    print(report.tables(plan, figures, extras))
    is_whole = not (asked.quick or asked.only or asked.peers)
    if is_whole:
        report.write(plan, figures, extras, load_before=load_before)
    return 1 if _ours_failed(figures) else 0


def _possible() -> Iterator[str]:
    """Yield who can be measured here, and say who can't."""
    for peer in PEERS.values():
        if peer.is_there():
            yield peer.name
        else:
            print(f"left out: {peer.title}, which needs {peer.needs}", file=sys.stderr)


def _extras(plan: Plan) -> Extras:
    """Measure what only ours is asked, on servers of its own."""
    extras = Extras()
    for name in _OURS.keys() & set(plan.peers):
        extras.starts[name] = ours.starts(_OURS[name])
        with tempfile.TemporaryDirectory(prefix="siapkerja-bench-") as place:
            folder = Path(place)
            folder.chmod(0o755)
            with PEERS[name].run(folder) as running:
                for flow in plan.flows:
                    try:
                        counted = ours.statements(running, flow)
                    except LoadFailed:
                        continue
                    if counted is not None:
                        extras.statements[flow] = counted
                if "password" in plan.flows:
                    try:
                        extras.rushes[name] = ours.rush(running, _RUSH_SECONDS)
                    except LoadFailed as failure:
                        print(f"{name}: no rush: {failure}", file=sys.stderr)
    return extras


def _ours_failed(figures: Figures) -> bool:
    return any(name in _OURS for name, _ in figures.failures)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two short rounds, nothing written")
    parser.add_argument(
        "--only", action="append", choices=list(FLOWS), metavar="FLOW", help=", ".join(FLOWS)
    )
    parser.add_argument(
        "--peers", nargs="+", choices=list(PEERS), metavar="PEER", help=", ".join(PEERS)
    )
    parser.add_argument("--rounds", type=int, help="rounds, where not as many as usual")
    return parser


if __name__ == "__main__":
    sys.exit(main())
