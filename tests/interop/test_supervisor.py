"""The supervisor of `siapkerja serve` as a program, with workers that serve nobody."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from idp.commands import supervisor
from tests.servers import children_of
from tests.waiting_for import until

#: What forks two workers and becomes their supervisor, as `server.run` does. Arguments: the
#: workers' script, then those of the supervisor from the figures on, without the process ids.
STARTS = f"""
import os, sys
sys.path.insert(0, {str(Path(supervisor.__file__).parent)!r})
import signal, supervisor
signal.pthread_sigmask(signal.SIG_BLOCK, supervisor.HEARD)
script, figures, seconds, *command = sys.argv[1:]
pids = []
for _ in range(2):
    pid = os.fork()
    if pid == 0:
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.execv("/bin/sh", ["/bin/sh", "-c", script])
    pids.append(str(pid))
program = [sys.executable, "-I", "-S", supervisor.__file__, figures, seconds, ",".join(pids)]
os.execv(program[0], [*program, *command])
"""
WAITS = "exec sleep 60"
#: Takes a moment to end, and says so.
FINISHES = (
    """trap 'trap "" TERM; sleep 1; echo finished >> said; exit' TERM; """
    "echo here >> said; while :; do sleep 0.1; done"
)
DEAF = "trap '' TERM; echo here >> said; while :; do sleep 1; done"


@dataclass
class Supervised:
    process: subprocess.Popen[bytes]
    folder: Path

    def workers(self) -> set[int]:
        return children_of(self.process.pid)

    def said(self) -> list[str]:
        path = self.folder / "said"
        return path.read_text().split() if path.exists() else []

    def log(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in (self.folder / "log").read_text().splitlines()]


@contextmanager
def supervised(
    folder: Path, script: str, *, seconds: float = 20, one_more: str = WAITS
) -> Iterator[Supervised]:
    figures = folder / "figures"
    figures.mkdir()
    (figures / "counter.db").write_text("1")
    command = [sys.executable, "-c", STARTS, script, str(figures), str(seconds)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "/bin/sh", "-c", one_more],
            cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        found = Supervised(process, folder)
        until(lambda: len(found.workers()) == 2 and b"-I\0-S" in command_of(process.pid))
        yield found
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def command_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_r_17_workers_finish_what_they_began_and_a_second_signal_changes_nothing(
    tmp_path: Path, number: signal.Signals
) -> None:
    with supervised(tmp_path, FINISHES) as running:
        until(lambda: running.said() == ["here", "here"])
        running.process.send_signal(number)
        running.process.send_signal(signal.SIGTERM)
        running.process.send_signal(signal.SIGINT)
        code = running.process.wait(20)

    assert code == 0
    assert running.said() == ["here", "here", "finished", "finished"]
    assert not (tmp_path / "figures").exists()
    assert not running.log()


def test_a_worker_that_does_not_end_is_killed(tmp_path: Path) -> None:
    with supervised(tmp_path, DEAF, seconds=0.5) as running:
        until(lambda: running.said() == ["here", "here"])
        workers = running.workers()
        running.process.terminate()

        assert running.process.wait(20) == 0

    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]


def test_a_worker_that_ended_is_replaced_and_the_log_says_so(tmp_path: Path) -> None:
    with supervised(tmp_path, WAITS) as running:
        first, second = sorted(running.workers())
        os.kill(first, signal.SIGKILL)
        until(lambda: first not in running.workers() and len(running.workers()) == 2)
        assert second in running.workers()
        running.process.terminate()
        assert running.process.wait(20) == 0

    (line,) = running.log()
    assert datetime.fromisoformat(str(line.pop("at"))).tzinfo is not None
    assert line == {
        "level": "ERROR",
        "logger": "idp.commands.supervisor",
        "event": "worker ended",
        "pid": first,
        "status": -signal.SIGKILL,
    }


@pytest.mark.parametrize("one_more", ["exit 3", "exit 0"])
def test_workers_that_end_as_soon_as_they_begin_end_the_server(
    tmp_path: Path, one_more: str
) -> None:
    with supervised(tmp_path, WAITS, one_more=one_more) as running:
        first, second = sorted(running.workers())
        os.kill(first, signal.SIGKILL)

        assert running.process.wait(20) == 1

    assert not Path(f"/proc/{second}").exists()
    assert not (tmp_path / "figures").exists()
    told = [line["event"] for line in running.log()]
    assert told == ["worker ended", "worker ended", "workers end as soon as they begin"]


def test_workers_serve_on_where_the_new_ones_can_not_begin(tmp_path: Path) -> None:
    with supervised(tmp_path, WAITS, one_more="exit 3") as running:
        before = running.workers()
        running.process.send_signal(signal.SIGHUP)
        until(lambda: "workers not renewed" in [line["event"] for line in running.log()])

        assert running.workers() == before
        running.process.terminate()
        assert running.process.wait(20) == 0
