"""The load generator: a process of its own, so that its CPU is nobody else's.

Reads one JSON order on its first line of standard input, prepares, says that it is ready; then
runs once for each further line and answers with one line. Ends with its input.
"""

import json
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from bench.flows import FLOWS, Step
from bench.target import Target
from bench.visit import Visit
from bench.wire import PeerFailed

_PREPARE_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """A run ends at the first of both. `rate`: flows a second over all; 0: as fast as it goes."""

    count: int
    seconds: float
    rate: float = 0.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did. Latencies in milliseconds, from the moment at which a flow was due."""

    flows: int
    requests: int
    seconds: float
    failures: tuple[str, ...]
    p50_ms: float
    p99_ms: float


@dataclass(slots=True)
class _Tally:
    bounds: Bounds
    began: float = field(default_factory=time.monotonic)
    taken: int = 0
    latencies: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next_due(self) -> float | None:
        """Return when the next flow is due, `None` when the run is over."""
        with self.lock:
            number = self.taken
            self.taken += 1
        due = self.began + number / self.bounds.rate if self.bounds.rate else time.monotonic()
        over = number >= self.bounds.count or due - self.began >= self.bounds.seconds
        return None if over or self.failures else due

    def run(self, step: Step) -> None:
        """Repeat a flow on one connection until the run is over."""
        while (due := self.next_due()) is not None:
            wait = due - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            try:
                step()
            except (PeerFailed, OSError) as error:
                self.failures.append(f"{type(error).__name__}: {error}")
                return
            self.latencies.append((time.monotonic() - due) * 1000)


def main() -> int:
    """Serve the harness on standard input and output."""
    order = json.loads(sys.stdin.readline())
    target, flow = Target.from_document(order["target"]), FLOWS[order["flow"]]
    people = target.people
    visits = [
        Visit.begin(target, people[number % len(people)]) for number in range(order["connections"])
    ]
    steps: list[Step | None] = [None] * len(visits)
    failures: list[str] = []

    def prepare(number: int) -> None:
        try:
            steps[number] = flow.prepare(visits[number])
        except (PeerFailed, OSError, KeyError) as error:
            failures.append(f"{type(error).__name__}: {error}")

    _in_threads([(prepare, number) for number in range(len(visits))])
    ready = [step for step in steps if step is not None]
    print(json.dumps({"ready": not failures, "failures": failures[:3]}), flush=True)
    for line in sys.stdin:
        print(json.dumps(asdict(_run(visits, ready, Bounds(**json.loads(line))))), flush=True)
    return 0


def _run(visits: list[Visit], steps: list[Step], bounds: Bounds) -> Outcome:
    before = sum(visit.connection.requests for visit in visits)
    tally = _Tally(bounds)
    _in_threads([(tally.run, step) for step in steps])
    seconds = time.monotonic() - tally.began
    requests = sum(visit.connection.requests for visit in visits) - before
    ordered = sorted(tally.latencies) or [0.0]
    return Outcome(
        flows=len(tally.latencies),
        requests=requests,
        seconds=seconds,
        failures=tuple(tally.failures[:3]),
        p50_ms=ordered[len(ordered) // 2],
        p99_ms=ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)],
    )


def _in_threads(calls: list[tuple[Any, Any]]) -> None:
    threads = [threading.Thread(target=call, args=(given,), daemon=True) for call, given in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_PREPARE_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
