"""The WSGI application for any server: `gunicorn -c config/gunicorn.py`, or `wsgi:app`."""

import os

from config.settings import Settings, SettingsError
from idp.app import create_app
from idp.wiring import reasons_not_to_start

# gunicorn names its workers' number here; another server is asked to, or counts as one
workers = int(os.environ.get("WEB_CONCURRENCY", "1"))
settings = Settings.from_env(workers=workers)
reasons = reasons_not_to_start(settings, workers=workers)
if reasons:
    # not SystemExit: gunicorn would start the worker again and again
    raise SettingsError(reasons)
settings.leave_environment()
app = create_app(settings)
# a server without a hook for its workers starts their background work with the first request
app.starts_with_first_request = True
