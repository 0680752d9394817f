"""`siapkerja serve`: the production server in the foreground."""

import errno
import gc
import logging
import os
import socket
import sys
import traceback
from collections.abc import Callable
from contextlib import closing
from multiprocessing.util import Finalize
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.parse import urlsplit

import click

from config import logging as logs
from config.settings import Settings
from idp.app import Application, create_app
from idp.commands.children import end_with
from idp.commands.output import Output, command, settings, telling
from idp.web import compiled
from idp.wiring import prepare_process, reasons_not_to_start, upgrade_database

#: Threads of a worker: most requests take one for a millisecond; a call to the registry or the
#: floor of a failed sign-in holds one for longer.
THREADS: Final = 16
#: Requests that wait in a worker before the socket's queue fills; then the balancer is told.
BACKPRESSURE: Final = 128


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port; default: the issuer's, or 8000.")
@click.option(
    "--workers", type=click.IntRange(min=1), help="Processes; default: one for each core."
)
@command
def serve(output: Output, host: str, port: int | None, workers: int | None) -> None:
    """Run the production server; SIGTERM drains it."""
    chosen = settings()
    reasons = reasons_not_to_start(chosen, workers=workers or _cores())
    if reasons:
        output.refuse("production", "; ".join(reasons))
    with TemporaryDirectory(prefix="siapkerja-figures-") as folder:
        if (workers or _cores()) > 1 and chosen.metrics_folder is None:
            chosen = chosen.model_copy(update={"metrics_folder": Path(folder)})
        there = port or _port_of(chosen)
        _check_address(host, there, output)
        run(chosen, output, host=host, port=there, workers=workers or _cores())


def run(chosen: Settings, output: Output, *, host: str, port: int, workers: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    # before there is any thread: workers inherit it
    prepare_process()
    if not chosen.password.concurrency:
        chosen = _sharing_cores(chosen, workers)
    # workers inherit the application (docs/decisions/workers.md): it has neither threads nor
    # connections before `start`
    app = create_app(chosen)
    prepared = _in_child(lambda: _prepare(app, chosen), output)
    compiled.load_compiled(app)
    from granian import Granian  # noqa: PLC0415 - only this command needs it, while the child works
    from granian.constants import Interfaces  # noqa: PLC0415

    prepared()
    server = Granian(
        "idp.app:create_app",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=THREADS,
        backpressure=BACKPRESSURE,
        log_access=False,
        log_level=_quiet(),
        log_dictconfig=logs.server_logging("_granian"),
        respawn_failed_workers=True,
        workers_kill_timeout=20,
    )
    # workers share what is loaded here as long as nobody writes to it, and a collection would
    gc.collect()
    gc.freeze()
    supervisor = os.getpid()
    server.serve(target_loader=lambda _: _begin(app, chosen, supervisor))


def _sharing_cores(chosen: Settings, workers: int) -> Settings:
    """Return settings under which all workers together hash as many passwords as there is CPU for.

    AU-3: cores × 2 at once.
    """
    share = {"concurrency": max(1, 2 * _cores() // workers)}
    return chosen.model_copy(update={"password": chosen.password.model_copy(update=share)})


def _begin(app: Application, chosen: Settings, supervisor: int) -> Callable[..., Any]:
    """Begin the application's work in a worker and return its front door.

    A worker passes its environment on with every request: it is emptied of our settings. It ends
    with its supervisor, also where that was told to end before the worker could hear of it: nobody
    else would end it, and it would answer on the port of the next server.
    """
    end_with(supervisor)
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


def _quiet() -> Any:
    from granian.log import LogLevels  # noqa: PLC0415

    return LogLevels.warning
