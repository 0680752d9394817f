"""The rounds: every flow on every peer in turn, again and again, so that drift shows."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

from bench.load import Bounds, Outcome
from bench.peers import PEERS, Running
from bench.peers.base import ROOT
from bench.proc import Memory, cpu_seconds, memory
from bench.processes import ended_quietly
from bench.target import Target

#: More flows than any run reaches: its seconds end it.
_MANY: Final = 1_000_000
_FAILED_MAX: Final = 300


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure. `seconds`: length of one sample; `warm_seconds`: of the run before it."""

    flows: tuple[str, ...]
    peers: tuple[str, ...]
    rounds: int
    seconds: float
    warm_seconds: float
    connections: int = 8


@dataclass(frozen=True, slots=True)
class Sample:
    """CPU milliseconds of server and store for one flow, and how many flows that is over."""

    cpu_ms: float
    flows: int
    requests: int


@dataclass(slots=True)
class Figures:
    """Everything that was measured, by peer and flow. `memory`: when it was taken to sizes."""

    samples: dict[tuple[str, str], list[Sample]] = field(default_factory=dict)
    failures: dict[tuple[str, str], str] = field(default_factory=dict)
    memory: dict[str, dict[str, Memory]] = field(default_factory=dict)

    def cpu_ms(self, peer: str, flow: str) -> list[float]:
        """Return the figure of each round, in ascending order."""
        return sorted(sample.cpu_ms for sample in self.samples.get((peer, flow), []))

    def median(self, peer: str, flow: str) -> float | None:
        """Return the middle round's figure, `None` where there is none."""
        found = self.cpu_ms(peer, flow)
        return median(found) if found else None


class LoadFailed(Exception):  # noqa: N818 - named for what happened
    """A flow did not go through; the message is what the load generator saw."""


class Load:
    """A load generator that is prepared for one flow."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, bounds: Bounds) -> Outcome:
        """Run once; `LoadFailed` if any flow fails."""
        self.tell(asdict(bounds))
        told = self.hear()
        outcome = Outcome(**{**told, "failures": tuple(told["failures"])})
        if outcome.failures or not outcome.flows:
            raise LoadFailed(outcome.failures[0] if outcome.failures else "no flow was finished")
        return outcome

    def tell(self, document: dict[str, object]) -> None:
        """Send one line."""
        if self._process.stdin is None:
            raise LoadFailed("the load generator does not listen")
        self._process.stdin.write(json.dumps(document) + "\n")
        self._process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        """Return what the next line says."""
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise LoadFailed("the load generator ended")
        found: dict[str, Any] = json.loads(line)
        return found


@contextmanager
def prepared(target: Target, flow: str, connections: int) -> Iterator[Load]:
    """Start a load generator and let it sign in what the flow needs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.load"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        load = Load(process)
        order = {"target": target.as_document(), "flow": flow, "connections": connections}
        load.tell(order)
        told = load.hear()
        if not told["ready"]:
            raise LoadFailed(str(told["failures"]))
        yield load
    finally:
        ended_quietly(process)


def measure(plan: Plan, folder: Path) -> Figures:
    """Start every peer of the plan, run the rounds, end the peers."""
    figures = Figures()
    with ExitStack() as stack:
        running: dict[str, Running] = {}
        for name in plan.peers:
            _say(f"starting {PEERS[name].title}")
            place = folder / name
            place.mkdir(mode=0o755)
            running[name] = stack.enter_context(PEERS[name].run(place))
        _warm(plan, running, figures)
        _note_memory("idle after warm-up", running, figures)
        for number in range(1, plan.rounds + 1):
            for flow in plan.flows:
                _round(plan, flow, running, figures)
                _say(f"round {number} of {plan.rounds}  {_line(plan.peers, flow, figures)}")
        _note_memory("after the run", running, figures)
    return figures


def _warm(plan: Plan, running: dict[str, Running], figures: Figures) -> None:
    """Run every flow once on every peer: what does not work is left out from here on."""
    for name, peer in running.items():
        seconds = max(plan.warm_seconds, PEERS[name].warm_seconds)
        for flow in plan.flows:
            try:
                with prepared(peer.target, flow, plan.connections) as load:
                    load.run(Bounds(_MANY, seconds))
            except LoadFailed as failure:
                figures.failures[name, flow] = str(failure)[:_FAILED_MAX]
                _say(f"{name} does not do {flow}: {figures.failures[name, flow]}")


def _round(plan: Plan, flow: str, running: dict[str, Running], figures: Figures) -> None:
    for name, peer in running.items():
        if (name, flow) in figures.failures:
            continue
        try:
            sample = _sample(plan, flow, peer)
        except LoadFailed as failure:
            figures.failures[name, flow] = str(failure)[:_FAILED_MAX]
            _say(f"{name} failed at {flow}: {figures.failures[name, flow]}")
            continue
        figures.samples.setdefault((name, flow), []).append(sample)


def _sample(plan: Plan, flow: str, peer: Running) -> Sample:
    with prepared(peer.target, flow, plan.connections) as load:
        load.run(Bounds(_MANY, plan.warm_seconds))
        before = cpu_seconds(peer.pids)
        outcome = load.run(Bounds(_MANY, plan.seconds))
        used = cpu_seconds(peer.pids) - before
    return Sample(used * 1000 / outcome.flows, outcome.flows, outcome.requests)


def _note_memory(when: str, running: dict[str, Running], figures: Figures) -> None:
    for name, peer in running.items():
        figures.memory.setdefault(name, {})[when] = memory([peer.server_pid])


def _line(peers: Sequence[str], flow: str, figures: Figures) -> str:
    told = [
        f"{name} {samples[-1].cpu_ms:.3f}"
        for name in peers
        if (samples := figures.samples.get((name, flow)))
    ]
    return f"{flow:<20} {'  '.join(told)}"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
