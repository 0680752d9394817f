"""One more worker for a server that runs, in this process: its supervisor starts it."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from idp.app import create_app
from idp.commands.output import Output, settings, telling
from idp.commands.server import begin, in_a_server_of
from idp.commands.supervisor import READY
from idp.commands.workers import Alone
from idp.web.preload import preload
from idp.wiring import prepare_process


@click.command()
@click.option("--host", required=True)
@click.option("--port", type=int, required=True)
@click.option("--workers", type=int, required=True, help="How many the server has.")
@click.option("--figures", type=click.Path(path_type=Path), help="Where they count together.")
@click.option("--supervisor", type=int, required=True, help="Its process id.")
def main(host: str, port: int, workers: int, figures: Path | None, supervisor: int) -> None:
    """Serve until SIGTERM. What the first start sees to, the schema among it, is as it left it."""
    prepare_process()
    with telling(Output(is_json=True)):
        chosen = in_a_server_of(workers, settings(), figures)
        app = create_app(chosen)
        preload(app)

    def load(_: str) -> Callable[..., Any]:
        front = begin(app, chosen, supervisor, workers)
        os.kill(supervisor, READY)
        return front

    Alone(host, port).serve(target_loader=load)


if __name__ == "__main__":
    main()
