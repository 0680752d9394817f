"""`python -m jkp`: the module as a process, for trying out.

In production any WSGI server runs `jkp.wsgi:app`; see `docs/operate.md`.
"""

import argparse
import signal
import sys
from typing import Final

from werkzeug.serving import WSGIRequestHandler, make_server

from jkp.app import create_app
from jkp.settings import Settings, SettingsError

LOOPBACK: Final = "127.0.0.1"


class _Quiet(WSGIRequestHandler):
    """Keep request lines, which hold authorization codes, out of every log."""

    def log_request(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m jkp", description=__doc__)
    parser.add_argument("--host", default=LOOPBACK, help="address to listen on")
    parser.add_argument("--port", type=int, default=8002, help="port to listen on")
    arguments = parser.parse_args()
    try:
        app = create_app(Settings.from_env())
    except SettingsError as error:
        sys.exit("\n".join(f"jkp: {problem}" for problem in error.problems))
    server = make_server(arguments.host, arguments.port, app, threaded=True, request_handler=_Quiet)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
    server.serve_forever()


if __name__ == "__main__":
    main()
