"""For operators who run gunicorn instead of `siapkerja serve`.

gunicorn -c python:config.gunicorn --bind 127.0.0.1:8000
"""

import os
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

from gunicorn.http import message

from config.logging import server_logging

wsgi_app = "wsgi:app"
workers = int(os.environ.setdefault("WEB_CONCURRENCY", str(len(os.sched_getaffinity(0)))))
worker_class = "gthread"
# most requests take a thread for a millisecond; a call to the registry holds one for seconds
threads = 16
# each worker opens its own connections to the database
preload_app = False
# longer than the longest call to a gateway
timeout = 30
graceful_timeout = 20
keepalive = 5
# our own front door writes the access log, without personal data
accesslog = None
loglevel = "warning"
logconfig_dict = server_logging("gunicorn.error")
# longer than the longest address that our own front door takes, so that its words answer a longer
# one; gunicorn would hold every setting down to 8190
limit_request_line = message.MAX_REQUEST_LINE = 40_960

# whichever worker is asked for its figures tells those of all
_figures = None
if "SIAPKERJA_METRICS_FOLDER" not in os.environ:
    _figures = os.environ["SIAPKERJA_METRICS_FOLDER"] = mkdtemp(prefix="siapkerja-figures-")


def on_exit(_: Any) -> None:
    """Take the figures of this run away, where the folder is ours."""
    if _figures is not None:
        rmtree(_figures, ignore_errors=True)


def post_worker_init(worker: Any) -> None:
    """Begin the worker's background work as soon as it has loaded the application."""
    worker.wsgi.start()


def worker_exit(_: Any, worker: Any) -> None:
    """End the background work, so that nothing is left half sent."""
    if getattr(worker, "wsgi", None):
        worker.wsgi.stop()
