"""Prometheus metrics: the figures of `idp.ports.metrics.METRICS`, of one process or of several.

Several workers behind one port answer `/metrics` in turn. With a folder each keeps its figures in
files there (the library's multi-process mode), and whichever is asked tells the sum.
"""

import os
from pathlib import Path
from threading import Lock
from typing import Final, cast

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector

from idp.ports.metrics import METRICS, Kind, Metric

PREFIX: Final = "siapkerja_"
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class PrometheusMetrics:
    """Implements `idp.ports.metrics.Metrics`; a figure appears with its first use.

    `folder`: shared by the workers of one server; without one this process tells its own figures.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.registry = CollectorRegistry()
        self._folder = folder
        self._lock = Lock()
        self._made: dict[str, Counter | Gauge | Histogram] = {}
        # the library's `labels()` costs more than the counting itself
        self._labelled: dict[tuple[str, ...], Histogram] = {}
        if folder is not None:
            _share(folder)

    def count(self, name: str, /, **labels: str) -> None:
        metric = cast("Counter", self._metric(name))
        (metric.labels(**labels) if labels else metric).inc()

    def gauge(self, name: str, value: float, /, **labels: str) -> None:
        metric = cast("Gauge", self._metric(name))
        (metric.labels(**labels) if labels else metric).set(value)

    def observe(self, name: str, seconds: float, /, **labels: str) -> None:
        key = (name, *labels.values())
        found = self._labelled.get(key)
        if found is None:
            metric = cast("Histogram", self._metric(name))
            found = self._labelled[key] = metric.labels(**labels) if labels else metric
        found.observe(seconds)

    def exposition(self) -> bytes:
        """Return the text format that Prometheus reads."""
        if self._folder is None:
            return generate_latest(self.registry)
        of_all = CollectorRegistry()
        MultiProcessCollector(of_all, path=str(self._folder))  # type: ignore[no-untyped-call]
        return generate_latest(of_all)

    def _metric(self, name: str) -> Counter | Gauge | Histogram:
        found = self._made.get(name)
        if found is None:
            with self._lock:
                found = self._made.get(name) or self._make(name, METRICS[name])
                self._made[name] = found
        return found

    def _make(self, name: str, metric: Metric) -> Counter | Gauge | Histogram:
        match metric.kind:
            case Kind.COUNTER:
                return Counter(PREFIX + name, metric.words, metric.labels, registry=self.registry)
            case Kind.GAUGE:
                return Gauge(
                    PREFIX + name,
                    metric.words,
                    metric.labels,
                    registry=self.registry,
                    multiprocess_mode="mostrecent",
                )
            case Kind.DURATION:
                return Histogram(
                    PREFIX + name + metric.kind.suffix,
                    metric.words,
                    metric.labels,
                    registry=self.registry,
                    buckets=_BUCKETS,
                )


def _share(folder: Path) -> None:
    """Let the library keep values in files; it reads the folder's name from the environment."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)  # noqa: TID251 - the library reads it there
    values.ValueClass = values.MultiProcessValue(_this_process)  # type: ignore[no-untyped-call]


#: Our number, asked of the system once a process: the library asks twice for each observation.
_number: list[int] = [os.getpid()]


def _this_process() -> int:
    return _number[0]


def _renumber() -> None:
    _number[0] = os.getpid()


os.register_at_fork(after_in_child=_renumber)
