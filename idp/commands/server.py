"""`siapkerja serve`: the production server in the foreground."""

import errno
import gc
import logging
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from itertools import chain
from multiprocessing.util import Finalize
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn
from urllib.parse import urlsplit

import click

from config import logging as logs
from config.settings import Settings
from idp.app import Application, create_app
from idp.commands import supervisor
from idp.commands.children import end_with
from idp.commands.cores import settle
from idp.commands.output import Output, command, settings, telling
from idp.commands.supervisor import UNHEARD
from idp.web.preload import preload
from idp.wiring import prepare_process, reasons_not_to_start, upgrade_database


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port; default: the issuer's, or 8000.")
@click.option(
    "--workers", type=click.IntRange(min=1), help="Processes; default: one for each core."
)
@command
def serve(output: Output, host: str, port: int | None, workers: int | None) -> None:
    """Run the production server; SIGTERM drains it."""
    chosen = settings(workers=workers or _cores())
    reasons = reasons_not_to_start(chosen, workers=workers or _cores())
    if reasons:
        output.refuse("production", "; ".join(reasons))
    there = port or _port_of(chosen)
    _check_address(host, there, output)
    are_several = (workers or _cores()) > 1
    with _figures() if are_several and chosen.metrics_folder is None else nullcontext() as figures:
        run(chosen, output, host=host, port=there, workers=workers or _cores(), figures=figures)


@contextmanager
def _figures() -> Iterator[Path]:
    """Make a folder for the figures of several workers, for as long as this program runs."""
    with TemporaryDirectory(prefix="siapkerja-figures-") as folder:
        yield Path(folder)


def run(
    chosen: Settings,
    output: Output,
    *,
    host: str,
    port: int,
    workers: int,
    figures: Path | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT: this process becomes the supervisor of those that it forks.

    `figures`: a folder in which workers count together; it is taken away at the end.
    """
    # before there is any thread: workers inherit it
    prepare_process()
    chosen = in_a_server_of(workers, chosen, figures)
    # workers inherit the application (docs/decisions/workers.md): it has neither threads nor
    # connections before `start`
    app = create_app(chosen)
    prepared = _in_child(lambda: _prepare(app, chosen), output)
    preload(app)
    # only this command needs it, and it loads while the child works
    from idp.commands.workers import STOP_SECONDS, Forked  # noqa: PLC0415 - see above

    prepared()
    us = os.getpid()
    one_more = _one_more(host=host, port=port, workers=workers, figures=figures, supervisor=us)

    def become_supervisor(pids: Sequence[int]) -> NoReturn:
        told = [str(figures or ""), str(STOP_SECONDS), ",".join(map(str, pids))]
        _become(supervisor.__file__, *told, *one_more)

    server = Forked(host, port, workers, become_supervisor)
    # workers share what is loaded here as long as nobody writes to it, and a collection would
    gc.collect()
    gc.freeze()
    server.serve(target_loader=lambda _: begin(app, chosen, us, workers))


def _one_more(**options: object) -> list[str]:
    """Return the command that starts one more worker."""
    given = [(f"--{name}", str(value)) for name, value in options.items() if value is not None]
    # `-P`: nothing is imported from the folder where the server happens to run
    return [sys.executable, "-P", "-m", "idp.commands.worker", *chain.from_iterable(given)]


def _become(program: str, *arguments: str) -> NoReturn:
    """Become a program of the standard library alone.

    This process has a copy of every page that its workers have written to since they were forked; a
    program without the application has none.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    command = [sys.executable, "-I", "-S", program, *arguments]
    os.execv(command[0], command)  # noqa: S606 - no shell wanted


def in_a_server_of(workers: int, chosen: Settings, figures: Path | None) -> Settings:
    """Return the settings of each of so many workers.

    AU-3: together they hash cores × 2 passwords at once, as many as there is CPU for.
    """
    if figures is not None:
        chosen = chosen.model_copy(update={"metrics_folder": figures})
    if chosen.password.concurrency:
        return chosen
    share = {"concurrency": max(1, 2 * _cores() // workers)}
    return chosen.model_copy(update={"password": chosen.password.model_copy(update=share)})


def begin(app: Application, chosen: Settings, parent: int, workers: int) -> Callable[..., Any]:
    """Begin the application's work in one of so many workers and return its front door.

    `parent`: their supervisor.

    A worker passes its environment on with every request: it is emptied of our settings. It ends
    with its supervisor, also where that was told to end before the worker could hear of it: nobody
    else would end it, and it would answer on the port of the next server.
    """
    # until granian listens for it, a worker that is told to end has nothing to finish
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    end_with(parent)
    settle(workers, parent)
    signal.pthread_sigmask(signal.SIG_SETMASK, UNHEARD)
    chosen.leave_environment()
    # granian set up its own
    logs.set_up(chosen.log_level)
    logs.write_in_batches()
    app.start()
    # what granian's worker runs last: nothing is left half sent, and no line unwritten
    Finalize(None, app.stop, exitpriority=2)
    Finalize(None, logging.shutdown, exitpriority=1)
    _collect_seldom()
    return app.wsgi_app


def _collect_seldom() -> None:
    """Let the collector of garbage pass over what a worker has loaded, and come less often.

    A request leaves few cycles behind; looking for them at every 700 new objects costs a sign-in a
    twentieth of its time.
    """
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


def _prepare(app: Application, chosen: Settings) -> None:
    """Outside production bring the schema up to date; make missing signing keys."""
    if not chosen.is_production:
        upgrade_database(chosen)
    app.wiring.services.keys.ensure()


def _in_child(work: Callable[[], None], output: Output) -> Callable[[], None]:
    """Do work in a process that ends, so that what it imported does not stay in memory.

    Returns what waits for its end, and ends this process where it failed.
    """
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            with telling(output):
                work()
            code = 0
        except SystemExit:
            # the reason is told
            sys.stderr.flush()
        except BaseException:
            traceback.print_exc()
            raise
        finally:
            os._exit(code)

    def wait() -> None:
        _, status = os.waitpid(pid, 0)
        if status != 0:
            raise SystemExit(1)

    return wait


def _check_address(host: str, port: int, output: Output) -> None:
    """Refuse where nobody could listen, in one line instead of the server's own trace."""
    fault = _fault_of_address(host, port)
    if fault is None:
        return
    if fault.errno == errno.EADDRINUSE:
        output.refuse("port.taken", f"port {port} is taken; `--port` names another")
    if fault.errno == errno.EACCES:
        output.refuse("port.rights", f"port {port} needs more rights; `--port` names another")
    output.refuse("host.unknown", f"{host} is no address of this machine; `--host` names another")


def is_taken(host: str, port: int) -> bool:
    """Return whether somebody listens there already."""
    fault = _fault_of_address(host, port)
    return fault is not None and fault.errno == errno.EADDRINUSE


def _fault_of_address(host: str, port: int) -> OSError | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with closing(socket.socket(family)) as trying:
            trying.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trying.bind((host, port))
    except OSError as error:
        return error
    return None


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _port_of(chosen: Settings) -> int:
    parts = urlsplit(chosen.issuer)
    return parts.port if parts.scheme == "http" and parts.port else 8000
